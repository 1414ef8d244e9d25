"""Databento's Historical API: pulls the files that are missing at ``source.path``."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.sources.databento.download.pull import download_missing
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["download_missing"]
