"""The panel in the terminal, 80 columns wide."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any, Final

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from soyoil.market.rolls import ROLLS_UNKNOWN
from soyoil.metrics.bootstrap import LEVEL
from soyoil.models.registry import CHAMPION
from soyoil.panel.losses import REFERENCE
from soyoil.panel.result import PanelResult
from soyoil.reports.terminal import percent
from soyoil.reports.words import SYNTHETIC

ABSENT: Final = {"too short": "short", "flat price": "flat"}
"""What stands in the place of a skill that there is none of."""

_Row = Mapping[Hashable, Any]


def figure(value: float) -> str:
    """A share as a signed figure in per cent, five or six characters."""
    if math.isnan(value):
        return "n/a"
    return f"{100 * value:+.{2 if abs(value) < 0.09995 else 1}f}"


def bounds(row: _Row) -> str:
    """Interval of a skill in brackets, per cent."""
    low, high = (float(row[f"skill_pinball_{end}"]) for end in ("low", "high"))
    return "n/a" if math.isnan(low) else f"[{figure(low)},{figure(high)}]"


def mark(row: _Row) -> str:
    """``*`` if the whole interval lies above zero, ``!`` if below."""
    if float(row["skill_pinball_low"]) > 0:
        return "*"
    return "!" if float(row["skill_pinball_high"]) < 0 else " "


def _cell(row: _Row) -> str:
    if row["status"] != "scored":
        return ABSENT[str(row["status"])]
    return f"{figure(row['skill_pinball'])}{mark(row)} {100 * row['coverage_80']:3.0f}"


def scored_span(table: pd.DataFrame) -> str:
    """First and last scored origin of a table of roots, in words."""
    first, last = table["first"].min(), table["last"].max()
    return "none" if pd.isna(first) else f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"


def notes(result: PanelResult) -> list[str]:
    """What is not scored, not counted, without hourly values or invented, in sentences."""
    table = result.roots[result.roots["model"] == CHAMPION]
    lines = []
    for status in ABSENT:
        rows = table[table["status"] == status]
        names = rows.groupby("symbol", sort=False)["horizon"].agg(" ".join)
        if len(names):
            listed = ", ".join(f"{symbol} ({horizons})" for symbol, horizons in names.items())
            lines.append(f"Not scored, {status}: {listed}.")
    for text, rows in (
        ("Shown in brackets, not counted", table[~table["counted"]]),
        ("Without hourly values, so that the champion is the vol cone",
         table[(table["status"] == "scored") & (table["hourly_share"] == 0)]),
    ):  # fmt: skip
        if len(rows):
            lines.append(f"{text}: {', '.join(rows['symbol'].unique())}.")
    if result.provenance == "synthetic":
        lines.append(f"The data are {SYNTHETIC}.")
    if result.rolls_unknown:
        lines.append(f"{', '.join(result.rolls_unknown)}: {ROLLS_UNKNOWN}")
    return lines


def engine_title(result: PanelResult, model: str) -> str:
    """Name of an engine with the feature groups that it was given."""
    return f"{model}, feature groups: {result.feature_groups[model]}"


def engines_add(result: PanelResult) -> str:
    """What the engines add to the champion, in one sentence; empty without engines."""
    parts = [
        f"{row['horizon']} {figure(row['skill_pinball'])} {bounds(row)}"
        for row in result.engines_add.to_dict("records")
        if row["roots"]
    ]
    if not parts:
        return ""
    return (
        f"What {'+'.join(result.engines)} adds to the champion, mean pinball skill against the "
        f"cones mixed alone, %: {', '.join(parts)}."
    )


def unfitted(result: PanelResult) -> str:
    """Which roots are too short for a fold of the engines; empty if none is."""
    horizons: dict[str, list[str]] = {}
    for symbol, horizon in result.unfitted:
        horizons.setdefault(symbol, []).append(horizon)
    listed = ", ".join(f"{symbol} ({' '.join(names)})" for symbol, names in horizons.items())
    return f"No engine, too short for a fold: {listed}." if listed else ""


def _table(result: PanelResult, model: str) -> Table:
    """Skill and coverage of a model by root and horizon, and the means."""
    table = result.roots[result.roots["model"] == model]
    means = result.means[result.means["model"] == model].to_dict("records")
    view = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    view.add_column("", no_wrap=True)
    for row in means:
        view.add_column(str(row["horizon"]), justify="right", no_wrap=True)
    for symbol, rows in table.groupby("symbol", sort=False):
        name = str(symbol) if rows["counted"].all() else f"({symbol})"
        view.add_row(name, *(_cell(row) for row in rows.to_dict("records")))
    view.add_row()
    view.add_row("mean", *(f"{figure(row['skill_pinball'])}{mark(row)} " for row in means))
    view.add_row(percent(LEVEL, 0), *map(bounds, means))
    view.add_row("above 0", *(f"{row['positive']}/{row['roots']}" for row in means))
    worst = ((row["worst_symbol"], row["worst_skill"]) for row in means)
    view.add_row("worst", *(f"{s} {figure(v)}" if v == v else "n/a" for s, v in worst))
    view.add_row("covers", *(f"{100 * row['coverage_80']:.1f}" for row in means))
    return view


def panel_view(result: PanelResult) -> RenderableType:
    """Skill and coverage of the champion by root and horizon, the means, and the verdict.

    Engines follow, each with a table and a verdict of its own.
    """
    table = result.roots[result.roots["model"] == CHAMPION]
    roots = table["symbol"].nunique()
    note = (
        "Pinball skill against the vol cone, %, and coverage of the 80 % interval, %. "
        f"* and !: the {percent(LEVEL, 0)} interval lies above or below zero. The interval of the "
        "mean resamples dates for all roots together."
    )
    mixed = f" with {'+'.join(result.engines)}" if result.engines else ""
    lines: list[RenderableType] = [
        Text(
            f"Champion{mixed} on {roots} roots, {result.provenance} data, "
            f"origins {scored_span(table)}"
        ),
        _table(result, CHAMPION),
        Text(note, style="dim"),
        *map(Text, notes(result)),
        Text(result.gate.sentence(CHAMPION, REFERENCE), style="bold"),
    ]
    lines += [Text(text) for text in (engines_add(result), unfitted(result)) if text]
    for name, gate in result.engines.items():
        lines += [
            Text(),
            Text(engine_title(result, name)),
            _table(result, name),
            Text(gate.sentence(name, REFERENCE), style="bold"),
        ]
    return Group(*lines)
