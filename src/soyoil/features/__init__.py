"""Features of one symbol's sessions, each known at the close of its session."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.features.matrix import build_matrix
    from soyoil.features.registry import FeatureSpec, SymbolBars, feature, features_of, register
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["FeatureSpec", "SymbolBars", "build_matrix", "feature", "features_of", "register"]
