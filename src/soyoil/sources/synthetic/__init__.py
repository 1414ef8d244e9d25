"""A seeded synthetic market that knows its own truth."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.sources.synthetic.config import SyntheticConfig
    from soyoil.sources.synthetic.market import generate_batch, true_signal
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["SyntheticConfig", "generate_batch", "true_signal"]
