"""Market layer: instruments, session calendar, rolls and knowledge time."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.market.asof import AsOfView
    from soyoil.market.bars import BarOrigin, SessionBars, session_bars
    from soyoil.market.calendar import expected_sessions
    from soyoil.market.conventions import (
        EXPERT_WEIGHT,
        QUANTILE_COLUMNS,
        QUANTILES,
        TRADING_DAYS,
        BarSchema,
    )
    from soyoil.market.instruments import INSTRUMENTS, TARGET_ROOT, Instrument, get_instrument
else:
    __getattr__ = lazy_names(__name__)

__all__ = [
    "EXPERT_WEIGHT", "INSTRUMENTS", "QUANTILES", "QUANTILE_COLUMNS", "TARGET_ROOT",
    "TRADING_DAYS", "AsOfView", "BarOrigin", "BarSchema", "Instrument", "SessionBars",
    "expected_sessions", "get_instrument", "session_bars",
]  # fmt: skip
