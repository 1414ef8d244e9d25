"""Forecasts of what only some markets have: implied volatility, and a futures curve."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.models.cones.curve import curve_forecast
    from soyoil.models.cones.implied import implied_quantiles, implied_sigma, implied_vol
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["curve_forecast", "implied_quantiles", "implied_sigma", "implied_vol"]
