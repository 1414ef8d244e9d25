"""The backend on BigQuery."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.warehouse.bigquery.backend import BigQueryWarehouse
    from soyoil.warehouse.bigquery.live import BigQueryInspector
    from soyoil.warehouse.bigquery.sql import MAX_JOB_PARTITIONS
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["MAX_JOB_PARTITIONS", "BigQueryInspector", "BigQueryWarehouse"]
