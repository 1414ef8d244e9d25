"""What a person sees: terminal tables and figures."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.reports.figures import skill_card, split_plan_figure
    from soyoil.reports.plan import print_plan
    from soyoil.reports.terminal import progress_bar, result_line, skill_table
    from soyoil.reports.words import RunFacts, pipeline_note, run_note
else:
    __getattr__ = lazy_names(__name__)

__all__ = [
    "RunFacts", "pipeline_note", "print_plan", "progress_bar", "result_line", "run_note",
    "skill_card", "skill_table", "split_plan_figure",
]  # fmt: skip
