"""Leaderboards and differences of runs, as a page and in the terminal."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.reports.compare.page import diff_page, leaderboard_page
    from soyoil.reports.compare.terminal import diff_view, diffs_view, leaderboard_view
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["diff_page", "diff_view", "diffs_view", "leaderboard_page", "leaderboard_view"]
