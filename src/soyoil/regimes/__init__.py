"""Regimes: sample weights and slices of metrics, never features."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.regimes.table import RegimeConfig, check_regimes, regime_frame, regime_hash
    from soyoil.regimes.weights import RoleRows, WeightsConfig, label_regimes, sample_weights
else:
    __getattr__ = lazy_names(__name__)

__all__ = [
    "RegimeConfig", "RoleRows", "WeightsConfig", "check_regimes", "label_regimes",
    "regime_frame", "regime_hash", "sample_weights",
]  # fmt: skip
