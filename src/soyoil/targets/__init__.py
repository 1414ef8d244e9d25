"""Horizons and labels."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.targets.horizons import HORIZONS, Horizon, get_horizon
    from soyoil.targets.labels import build_labels, forward_sums
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["HORIZONS", "Horizon", "build_labels", "forward_sums", "get_horizon"]
