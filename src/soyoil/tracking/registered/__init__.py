"""Models for use: registered versions with their aliases, and logged models behind them."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.tracking.registered.registry import Candidate, Registration, register
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["Candidate", "Registration", "register"]
