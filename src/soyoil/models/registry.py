"""Names of all models. Static: pipelines are registered before parameters exist."""

from __future__ import annotations

from typing import Final

BASELINES: Final = ("random_walk", "drift", "vol_cone", "hourly_cone")
"""Models without a fit, in the order in which their node returns them."""

REFERENCES: Final = ("random_walk", "vol_cone")
"""Baselines that skill is measured by."""

IMPLIED: Final = "implied_cone"
"""Expert of the champion where implied volatility of the target is known; no model of its own."""

FUTURES_CURVE: Final = "futures_curve"
"""Forecast that is scored beside the baselines where a futures curve is known."""

CHAMPION: Final = "champion"
"""The daily mix of the cones and the engines."""
