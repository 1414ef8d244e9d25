"""Names of any form, and what a table has beside columns and rows, in GoogleSQL."""

from __future__ import annotations

from typing import Any

import pytest
from google.cloud import bigquery

from soyoil.base.errors import WarehouseError
from soyoil.contracts.identifiers import dotted
from soyoil.migrations.sql import Alteration
from soyoil.migrations.sql_bigquery import BigQuerySql
from soyoil.warehouse.bigquery.live import _table
from soyoil.warehouse.live import LiveWarehouse
from soyoil.warehouse.table_shape import Edit, live_shape

FIELDS: list[dict[str, Any]] = [
    {"name": "id", "type": "INTEGER", "mode": "REQUIRED", "description": 'the "id"'},
    {"name": "größe x", "type": "INTEGER", "defaultValueExpression": "7"},
    {
        "name": "f",
        "type": "RECORD",
        "fields": [
            {"name": "yahoo", "type": "FLOAT", "description": "nested"},
            {"name": "x", "type": "FLOAT"},
        ],
    },
]
TABLE: dict[str, Any] = {
    "tableReference": {"projectId": "my-project", "datasetId": "raw", "tableId": "t [/] x"},
    "type": "TABLE",
    "numRows": "3",
    "description": "the user's own",
    "labels": {"team": "oils"},
    "schema": {"fields": FIELDS},
    "tableConstraints": {"primaryKey": {"columns": ["id"]}},
    "clustering": {"fields": ["id"]},
}
PATH = ("f", "yahoo")


def _alter(**changes: Any) -> Alteration:
    table = _table("raw", bigquery.Table.from_api_repr(TABLE | changes))
    live = LiveWarehouse("bigquery", "here", ("raw",), {table.name: table}, "my-project", "p_")
    shape = live_shape(table)
    return BigQuerySql(live, {}).alter(shape, [Edit("drop-column", PATH, shape)])


def test_a_table_built_anew_keeps_keys_defaults_descriptions_and_options() -> None:
    made = _alter()
    create = next(s for s in made.statements if s.startswith("CREATE TABLE"))
    assert create == (
        "CREATE TABLE `my-project.p_raw.t [/] x__soyoil_new` (\n"
        '    `id` INT64 NOT NULL OPTIONS (description = "the \\"id\\""),\n'
        "    `größe x` INT64 DEFAULT 7,\n"
        "    `f` STRUCT<`x` FLOAT64>,\n"
        "    PRIMARY KEY (`id`) NOT ENFORCED\n"
        ")\n"
        "CLUSTER BY `id`\n"
        'OPTIONS (description = "the user\'s own", labels = [("team", "oils")])'
    )
    assert made.lost == ('nested comment "nested" of f.yahoo',)
    assert "DROP TABLE `my-project.p_raw.t [/] x`" in made.statements[-1]


@pytest.mark.parametrize(
    "changes",
    [
        {"requirePartitionFilter": True},
        {
            "schema": {
                "fields": [FIELDS[0] | {"policyTags": {"names": ["projects/x"]}}, *FIELDS[1:]]
            }
        },
    ],
)
def test_what_protects_rows_is_never_lost(changes: dict[str, Any]) -> None:
    with pytest.raises(WarehouseError, match="cannot keep its"):
        _alter(**changes)


@pytest.mark.parametrize("name", ["a b", "[/]", "b`b", "x\\", "größe", "select"])
def test_names_are_quoted(name: str) -> None:
    live = LiveWarehouse("bigquery", "here", (), {}, "my-project", "p_")
    quoted = live.qualified(dotted((name, name)))
    inner = name.replace("\\", "\\\\").replace("`", "\\`")
    assert quoted == f"`my-project.p_{inner}.{inner}`"
