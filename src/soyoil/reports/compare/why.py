"""What a leaderboard says before its tables: why there are several boards, and what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from soyoil.compare.boards import Board
from soyoil.compare.scores import DIFFERS
from soyoil.metrics.bootstrap import MIN_INDEPENDENT

NO_RANK: Final = "-"
SHARED: Final = "1="
"""Rank of the best and of every run that cannot be told apart from it."""
QUICK: Final = "quick"
SAMPLED: Final = {"tft": "tft.quick_folds"}
"""Models that profile quick fits on their last folds only, with the key that says on how many."""


def same_target(boards: Sequence[Board]) -> list[list[Board]]:
    """Boards by what is forecast, in their order."""
    groups: dict[tuple[str, ...], list[Board]] = {}
    for board in boards:
        groups.setdefault(board.runs[0].run.group, []).append(board)
    return list(groups.values())


def why_several(boards: Sequence[Board]) -> str | None:
    """Why runs that forecast the same are on several boards; None if they are on one.

    Parameters
    ----------
    boards
        Boards of one target, the widest first.
    """
    if len(boards) < 2:
        return None
    run = boards[0].runs[0].run
    first = boards[0]
    lines = [f"Why {len(boards)} boards at {run.horizon} {run.group[0]}:"]
    for number, board in enumerate(boards[1:], start=2):
        seen = {s.run.run_id for other in boards[: number - 1] for s in other.runs}
        short = [s.run for s in board.runs if s.run.run_id not in seen]
        names = ", ".join(each.label for each in short)
        lines.append(
            f"{names} {'has' if len(short) == 1 else 'have'} only {board.n:,} rows in common with "
            f"the others, of {first.n:,}. On one board they would cut all to these. So the first "
            f"board ranks the others on all their rows, and one below it {names} beside those "
            f"that fit, on the {board.n:,}."
        )
        for each in short:
            key = SAMPLED.get(each.model)
            if key is not None and each.tags.get("profile") == QUICK:
                lines.append(
                    f"Profile quick fits {each.model} on its last folds only ({key}); profile full "
                    "scores it on all."
                )
    return " ".join(dict.fromkeys(lines))


def rank_text(row: Mapping[Any, Any], even: str | None) -> str:
    """Rank of a run: a number of its own only where it is worse than the best beyond the noise.

    Parameters
    ----------
    row
        Row of the leaderboard.
    even
        What `no_difference` says of its board.
    """
    if even is not None:
        return NO_RANK
    return str(row["rank"]) if row["against_best"] in DIFFERS else SHARED


def no_difference(table: pd.DataFrame, independent: float) -> str | None:
    """That no difference can be shown on a board, and why; None if one can.

    Parameters
    ----------
    table
        Rows of one board of the leaderboard.
    independent
        Its common rows over the horizon.
    """
    if len(table) < 2 or table["against_best"].isin(DIFFERS).any():
        return None
    if independent < MIN_INDEPENDENT:
        why = (
            f"{independent:.1f} independent labels are too few, {MIN_INDEPENDENT:.0f} are the least"
        )
    else:
        why = "every run is within the noise of the one with the least loss"
    return f"No difference can be shown: {why}. The order is no ranking."
