"""Readers of the files of each outside source, one module each."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.external.readers.cftc import DISAGGREGATED, LEGACY
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["DISAGGREGATED", "LEGACY"]
