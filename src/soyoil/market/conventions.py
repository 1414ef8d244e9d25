"""Conventions that several packages share."""

from __future__ import annotations

from typing import Final, Literal

BarSchema = Literal["ohlcv-1h", "ohlcv-1d"]
"""Kinds of vendor bars: hourly, or by UTC day, which is the degraded form."""

Rolls = Literal["known", "unknown"]
"""Whether a source names the contract of each bar, so that contract changes can be told."""

TRADING_DAYS: Final = 252
"""Sessions of a year, by which volatilities are annualised."""

VOLATILITY_HALFLIFE: Final = 42
"""Half-life in sessions of the moving average of squared returns, in the vol cone and as a
feature."""

QUANTILES: Final = (0.1, 0.5, 0.9)
"""Levels of the quantiles that are forecast."""

MEDIAN: Final = 0.5
"""The level among them whose forecast is the median."""

QUANTILE_COLUMNS: Final = {f"q{100 * level:.0f}": level for level in QUANTILES}
"""The same by the name of their column in a table of forecasts."""

EXPERT_WEIGHT: Final = "weight."
"""Beginning of the columns that hold the weights of a champion's experts."""
