"""Pages of a comparison: the leaderboard and the run diff."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from soyoil.compare.boards import Board, Refusal
from soyoil.compare.causes import TITLES
from soyoil.compare.diff import RunDiff
from soyoil.compare.scores import refusal_table
from soyoil.metrics.bootstrap import LEVEL
from soyoil.metrics.evaluate import REFERENCES
from soyoil.reports.compare.terminal import ID_LENGTH, board_heading, noise_text, percent_figure
from soyoil.reports.compare.why import no_difference, rank_text, same_target, why_several
from soyoil.reports.page import Html, Page, Table, badge, breakable, facts, paragraph
from soyoil.reports.terminal import percent

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

KINDS: Final = {
    "skill": "good", "no skill": "bad", "best": "good", "worse": "bad", "better": "good",
}  # fmt: skip
"""Colour of each verdict; any other is open."""

COLOURS: Final = {"good": "#4c9a5f", "bad": "#c8502d", "open": "#7b828c"}


def _interval(value: float, low: float, high: float) -> Html:
    if math.isnan(value):
        return Html("n/a")
    digits = 0 if max(abs(low), abs(high)) >= 0.0995 else 1
    sides = "" if math.isnan(low) else f"[{100 * low:+.{digits}f}, {100 * high:+.{digits}f}]"
    return Html(f'{100 * value:+.1f}<span class="interval">{sides}</span>')


def _word(text: object) -> Html:
    return badge(str(text), KINDS.get(str(text), "open"))


def _with_interval(row: Mapping[Any, Any], name: str) -> Html:
    return _interval(row[name], row[f"{name}_low"], row[f"{name}_high"])


def delta_figure(table: pd.DataFrame, metric: str) -> Figure:
    """Loss of each run over that of the best one, less one, with its interval.

    Parameters
    ----------
    table
        Rows of one board of the leaderboard.
    metric
        Loss that it is ranked by.
    """
    from plotly.graph_objects import Figure, Layout

    short = table["model"].str.replace("_uniform", " unif.")
    names = [f"{m} {i[:ID_LENGTH]}" for m, i in zip(short, table["run_id"], strict=True)]
    value, low, high = (
        100 * table[f"delta{part}"].astype("float64") for part in ("", "_low", "_high")
    )
    colours = [COLOURS[KINDS.get(word, "open")] for word in table["against_best"]]
    grid = "rgba(123, 130, 140, 0.25)"
    axis = {"gridcolor": grid, "zerolinecolor": "#7b828c", "automargin": True}
    figure = Figure(
        layout=Layout(
            height=110 + 24 * len(table),
            margin={"l": 40, "r": 20, "t": 15, "b": 45},
            paper_bgcolor="rgba(0, 0, 0, 0)",
            plot_bgcolor="rgba(0, 0, 0, 0)",
            showlegend=False,
            template="none",
            xaxis={**axis, "title": {"text": f"{metric} against the best run, %"}},
            yaxis={**axis, "autorange": "reversed"},
        )
    )
    figure.add_scatter(
        x=value.tolist(), y=names, mode="markers", marker={"color": colours, "size": 9},
        error_x={
            "type": "data", "symmetric": False, "thickness": 1.6, "width": 3, "color": "#7b828c",
            "array": (high - value).tolist(), "arrayminus": (value - low).tolist(),
        },
        customdata=pd.concat([low, high], axis=1).to_numpy().tolist(),
        hovertemplate="%{y}: %{x:+.2f} % [%{customdata[0]:+.2f}, %{customdata[1]:+.2f}]"
        "<extra></extra>",
    )  # fmt: skip
    return figure


def _board_table(table: pd.DataFrame, metric: str, caption: str, even: str | None) -> Table:
    rows = [
        [
            breakable(row["model"]),
            rank_text(row, even),
            row["run_id"][:ID_LENGTH],
            f"{row['started']:%Y-%m-%d %H:%M}",
            f"{100 * row[metric]:.2f}",
            _with_interval(row, f"skill_{metric}"),
            f"{100 * row['coverage_80']:.0f}",
            _with_interval(row, "delta"),
            _word("least loss" if even and row["against_best"] == "best" else row["against_best"]),
            _word(row["verdict"]),
        ]
        for row in table.to_dict("records")
    ]
    return Table(
        caption=caption,
        header=(
            "Model", "Rank", "Run", "Started, UTC", f"{metric}, %", f"{metric} skill, %",
            "80 % covers, %", "Loss against the best, %", "Against the best", "Skill",
        ),
        groups=[("", rows)],
        text_columns=frozenset({0, 2, 3, 8, 9}),
        extra_columns=frozenset({2, 3, 6, 8}),
    )  # fmt: skip


def leaderboard_page(
    boards: Sequence[Board],
    table: pd.DataFrame,
    refusals: Sequence[Refusal],
    metric: str,
    filters: str,
) -> str:
    """The leaderboard as one HTML file.

    Parameters
    ----------
    boards, table, refusals
        Boards, their rows and the runs that are on none.
    metric
        Loss that runs are ranked by.
    filters
        What was asked for, in words.
    """
    page = Page("Leaderboard of tracked runs")
    runs = {scored.run.run_id for board in boards for scored in board.runs}
    lead = [
        facts(
            [
                ("Runs ranked", len(runs)),
                ("Runs not ranked", len(refusals)),
                ("Ranked by", metric),
                ("Filters", filters),
            ]
        ),
        paragraph(
            "Runs stand on one board only as far as they scored the same rows: the same origins "
            f"with the same outcomes. Intervals are {percent(LEVEL, 0)} and allow for overlapping "
            "labels; differences are paired; rank 1= is shared by all that cannot be told apart "
            "from the best. Nothing corrects for having looked at several runs.",
            "note",
        ),
    ]
    if any(scored.run.group[3] == "synthetic" for board in boards for scored in board.runs):
        lead.insert(0, paragraph("Some runs are on synthetic data: an invented market.", "banner"))
    page.lead = Html("".join(lead))
    reasons = {id(group[0]): why_several(group) for group in same_target(boards)}
    for number, board in enumerate(boards, start=1):
        rows = table[table["board"] == number]
        horizon = board.runs[0].run.horizon
        first = id(board) in reasons
        even = no_difference(rows, board.n / board.runs[0].run.sessions)
        said = [text for text in (reasons.get(id(board)), even) if text]
        name = f"{horizon} {board.runs[0].run.group[0]}" + ("" if first else ", narrower rows")
        page.add(
            f"board-{number}",
            name,
            *(paragraph(text) for text in said),
            paragraph(board_heading(board), "note"),
            page.figure(delta_figure(rows, metric), f"{name}: {metric} against the best run"),
            _board_table(
                rows,
                metric,
                f"{name}, {board.n:,} common rows; skill against the {REFERENCES[metric]}",
                even,
            ).render(),
        )
    if refusals:
        refused = refusal_table(refusals)
        lines = [
            [r["run"], r["run_id"][:ID_LENGTH], r["reason"]] for r in refused.to_dict("records")
        ]
        page.add(
            "refused",
            "Not ranked",
            Table(
                "Runs on no board", ("Run", "Id", "Reason"), [("", lines)], frozenset({0, 1, 2})
            ).render(),
        )
    return page.render()


def _summary(diffs: Sequence[RunDiff]) -> Table:
    rows = []
    for diff in diffs:
        words = [TITLES[cause] for cause in diff.causes.differing]
        delta = diff.deltas["pinball"]
        rows.append(
            [
                f"{diff.a.horizon} {diff.a.model}",
                f"{diff.n:,}",
                _interval(delta.relative, delta.interval.low, delta.interval.high),
                f"±{100 * delta.noise:.1f}",
                diff.noise_source,
                ", ".join(words) or ("equal" if diff.same_forecasts else "nothing logged"),
            ]
        )
    return Table(
        caption="Pinball loss of B against A on the common rows of each pair, in %",
        header=("Pair", "n", "B against A", "Noise", "Noise from", "Differs"),
        groups=[("", rows)],
        text_columns=frozenset({0, 4, 5}),
        extra_columns=frozenset({1, 4}),
    )


def _pair_content(diff: RunDiff) -> list[Html]:
    scores = [
        [
            metric,
            f"{100 * delta.a:.3f}",
            f"{100 * delta.b:.3f}",
            _interval(delta.relative, delta.interval.low, delta.interval.high),
            f"±{100 * delta.noise:.1f}",
        ]
        for metric, delta in diff.deltas.items()
    ]
    scores += [
        [share, percent_figure(a), percent_figure(b), "", ""]
        for share, (a, b) in diff.shares.items()
    ]
    content = [
        paragraph(diff.conclusion),
        paragraph(
            f"{diff.n:,} common rows of {diff.rows_a:,} in A and {diff.rows_b:,} in B, rows "
            f"{diff.scored_rows_hash[:12]}. Noise: {noise_text(diff)}.",
            "note",
        ),
        Table(
            "Scores on the common rows, in %",
            ("Metric", "A", "B", "B against A", "Noise"),
            [("", scores)],
        ).render(),
    ]
    if diff.causes.differences:
        lines = [[TITLES[d.cause], d.name, d.a, d.b] for d in diff.causes.differences]
        content.append(
            Table(
                "What differs", ("Cause", "Name", "A", "B"), [("", lines)],
                frozenset({0, 1, 2, 3}),
            ).render()
        )  # fmt: skip
    content += [
        paragraph(f"{TITLES[cause].capitalize()} only follows: {why}.", "note")
        for cause, why in diff.causes.follows.items()
    ]
    same = ", ".join(TITLES[cause] for cause in diff.causes.identical) or "nothing"
    content.append(paragraph(f"Identical: {same}.", "note"))
    return content


def diff_page(diffs: Sequence[RunDiff]) -> str:
    """The difference of two runs, or of all cells of two pipeline runs, as one HTML file."""
    first = diffs[0]
    page = Page("Difference of two runs")
    names = [
        (f"{run.parent_name} ({run.parent_id[:ID_LENGTH]})" if len(diffs) > 1 else run.label)
        for run in (first.a, first.b)
    ]
    page.lead = Html(
        facts([("A", names[0]), ("B", names[1]), ("Pairs", len(diffs))])
        + paragraph(
            f"Losses on the common rows only, with paired {percent(LEVEL, 0)} intervals. The noise "
            "is what a change of nothing but the seed would do.",
            "note",
        )
    )
    if len(diffs) > 1:
        page.add("summary", "All pairs", _summary(diffs).render())
    for number, diff in enumerate(diffs, start=1):
        if len(diffs) > 1 and diff.same_forecasts and not diff.causes.differing:
            continue
        models = dict.fromkeys((diff.a.model, diff.b.model))
        name = f"{diff.a.horizon} {' and '.join(models)}"
        page.add(f"pair-{number}", name, *_pair_content(diff))
    return page.render()
