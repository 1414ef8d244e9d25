"""Who asks Google, who pays, and what its refusals mean."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.warehouse.bigquery.access.errors import explained
    from soyoil.warehouse.bigquery.access.settings import BigQueryConnection
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["BigQueryConnection", "explained"]
