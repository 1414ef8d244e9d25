"""Which tracked runs can be ranked together, and what made two runs differ."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.compare.boards import Board, Refusal, ScoredRun, TrackedRun, make_boards
    from soyoil.compare.config import CompareConfig
    from soyoil.compare.diff import RunDiff, run_diff
    from soyoil.compare.scores import leaderboard
else:
    __getattr__ = lazy_names(__name__)

__all__ = [
    "Board", "CompareConfig", "Refusal", "RunDiff", "ScoredRun", "TrackedRun", "leaderboard",
    "make_boards", "run_diff",
]  # fmt: skip
