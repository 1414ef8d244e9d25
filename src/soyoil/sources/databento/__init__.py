"""Hourly and daily bars from files of Databento."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.sources.databento.load import read_folder
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["read_folder"]
