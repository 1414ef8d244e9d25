"""Reads by the Storage API: several streams, compressed where the server can."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pytest
from google.api_core.exceptions import InvalidArgument, PermissionDenied

from soyoil.warehouse import usage
from soyoil.warehouse.bigquery.storage import STREAMS, StorageReader
from soyoil.warehouse.connection import BigQueryConnection

ROWS = pa.table({"x": list(range(10))})
PLAIN, LZ4 = 0, 1


class Server:
    """Two streams of one batch each; they end together only if both are read at once."""

    def __init__(self, *codecs: int) -> None:
        self.codecs = codecs
        self.asked: list[int] = []
        self._both = threading.Barrier(2, timeout=10)

    def create_read_session(self, *, read_session: Any, max_stream_count: int, **_: Any) -> Any:
        assert max_stream_count == STREAMS
        options = read_session.read_options.arrow_serialization_options
        self.asked.append(int(options.buffer_compression))
        if self.asked[-1] not in self.codecs:
            raise InvalidArgument("unknown option")
        schema = SimpleNamespace(serialized_schema=ROWS.schema.serialize().to_pybytes())
        names = [SimpleNamespace(name="0"), SimpleNamespace(name="5")]
        return SimpleNamespace(
            arrow_schema=schema, streams=names, estimated_total_bytes_scanned=1_000
        )

    def read_rows(self, name: str, **_: Any) -> Any:
        self._both.wait()
        lz4 = pa.ipc.IpcWriteOptions(compression="lz4" if self.asked[-1] == LZ4 else None)
        (batch,) = ROWS.slice(int(name), 5).to_batches()
        data = batch.serialize() if lz4.compression is None else _compressed(batch, lz4)
        message = SimpleNamespace(serialized_record_batch=data.to_pybytes())
        yield SimpleNamespace(arrow_record_batch=message)


def _compressed(batch: pa.RecordBatch, options: pa.ipc.IpcWriteOptions) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    messages = list(pa.ipc.MessageReader.open_stream(sink.getvalue()))
    return messages[1].serialize()


def read(server: Any, reader: StorageReader) -> pa.Table:
    return reader.read(cast(Any, server), "p.d.t", ["x"], "x < 10")


@pytest.mark.parametrize(
    ("codecs", "asked"), [((PLAIN, LZ4), [LZ4, LZ4]), ((PLAIN,), [LZ4, PLAIN, PLAIN])]
)
def test_streams_at_once_compressed_where_the_server_can(
    codecs: tuple[int, ...], asked: list[int]
) -> None:
    """One that cannot is asked once."""
    server, reader = Server(*codecs), StorageReader(BigQueryConnection(project="test-project"))
    usage.reset()
    for _ in range(2):
        assert read(server, reader).equals(ROWS)
    assert server.asked == asked
    assert usage.current().storage_bytes == 2_000
    assert usage.current().requests == 6


def test_other_faults_are_told() -> None:
    class Refusing(Server):
        def create_read_session(self, **_: Any) -> Any:
            raise PermissionDenied("no")

    reader = StorageReader(BigQueryConnection(project="test-project"))
    with pytest.raises(PermissionDenied):
        read(Refusing(), reader)
    with pytest.raises(InvalidArgument):
        read(Server(), reader)
