"""Nodes of the panel."""

from __future__ import annotations

import pandas as pd
from rich.console import Console

from soyoil.models.champion import ChampionConfig
from soyoil.models.registry import CHAMPION
from soyoil.panel.config import PanelConfig
from soyoil.panel.losses import REFERENCE, PanelRules
from soyoil.panel.result import PanelResult, make_panel
from soyoil.reports.panel.page import panel_page
from soyoil.reports.panel.terminal import panel_view
from soyoil.reports.terminal import progress_bar
from soyoil.sources.base import SourceConfig
from soyoil.splits.plan import SplitConfig
from soyoil.tracking.artifacts import RunReport


def score_panel(
    sessions: pd.DataFrame,
    source: SourceConfig,
    split: SplitConfig,
    panel: PanelConfig,
    champion: ChampionConfig,
) -> PanelResult:
    """Score every root of the panel on its own sessions."""
    rules = PanelRules(split, champion, panel.min_rows)
    with progress_bar("panel") as advance:
        return make_panel(sessions, panel.roots(source.symbols), panel.exclude, rules, advance)


def report_panel(result: PanelResult) -> RunReport:
    """Tables, page and verdict; printed, and as files of a tracked run."""
    console = Console(highlight=False)
    console.print(panel_view(result))
    return RunReport(
        files={
            "panel.html": panel_page(result),
            "panel.csv": result.roots.to_csv(index=False, date_format="%Y-%m-%d"),
            "panel_means.csv": result.means.to_csv(index=False),
        },
        tags={
            "kind": "panel",
            "symbols": " ".join(result.roots["symbol"].unique()),
            "provenance": result.provenance,
            "rolls": "unknown" if result.rolls_unknown else "known",
            "gate": result.gate.word.lower(),
            "gate_reasons": result.gate.sentence(CHAMPION, REFERENCE),
        },
        metrics=panel_metrics(result),
    )


def panel_metrics(result: PanelResult) -> dict[str, float]:
    """Mean skill of the champion with its interval by horizon, and the verdict as 1 or 0."""
    out = {"panel.gate": float(result.gate.passed)}
    names = {
        "skill_pinball": "skill_pinball",
        "skill_pinball_low": "skill_pinball_low",
        "skill_pinball_high": "skill_pinball_high",
        "share_positive": "share_positive",
        "worst_skill": "worst_skill_pinball",
        "coverage_80": "coverage_80",
    }
    means = result.means[result.means["model"] == CHAMPION]
    for row in means.to_dict("records"):
        out |= {f"panel.{row['horizon']}.{key}": float(row[c]) for c, key in names.items()}
    return out
