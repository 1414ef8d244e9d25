"""Staging tables in BigQuery."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from soyoil.base.errors import WarehouseError
from soyoil.warehouse.bigquery.client import BigQueryClient

if TYPE_CHECKING:
    from google.cloud import bigquery

logger = logging.getLogger(__name__)

STAGE_PREFIX: Final = "soyoil_stage_"
"""Beginning of the names of staging tables, which are no part of the warehouse."""
STAGE_HOURS: Final = 6


@contextlib.contextmanager
def staged_table(
    client: BigQueryClient,
    table_id: str,
    schema: Sequence[bigquery.SchemaField],
    rows: pa.Table,
) -> Iterator[None]:
    """Load rows into a staging table, and drop that in every case.

    Parameters
    ----------
    client
        Client of the connection.
    table_id
        ``project.dataset.table``, a name that nobody else uses.
    schema
        Fields of the table.
    rows
        What it is to hold.
    """
    from google.cloud import bigquery

    client.check_encryption(table_id.rsplit(".", 1)[0])
    stage = bigquery.Table(table_id, schema=schema)
    stage.expires = dt.datetime.now(dt.UTC) + dt.timedelta(hours=STAGE_HOURS)
    with client.explaining(f"create {table_id}"):
        # Its name is ours alone, so one that exists is from an attempt that went unanswered.
        client.api.create_table(
            stage, exists_ok=True, retry=client.retry, timeout=client.connection.timeout_s
        )
    try:
        if rows.num_rows:
            client.load(rows, table_id, schema)
        yield
    finally:
        try:
            client.delete_table(table_id)
        except WarehouseError as exc:
            logger.warning("%s stays for %d hours: %s", table_id, STAGE_HOURS, exc)
