"""Readers of the files of each outside source, one module each."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.external.readers.cftc import MARKETS
    from soyoil.external.readers.palm import pink_sheet_known_at
    from soyoil.external.readers.policy import DAY_OVER
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["DAY_OVER", "MARKETS", "pink_sheet_known_at"]
