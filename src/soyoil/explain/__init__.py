"""What a change of scores between two tracked runs comes from, by fits with parts swapped."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.explain.config import ExplainConfig
    from soyoil.explain.result import Explained, ExplainResult
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["ExplainConfig", "ExplainResult", "Explained"]
