"""Fields that are added to STRUCTs by an update of the schema, which reads no row."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

from soyoil.base.errors import WarehouseError
from soyoil.warehouse.bigquery.datasets import repeated_when_limited
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
