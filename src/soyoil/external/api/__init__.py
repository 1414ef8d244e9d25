"""Clients of the services that publish outside sources."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.external.api.config import SERVICES
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["SERVICES"]
