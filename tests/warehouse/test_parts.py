"""A write to BigQuery sends the months that the table does not hold yet, and no others."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from backends import BigQuery
from write_model import MODES

from soyoil.base.errors import ContractError
from soyoil.contracts.contract import TableContract, load_contract
from soyoil.contracts.validation import validate
from soyoil.warehouse import usage
from soyoil.warehouse.backend import DateSpan, WriteResult
from soyoil.warehouse.bigquery.client import BigQueryClient, client_for
from soyoil.warehouse.bigquery.sql import BigQueryStatements
from soyoil.warehouse.connection import BigQueryConnection
from soyoil.warehouse.ddl import backtick, text_literal
from soyoil.warehouse.digest import GroupDigest, group_digests
from soyoil.warehouse.partial.parts import changes, digests_by_part

pytestmark = pytest.mark.ci_on_bigquery

MakeContract = Callable[..., TableContract]
Rows = dict[tuple[str, str], float]

LAYOUT = {"partition": {"column": "data_date", "granularity": "MONTH"}, "cluster": ["symbol"]}
BASE: Rows = {
    (symbol, f"2020-{month:02d}-{day:02d}"): month + day / 100
    for symbol in ("CL", "ZL", "ZS")
    for month in (1, 2, 3)
    for day in (3, 4)
}
KEPT = {key: value for key, value in BASE.items() if key != ("ZL", "2020-02-04")}


def rows_of(contract: TableContract, rows: Rows) -> pa.Table:
    frame = pd.DataFrame(
        {
            "symbol": pd.Series([key[0] for key in rows], dtype="str"),
            "data_date": pd.to_datetime([key[1] for key in rows]).as_unit("us"),
            "provenance": "observed",
            "seen": pd.Timestamp("2020-01-01", tz="UTC").as_unit("us"),
            "m.x": list(rows.values()),
            "m.n": pd.array([1] * len(rows), dtype="Int64"),
            "m.P": pd.array([True] * len(rows), dtype="boolean"),
            "m.tag": "a",
        }
    )
    return validate(frame, contract)


def values(table: pa.Table) -> Rows:
    days = [f"{day}" for day in table["data_date"].to_pylist()]
    x = [m["x"] for m in table["m"].to_pylist()]
    return dict(zip(zip(table["symbol"].to_pylist(), days, strict=True), x, strict=True))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of every load of a batch; of digests that are sent there are none."""
    found: list[int] = []
    load = BigQueryClient.load

    def counted(self: BigQueryClient, table: pa.Table, table_id: str, schema: Any) -> None:
        if "digests" not in table_id:
            found.append(table.num_rows)
        load(self, table, table_id, schema)

    monkeypatch.setattr(BigQueryClient, "load", counted)
    return found


def test_parts_add_up_to_their_group(make_matrix: Callable[..., pd.DataFrame]) -> None:
    contract = load_contract("features.daily_ml_matrix")
    table = validate(make_matrix(60), contract)
    parts = digests_by_part(contract, table)
    plain = {name: GroupDigest(d.rows, d.digest) for name, d in parts.items()}
    assert plain == group_digests(contract, table)
    assert digests_by_part(contract, table.slice(0, 0)) == {}
    text = parts["ZL"].parts
    assert text is not None
    assert '"202001":"22 ' in text


@pytest.mark.parametrize(
    ("batch", "wanted"),
    [
        (BASE, set()),
        (BASE | {("ZL", "2020-03-05"): 0.0}, {("ZL", "2020-03")}),
        (BASE | {("CL", "2020-04-01"): 0.0}, {("CL", "2020-04")}),
        (BASE | {("CL", "2020-01-03"): 0.0, ("HO", "2020-01-03"): 1.0},
         {("CL", "2020-01"), ("HO", "2020-01")}),
        (KEPT, {("ZL", "2020-02")}),
        ({key: x for key, x in BASE.items() if key[1][:7] != "2020-02"}, None),
        ({key: x for key, x in BASE.items() if key[0] != "CL"}, None),
    ],
)  # fmt: skip
def test_what_is_sent(
    make_contract: MakeContract, batch: Rows, wanted: set[tuple[str, str]] | None
) -> None:
    """Nothing can be said where all rows of a month, or of a group, are to go."""
    contract = make_contract(**MODES["replace"], **LAYOUT)
    stored = digests_by_part(contract, rows_of(contract, BASE))
    found = changes(contract, rows_of(contract, batch), "replace", stored)
    if wanted is None:
        assert found is None
        return
    assert found is not None
    expected = {key: x for key, x in batch.items() if (key[0], key[1][:7]) in wanted}
    assert values(found.rows) == expected
    assert found.kept
    assert found.fresh == all((s, m) not in {(k[0], k[1][:7]) for k in BASE} for s, m in wanted)


def test_nothing_can_be_said_of_upserts_and_of_tables_of_earlier_versions(
    make_contract: MakeContract,
) -> None:
    contract = make_contract(**MODES["sync"], **LAYOUT)
    batch = rows_of(contract, BASE)
    stored = digests_by_part(contract, batch)
    assert changes(contract, batch, "upsert", stored) is None
    assert changes(contract, batch, "sync", {}) is None
    assert changes(contract, batch, "sync", group_digests(contract, batch)) is None


def test_a_refresh_sends_what_is_new(
    bigquery_connection: BigQueryConnection, make_contract: MakeContract, sent: list[int]
) -> None:
    contract = make_contract(**MODES["sync"], **LAYOUT)
    backend = BigQuery(bigquery_connection)
    last: Rows = {**KEPT, ("CL", "2020-04-01"): 2.0, ("ZS", "2020-01-09"): 3.0}
    last["CL", "2020-01-03"] = 9.0
    steps = [
        (BASE, WriteResult(18, 0, 0, 0), [18]),
        (BASE, WriteResult(0, 0, 0, 18), []),
        (BASE | {("ZL", "2020-03-05"): 0.5}, WriteResult(1, 0, 0, 18), [3]),
        (last, WriteResult(2, 1, 2, 16), [9]),
    ]
    for rows, expected, loads in steps:
        sent.clear()
        assert backend.warehouse.write(contract, rows_of(contract, rows)) == expected
        assert sent == loads
    assert values(backend.warehouse.read(contract)) == dict(sorted(last.items()))

    # What others altered is found and mended, although no digest of the batch differs.
    backend.run("", "UPDATE {features}.small SET m.x = 9.0 WHERE symbol = 'ZS'")
    sent.clear()
    altered = sum(key[0] == "ZS" for key in last)
    assert backend.warehouse.write(contract, rows_of(contract, last)).updated == altered
    assert sent == [len(last)]
    assert values(backend.warehouse.read(contract)) == dict(sorted(last.items()))

    # Even if the table has the time of before: who reads it notices, and tells the next writer.
    table = backend.config.table(contract.name)
    client_for(backend.config).query(f"UPDATE `{table}` SET m.x = 9.0 WHERE symbol = 'ZS'", "x")
    assert backend.warehouse.write(contract, rows_of(contract, last)).updated == 0
    with pytest.raises(ContractError, match="ZS has other values"):
        backend.warehouse.read(contract, where={"symbol": ["ZS"]})
    assert backend.warehouse.write(contract, rows_of(contract, last)).updated == altered


def test_digests_of_an_earlier_version_get_their_parts(
    bigquery_connection: BigQueryConnection, make_contract: MakeContract, sent: list[int]
) -> None:
    contract = make_contract(**MODES["replace"], **LAYOUT)
    backend = BigQuery(bigquery_connection)
    batch = rows_of(contract, BASE)
    backend.warehouse.write(contract, batch)
    table = backend.config.table("soyoil.table_digests")
    backend.run("", f"ALTER TABLE `{table}` DROP COLUMN parts")
    for _ in range(2):
        assert backend.warehouse.write(contract, batch).unchanged == 18
    assert sent == [18, 18]
    usage.reset()
    more = rows_of(contract, BASE | {("ZL", "2020-03-05"): 0.5})
    assert backend.warehouse.write(contract, more) == WriteResult(1, 0, 0, 18)
    assert sent == [18, 18, 3]
    assert 0 < usage.current().loaded_bytes < 20_000


@pytest.mark.parametrize("kind", ["DATE", "TIMESTAMP"])
def test_statements_on_parts_are_googlesql(
    make_contract: MakeContract, google_sql: type[Any], kind: str
) -> None:
    columns = make_contract().model_dump()["columns"]
    columns[1]["type"] = kind
    contract = make_contract(**MODES["sync"], **LAYOUT, columns=columns)
    table, stage = "test-project.features.small", "test-project.features.stage"
    google = google_sql({table: contract, stage: contract})
    statements = BigQueryStatements(contract, table, stage, by_part=True)
    span = DateSpan(dt.date(2020, 1, 1), dt.date(2020, 2, 1))
    for mode in ("sync", "replace"):
        google.analyze(statements.counts(mode, span))
        for sql in statements.parts(mode, [span], WriteResult(1, 1, 1, 0)):
            google.analyze(sql)
    assert backtick(table) in statements.counts("sync", span)
    chosen = {"symbol": ["it's", 'a"b']}
    google.analyze(statements.select(["symbol"], statements.restriction(span, chosen)))
    assert text_literal("it's") in statements.restriction(span, chosen)
