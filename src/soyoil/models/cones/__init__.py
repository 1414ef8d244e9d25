"""Cones of what only some markets have: volatility that option prices imply."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.models.cones.implied import implied_quantiles, implied_sigma, implied_vol
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["implied_quantiles", "implied_sigma", "implied_vol"]
