"""Names of all models. Static: pipelines are registered before parameters exist."""

from __future__ import annotations

from typing import Final

BASELINES: Final = ("random_walk", "drift", "vol_cone")
"""Models without a fit, in the order in which their node returns them."""

ENGINES: Final = {
    "lightgbm": "soyoil.models.lightgbm",
    "xgboost": "soyoil.models.xgboost",
    "tft": "soyoil.models.tft",
}
"""Fitted models and the module of their ``fit_fold``; only that engine's workers import it.

In the order in which they run: all horizons of one engine, then the next.
"""

ABLATIONS: Final = {"lightgbm_uniform": "lightgbm", "xgboost_uniform": "xgboost"}
"""The same engine with uniform weights, beside every regime-weighted tree model."""

LIBRARIES: Final = ("lightgbm", "xgboost", "torch")
"""Engine libraries; no process may load two of them."""
