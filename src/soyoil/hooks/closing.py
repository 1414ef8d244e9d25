"""Kedro hook that ends a run with its result in words, and with what to open."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import click
import pandas as pd
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.pipeline import Pipeline

from soyoil.base.data_folder import data_folder
from soyoil.hooks.parameters import ParameterHooks
from soyoil.tracking.environment import LOCAL, STORE_VARIABLE, server_of

REPORT: Final = "report"
FORECAST: Final = "forecast_files"
SKILL_TABLE: Final = "skill_table"
RESULT_FILE: Final = "result.txt"
"""File of the report that is shown."""
TABLE_FILE: Final = "skill_table.txt"
_PAGES: Final = {
    FORECAST: ("forecast.html", "what to expect from the last session on"),
    REPORT: ("report.html", "whether to trust it, and why"),
}
NUMBERS: Final = "docs/numbers.md"
_WIDTH: Final = 32


def _command(name: str) -> str:
    """How a command of this environment is called from the project's root."""
    own = Path(sys.executable).parent / name
    if shutil.which(name) or not own.exists():
        return name
    path = os.path.relpath(own)
    # An environment elsewhere is one that its user knows how to call.
    return name if path.startswith(os.pardir) else path


def what_to_open(root: Path, outputs: Iterable[str]) -> str:
    """The pages that a run has made, its tracked run, and the command that opens them all.

    Parameters
    ----------
    root
        Root of the project.
    outputs
        Names of the datasets that the pipeline makes.

    Returns
    -------
    str
        Empty if none of them is a page.
    """
    made = set(outputs)
    folder = data_folder(root) / "08_reporting"
    found = {
        os.path.relpath(folder / file): what
        for name, (file, what) in _PAGES.items()
        if name in made and (folder / file).is_file()
    }
    if not found:
        return ""
    server = server_of(os.environ.get(STORE_VARIABLE, "")) if REPORT in made else ""
    if server == LOCAL:
        found[f"{_command('mlflow')} ui"] = f"the runs behind it, {LOCAL}"
    elif server:
        found[server] = "the runs behind it"
    demo = "make demo" if (root / "Makefile").is_file() else f"{_command('kedro')} demo"
    lines = [f"  {place:<{_WIDTH}}  {what}" for place, what in found.items()]
    lines.append(f"All of it in the browser: {demo}")
    table = folder / TABLE_FILE
    if REPORT in made and table.is_file():
        lines.append(f"Every model as a table: {os.path.relpath(table)}")
    if (root / NUMBERS).is_file():
        lines.append(f"What each number means: {NUMBERS}")
    return "\n".join(["", "Open:", *lines])


class ClosingHooks:
    """Show the result of a run as the last thing.

    Parameters
    ----------
    checked
        The hooks that check the parameters of the run.
    """

    def __init__(self, checked: ParameterHooks) -> None:
        self._checked = checked
        self._root: Path | None = None
        self._result = ""
        self._scores: pd.DataFrame | None = None

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Keep the root of the project."""
        self._root = context.project_path

    @hook_impl
    def before_pipeline_run(self) -> None:
        """Forget an earlier run of this process."""
        self._result, self._scores = "", None

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Keep what is to be shown."""
        if dataset_name == REPORT and isinstance(data, Mapping):
            self._result = str(data.get(RESULT_FILE, ""))
        elif dataset_name == SKILL_TABLE and isinstance(data, pd.DataFrame):
            self._scores = data

    # What other hooks log of the end comes before.
    @hook_impl(trylast=True)
    def after_pipeline_run(self, pipeline: Pipeline) -> None:
        """Show the result; that of an evaluation without a report has no forecast."""
        text = self._result or self._without_report()
        if text:
            click.echo(text, nl=False)
        places = what_to_open(self._root, pipeline.all_outputs()) if self._root else ""
        if places:
            click.echo(places)
        self._result, self._scores = "", None

    def _without_report(self) -> str:
        table, parameters = self._scores, self._checked.parameters
        if table is None or parameters is None:
            return ""
        # Imported here because every command imports the hooks.
        from soyoil.reports.result import About, result_text, table_text

        kinds = {name: sorted(set(map(str, table[name]))) for name in ("provenance", "rolls")}
        about = About(
            parameters.target.symbol,
            " and ".join(kinds["provenance"]),
            "unknown" if "unknown" in kinds["rolls"] else "known",
        )
        scores = table.to_dict("records")
        return result_text(scores, about) + "\n" + table_text(scores, about)
