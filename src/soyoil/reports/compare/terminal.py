"""Leaderboard and run diff in the terminal, 80 columns wide."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from soyoil.compare.boards import Board, Refusal
from soyoil.compare.causes import CAUSES, TITLES
from soyoil.compare.diff import RunDiff
from soyoil.compare.scores import Metric
from soyoil.metrics.bootstrap import LEVEL
from soyoil.reports.compare.why import no_difference, rank_text, same_target, why_several
from soyoil.reports.terminal import percent

ID_LENGTH: Final = 7
VALUE_WIDTH: Final = 24


def _signed(value: float, low: float, high: float) -> str:
    """A relative value with its interval, per cent."""
    if math.isnan(value):
        return "n/a"
    if math.isnan(low):
        return f"{100 * value:+.1f}"
    digits = 0 if max(abs(low), abs(high)) >= 0.0995 else 1
    return f"{100 * value:+.1f} [{100 * low:+.{digits}f},{100 * high:+.{digits}f}]"


def board_heading(board: Board) -> str:
    """Horizon, target and common rows of a board."""
    run, rows = board.runs[0].run, board.runs[0].rows
    symbol, horizon, target, provenance = run.group
    cut = ""
    if board.n < board.widest:
        cut = f" of at most {board.widest:,}, limited by {board.limited_by.label}"
    return (
        f"{horizon} {symbol}, {target}, {provenance} data: {board.n:,} common rows{cut} "
        f"(n/h {board.n / run.sessions:.1f}), {rows['data_date'].iloc[0]:%Y-%m-%d} to "
        f"{rows['data_date'].iloc[-1]:%Y-%m-%d}, rows {board.scored_rows_hash[:12]}"
    )


def _best(even: str | None) -> str:
    """Word for the run with the least loss."""
    return "least loss" if even else "best"


def board_view(board: Board, table: pd.DataFrame, metric: str) -> RenderableType:
    """Ranking of one board.

    Parameters
    ----------
    board
        The board.
    table
        Its rows of the leaderboard.
    metric
        Loss that it is ranked by.
    """
    view = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    view.add_column("", justify="right", no_wrap=True)
    view.add_column("model", no_wrap=True)
    view.add_column("run", no_wrap=True)
    for header in (f"{metric}\n%", f"{metric} skill %", "loss against the\nbest run, %", "verdict"):
        view.add_column(header, justify="right", no_wrap=True)
    independent = board.n / board.runs[0].run.sessions
    even = no_difference(table, independent)
    for row in table.to_dict("records"):
        skill = (row[f"skill_{metric}{part}"] for part in ("", "_low", "_high"))
        delta = (row[f"delta{part}"] for part in ("", "_low", "_high"))
        best = row["against_best"] == "best"
        view.add_row(
            rank_text(row, even),
            Text(str(row["model"]).replace("_uniform", " unif.")),
            Text(str(row["run_id"])[:ID_LENGTH]),
            f"{100 * row[metric]:.2f}",
            _signed(*skill),
            _best(even) if best else _signed(*delta),
            Text(str(row["verdict"])),
        )
    said = [Text(even)] if even else []
    return Group(Text(board_heading(board), style="bold"), *said, view, Text())


def leaderboard_view(
    boards: Sequence[Board], table: pd.DataFrame, refusals: Sequence[Refusal], metric: str
) -> RenderableType:
    """All boards, then the runs that are on none with the reason."""
    parts: list[RenderableType] = []
    reasons = {id(group[0]): why_several(group) for group in same_target(boards)}
    for number, board in enumerate(boards, start=1):
        reason = reasons.get(id(board))
        if reason is not None:
            parts.append(Text(f"{reason}\n"))
        parts.append(board_view(board, table[table["board"] == number], metric))
    if refusals:
        lines = [f"  {r.run.label}: {r.reason}" for r in refusals]
        parts.append(Text("\n".join(["Not ranked:", *lines, ""])))
    note = (
        f"In brackets {percent(LEVEL, 0)} intervals for overlapping labels, paired on the common "
        "rows; rank 1= is shared by all that cannot be told apart from the best. Nothing corrects "
        "for having looked at several runs."
    )
    return Group(*parts, Text(note, style="dim"))


def percent_figure(value: float, digits: int = 1) -> str:
    """A share as a figure in per cent; ``n/a`` if it does not exist."""
    return "n/a" if math.isnan(value) else f"{100 * value:.{digits}f}"


def _short(text: str) -> str:
    return text if len(text) <= VALUE_WIDTH else f"{text[: VALUE_WIDTH - 3]}..."


def noise_text(diff: RunDiff) -> str:
    """Where the noise band comes from."""
    if diff.noise_source == "seeds":
        return f"from {diff.seeds} runs that differ only in their seed"
    return "no runs that differ only in their seed are tracked, so from the bootstrap of the days"


def diffs_view(diffs: Sequence[RunDiff], metric: Metric) -> RenderableType:
    """Differences of all cells of two pipeline runs, one line each, then the conclusions."""
    first = diffs[0]
    head = Text(
        f"A {first.a.parent_name} ({first.a.parent_id[:ID_LENGTH]})\n"
        f"B {first.b.parent_name} ({first.b.parent_id[:ID_LENGTH]})",
        style="bold",
    )
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for header in ("", "model", "n", "B against A, %", "noise, %", "differs"):
        table.add_column(header, justify="left" if header in ("", "model", "differs") else "right")
    for diff in diffs:
        delta = diff.deltas[metric]
        table.add_row(
            Text(diff.a.horizon),
            Text(diff.a.model.replace("_uniform", " unif.")),
            f"{diff.n:,}",
            _signed(delta.relative, delta.interval.low, delta.interval.high),
            f"±{100 * delta.noise:.1f}{'' if diff.noise_source == 'seeds' else '*'}",
            " ".join(diff.causes.differing) or ("equal" if diff.same_forecasts else "nothing"),
        )
    bare = any(diff.noise_source == "bootstrap" for diff in diffs)
    starred = "* no runs that differ only in their seed: from the bootstrap of the days" * bare
    found = {(d.cause, d.name, d.a, d.b) for diff in diffs for d in diff.causes.differences}
    lines = [
        f"{TITLES[cause]}: {name} {_short(a)} -> {_short(b)}" for cause, name, a, b in sorted(found)
    ]
    shared = [cause for cause in CAUSES if all(cause in diff.causes.identical for diff in diffs)]
    conclusions = dict.fromkeys(diff.conclusion for diff in diffs if diff.causes.differing)
    conclusions |= dict.fromkeys(diff.conclusion for diff in diffs)
    return Group(
        head,
        Text(f"{metric} on the common rows of each pair"),
        table,
        Text(f"{starred}\n"),
        *(Text(line) for line in lines),
        Text(f"Identical in all: {', '.join(TITLES[cause] for cause in shared) or 'nothing'}."),
        *(Text(line, style="bold") for line in conclusions),
    )


def diff_view(diff: RunDiff) -> RenderableType:
    """Difference of two runs: scores, causes, what is identical, the conclusion."""
    head = Text(
        f"A {diff.a.label}\nB {diff.b.label}\n{diff.n:,} common rows of {diff.rows_a:,} in A and "
        f"{diff.rows_b:,} in B, rows {diff.scored_rows_hash[:12]}",
        style="bold",
    )
    scores = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for header in ("metric, %", "A", "B", "B against A, %", "noise, %"):
        scores.add_column(header, justify="left" if header == "metric, %" else "right")
    for metric, delta in diff.deltas.items():
        scores.add_row(
            Text(metric),
            f"{100 * delta.a:.3f}",
            f"{100 * delta.b:.3f}",
            _signed(delta.relative, delta.interval.low, delta.interval.high),
            f"±{100 * delta.noise:.1f}",
        )
    for share, (a, b) in diff.shares.items():
        scores.add_row(Text(share), percent_figure(a), percent_figure(b), "", "")
    parts: list[RenderableType] = [head, scores, Text(f"Noise: {noise_text(diff)}.\n")]
    if diff.causes.differences:
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
        for header in ("differs", "name", "A", "B"):
            table.add_column(header, overflow="fold")
        for d in diff.causes.differences:
            table.add_row(*map(Text, (TITLES[d.cause], d.name, _short(d.a), _short(d.b))))
        parts += [table, Text()]
    parts += [
        Text(f"{TITLES[c].capitalize()} only follows: {why}.")
        for c, why in diff.causes.follows.items()
    ]
    same = ", ".join(TITLES[cause] for cause in diff.causes.identical) or "nothing"
    parts += [Text(f"Identical: {same}."), Text(f"{diff.conclusion}\n", style="bold")]
    return Group(*parts)
