"""Rows by the Storage Read API: compressed, several streams at once."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from soyoil.warehouse import usage

if TYPE_CHECKING:
    from google.cloud.bigquery_storage_v1 import BigQueryReadClient
    from google.cloud.bigquery_storage_v1.types import ReadSession

    from soyoil.warehouse.connection import BigQueryConnection

logger = logging.getLogger(__name__)

STREAMS: Final = 4
"""Streams of one read at most; the server may open fewer."""


class StorageReader:
    """Reads tables of one connection.

    Parameters
    ----------
    connection
        Project and limits.
    """

    def __init__(self, connection: BigQueryConnection) -> None:
        self._connection = connection
        self._compressed = True

    def read(
        self, api: BigQueryReadClient, table_id: str, columns: Sequence[str], restriction: str
    ) -> pa.Table:
        """Rows in no order; as for `client.BigQueryClient.read`."""
        usage.record(requests=1)
        session = self._session(api, table_id, columns, restriction)
        schema = pa.ipc.read_schema(pa.py_buffer(session.arrow_schema.serialized_schema))

        def batches(stream: Any) -> list[pa.RecordBatch]:
            return list(self._batches(api, stream.name, schema))

        if len(session.streams) > 1:
            with ThreadPoolExecutor(STREAMS, thread_name_prefix="storage-read") as pool:
                parts = list(pool.map(batches, session.streams))
        else:
            parts = [batches(stream) for stream in session.streams]
        found = pa.Table.from_batches([batch for part in parts for batch in part], schema=schema)
        # The estimate of some servers is that of compressed files.
        usage.record(storage_bytes=max(session.estimated_total_bytes_scanned, found.nbytes))
        return found

    def _session(
        self, api: BigQueryReadClient, table_id: str, columns: Sequence[str], restriction: str
    ) -> ReadSession:
        from google.api_core.exceptions import InvalidArgument, MethodNotImplemented

        try:
            return self._create(api, table_id, columns, restriction)
        except (InvalidArgument, MethodNotImplemented):
            if not self._compressed:
                raise
            # A server that does not know compression; other faults come again.
            self._compressed = False
            found = self._create(api, table_id, columns, restriction)
            logger.info("the server sends rows uncompressed")
            return found

    def _create(
        self, api: BigQueryReadClient, table_id: str, columns: Sequence[str], restriction: str
    ) -> ReadSession:
        from google.cloud.bigquery_storage_v1 import types

        options = types.ReadSession.TableReadOptions(
            selected_fields=list(columns), row_restriction=restriction
        )
        if self._compressed:
            options.arrow_serialization_options = types.ArrowSerializationOptions(
                buffer_compression=types.ArrowSerializationOptions.CompressionCodec.LZ4_FRAME
            )
        project, dataset, name = table_id.rsplit(".", 2)
        wanted = types.ReadSession(
            table=f"projects/{project}/datasets/{dataset}/tables/{name}",
            data_format=types.DataFormat.ARROW,
            read_options=options,
        )
        return api.create_read_session(
            parent=f"projects/{self._connection.payer}",
            read_session=wanted,
            max_stream_count=STREAMS,
            timeout=self._connection.timeout_s,
        )

    def _batches(
        self, api: BigQueryReadClient, stream: str, schema: pa.Schema
    ) -> Iterator[pa.RecordBatch]:
        usage.record(requests=1)
        for message in api.read_rows(stream, timeout=self._connection.job_timeout_s):
            data = pa.py_buffer(message.arrow_record_batch.serialized_record_batch)
            yield pa.ipc.read_record_batch(data, schema)
