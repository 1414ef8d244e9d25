"""Tables of replays and of the leak check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pandas as pd
from rich.console import Group
from rich.table import Table
from rich.text import Text

from soyoil.leakage.replay import Replay
from soyoil.leakage.result import LeakReport

SHOWN: Final = 10
"""Rows of a list that the terminal shows; the files have all."""


def leak_table(report: LeakReport) -> Group:
    """Checks, and a line that sums them up."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name in ("check", "scope", "result", "seconds"):
        table.add_column(name, no_wrap=True, justify="right" if name == "seconds" else "left")
    table.add_column("what was found", overflow="fold")
    for finding in report.findings:
        result = Text("pass", "green") if finding.passed else Text("FAIL", "bold red")
        seconds = f"{finding.seconds:.1f}"
        table.add_row(finding.check, finding.scope, result, seconds, finding.detail)
    total = sum(finding.seconds for finding in report.findings)
    verdict = "nothing leaks" if report.passed else f"{len(report.failed)} checks failed"
    line = (
        f"Leak check ({report.form}) of snapshot {report.snapshot[:12]}: "
        f"{len(report.findings)} checks in {total:.0f} s, {verdict}."
    )
    return Group(table, Text(line, style="bold"))


def replay_rows(replays: Sequence[Replay]) -> pd.DataFrame:
    """One row per evening."""
    return pd.DataFrame(
        [
            {
                "asof": f"{r.asof}",
                "session": str(r.evening),
                "decision_utc": f"{r.evening.moment:%Y-%m-%d %H:%M}",
                "rows": r.rows,
                "columns": r.columns,
                "cells": r.rows * r.columns,
                "differing": len(r.differing),
                "unexplained": len(r.unexplained),
                "revised_since": len(r.revisions),
                "result": "equal" if r.passed else "DIFFERS",
            }
            for r in replays
        ]
    )


def with_asof(replays: Sequence[Replay], name: str) -> pd.DataFrame:
    """Frames of all evenings, ``differing`` or ``revisions``, below each other."""
    parts = [getattr(r, name).assign(asof=str(r.asof)) for r in replays]
    filled = [part for part in parts if len(part)] or parts[:1]
    found: pd.DataFrame = pd.concat(filled, ignore_index=True)
    return found.reindex(columns=["asof", *(c for c in found.columns if c != "asof")])


def replay_table(replays: Sequence[Replay]) -> Group:
    """Evenings, the first cells that differ and the first values that were revised."""
    shown: list[Table | Text] = [_table(replay_rows(replays))]
    for name, title in (
        ("differing", "Cells that differ"),
        ("revisions", "Values known then that have been revised since"),
    ):
        found = with_asof(replays, name)
        if len(found):
            more = f", {SHOWN} of {len(found):,}" if len(found) > SHOWN else ""
            shown += [Text(f"\n{title}{more}:", style="bold"), _table(found.head(SHOWN))]
    return Group(*shown)


def _table(frame: pd.DataFrame) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name in frame.columns:
        table.add_column(str(name), overflow="fold")
    # A terminal's table has a handful of rows.
    for values in frame.astype("str").to_numpy().tolist():
        table.add_row(*values)
    return table
