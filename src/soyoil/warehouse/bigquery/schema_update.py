"""What is changed by an update of the table, which reads no row: new fields, expirations."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from soyoil.base.errors import WarehouseError
from soyoil.warehouse.bigquery.access.datasets import repeated_when_limited
from soyoil.warehouse.bigquery.fields import Added

if TYPE_CHECKING:
    from google.cloud import bigquery

    from soyoil.warehouse.bigquery.client import BigQueryClient


def add_fields(client: BigQueryClient, table_id: str, fields: Sequence[Added]) -> None:
    """Add nullable fields at the end of STRUCTs of a table; those that are there stay.

    Raises
    ------
    WarehouseError
        There is no such table or STRUCT, somebody else changed the table meanwhile, or the server
        did not do it.
    """
    repeated_when_limited(lambda: _updated(client, table_id, fields))


def _updated(client: BigQueryClient, table_id: str, fields: Sequence[Added]) -> None:
    doing = f"add fields to {table_id}"
    table = client.get_table(table_id)
    if table is None:
        raise WarehouseError(f"cannot {doing}: it is not there. Plan again")
    schema = tuple(table.schema)
    for path, kind in fields:
        schema = _with_field(schema, path, kind, table_id)
    if schema == tuple(table.schema):
        return
    table.schema = schema
    with client.explaining(doing):
        # The table has its etag, so that an update over another one's is refused.
        client.api.update_table(
            table, ["schema"], retry=client.retry, timeout=client.connection.timeout_s
        )
    now = client.get_table(table_id)
    for path, kind in fields:
        if now is None or _with_field(tuple(now.schema), path, kind, table_id) != tuple(now.schema):
            raise WarehouseError(
                f"the server took the new field {'.'.join(path)} of {table_id} and did not add it; "
                "nothing else was changed"
            )


def _with_field(
    schema: Sequence[bigquery.SchemaField], path: Sequence[str], kind: str, table_id: str
) -> tuple[bigquery.SchemaField, ...]:
    from google.cloud import bigquery

    first, *rest = path
    place = next((i for i, f in enumerate(schema) if f.name.lower() == first.lower()), None)
    if not rest:
        if place is not None:
            return tuple(schema)
        return (*schema, bigquery.SchemaField(first, kind))
    if place is None:
        raise WarehouseError(f"{table_id} has no STRUCT {first}: it was changed; plan again")
    # By its representation, so that what this client does not know of a field stays; a copy of it,
    # because the client gives its own.
    changed = copy.deepcopy(schema[place].to_api_repr())
    inner = _with_field(schema[place].fields, rest, kind, table_id)
    changed["fields"] = [field.to_api_repr() for field in inner]
    return (*schema[:place], bigquery.SchemaField.from_api_repr(changed), *schema[place + 1 :])


@contextmanager
def keeping_expirations(client: BigQueryClient, table_ids: Sequence[str]) -> Iterator[None]:
    """Take from tables that are replaced the expirations that only their dataset gives them.

    Every new table gets the defaults of its dataset, those of a former sandbox too, and would
    vanish, although the one before it did not.
    """
    before = [client.get_table(table_id) for table_id in table_ids]
    yield
    for table_id, old in zip(table_ids, before, strict=True):
        new = client.get_table(table_id)
        if old is not None and new is not None:
            _keep_expirations(client, old, new)


def _keep_expirations(client: BigQueryClient, old: bigquery.Table, new: bigquery.Table) -> None:
    fields = []
    if old.expires is None and new.expires is not None:
        new.expires = None
        fields.append("expires")
    was, now = old.time_partitioning, new.time_partitioning
    if now is not None and now.expiration_ms and not (was is not None and was.expiration_ms):
        now.expiration_ms = None
        new.time_partitioning = now
        fields.append("time_partitioning")
    if fields:
        with client.explaining(f"take the expiration of its dataset from {new.table_id}"):
            client.api.update_table(
                new, fields, retry=client.retry, timeout=client.connection.timeout_s
            )
