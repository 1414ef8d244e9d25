"""Replays and the leak check for the terminal and as tables."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.reports.leakage.text import leak_table, replay_rows, replay_table, with_asof
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["leak_table", "replay_rows", "replay_table", "with_asof"]
