"""Rows that were altered since they were written, on both backends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from backends import Backend
from write_model import MODES, Model, as_model

from soyoil.base.errors import ContractError
from soyoil.contracts.contract import TableContract, load_contract
from soyoil.contracts.validation import validate
from soyoil.warehouse.backend import WriteResult
from soyoil.warehouse.bigquery import backend as bigquery
from soyoil.warehouse.bigquery.backend import BigQueryWarehouse
from soyoil.warehouse.bigquery.digests import BigQueryDigests
from soyoil.warehouse.connection import BigQueryConnection
from soyoil.warehouse.ddl import text_literal
from soyoil.warehouse.digest import COLUMNS, GroupDigest, group_digests
from soyoil.warehouse.digest_sql import DigestStatements

pytestmark = pytest.mark.ci_on_bigquery

MakeContract = Callable[..., TableContract]
MakeFrame = Callable[[dict[Any, Any]], pd.DataFrame]

ROWS: Model = {("ZL", 2): (1.5, 1), ("ZL", 3): (None, None), ("CL", 2): (-37.63, 7)}
SMALL = "{features}.small"
CL = "WHERE symbol = 'CL'"
ALTERED = {
    "gone": (f"DELETE FROM {SMALL} {CL}", "CL has 0 rows, 1 were written"),
    "value": (f"UPDATE {SMALL} SET {{value}} {CL}", "CL has other values in its 1 rows"),
    "key": (
        f"UPDATE {SMALL} SET data_date = DATE '2020-01-09' {CL}",
        "CL has other values in its 1 rows",
    ),
    "added": (
        f"INSERT INTO {SMALL} SELECT * REPLACE ('ZZ' AS symbol) FROM {SMALL} {CL}",
        "ZZ has 1 rows that soyoil did not write",
    ),
}


def _alter(backend: Backend, kind: str) -> str:
    """Alter rows behind the back of the warehouse; what a reader is to say."""
    statement, said = ALTERED[kind]
    values = ("m = struct_update(m, x := m.x + 1)", "m.x = m.x + 1")
    backend.run(*(statement.replace("{value}", value) for value in values))
    return said


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("upsert", "value"),
        ("upsert", "added"),
        ("sync", "gone"),
        ("sync", "key"),
        ("replace", "value"),
        ("replace", "added"),
    ],
)
def test_altered_rows_are_refused_until_they_are_written_again(
    backend: Backend, make_contract: MakeContract, make_frame: MakeFrame, mode: str, kind: str
) -> None:
    contract = make_contract(**MODES[mode])
    warehouse, rows = backend.warehouse, validate(make_frame(ROWS), contract)
    warehouse.write(contract, rows)
    said = _alter(backend, kind)
    with pytest.raises(ContractError, match=f"was altered since soyoil wrote it: {said}"):
        warehouse.read(contract)
    kept = {key: row for key, row in ROWS.items() if kind == "added" or key[0] != "CL"}
    assert as_model(warehouse.read(contract, altered="leave out")) == dict(sorted(kept.items()))
    if mode == "upsert" and kind != "added":
        with pytest.raises(ContractError, match="A load adds rows and mends none"):
            warehouse.write(contract, rows)
        return
    warehouse.write(contract, rows)
    if mode == "replace" or kind != "added":
        assert as_model(warehouse.read(contract)) == dict(sorted(ROWS.items()))


@pytest.mark.parametrize("mode", MODES)
def test_a_table_without_digests_gets_them_with_the_next_write(
    backend: Backend, make_contract: MakeContract, make_frame: MakeFrame, mode: str
) -> None:
    """As an earlier version left it; rows that the write does not touch are looked at as well."""
    contract = make_contract(**MODES[mode])
    warehouse = backend.warehouse
    warehouse.write(contract, validate(make_frame(ROWS), contract))
    backend.forget_digests()
    assert as_model(warehouse.read(contract)) == dict(sorted(ROWS.items()))
    batch = validate(make_frame({("CL", 2): (-37.63, 7)}), contract)
    assert warehouse.write(contract, batch) == WriteResult(0, 0, 2 * (mode == "replace"), 1)
    if mode != "replace":
        assert as_model(warehouse.read(contract)) == dict(sorted(ROWS.items()))
    said = _alter(backend, "value")
    with pytest.raises(ContractError, match=said):
        warehouse.read(contract)


def test_a_table_that_was_dropped_is_written_anew(
    backend: Backend, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    contract = make_contract()
    backend.warehouse.write(contract, validate(make_frame(ROWS), contract))
    backend.run(f"DROP TABLE {SMALL}", f"DROP TABLE {SMALL}")
    fewer: Model = {("ZS", 2): (1.0, 1)}
    backend.warehouse.write(contract, validate(make_frame(fewer), contract))
    assert as_model(backend.warehouse.read(contract)) == fewer


def test_values_that_break_the_contract_are_refused_on_load(
    backend: Backend, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    """Even if nobody left a digest."""
    contract = make_contract()
    backend.warehouse.write(contract, validate(make_frame(ROWS), contract))
    backend.run(
        f"UPDATE {SMALL} SET m = struct_update(m, x := 5000.0) {CL}",
        f"UPDATE {SMALL} SET m.x = 5000.0 {CL}",
    )
    backend.forget_digests()
    with pytest.raises(ContractError, match=r"m\.x"):
        backend.warehouse.read(contract)


def test_a_writer_that_came_between_is_noticed(
    bigquery_connection: BigQueryConnection,
    make_contract: MakeContract,
    make_frame: MakeFrame,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Digests that were computed beside other rows are not written; it is tried again."""
    contract = make_contract()
    one, other = BigQueryWarehouse(bigquery_connection), BigQueryWarehouse(bigquery_connection)
    one.write(contract, validate(make_frame(ROWS), contract))
    monkeypatch.setattr(bigquery, "BACKOFF_S", 0.001)
    after = BigQueryWarehouse._digests_after
    came: list[int] = []

    def between(self: BigQueryWarehouse, *args: Any) -> Any:
        found = after(self, *args)
        if self is one and not came:
            came.append(
                other.write(
                    contract, validate(make_frame({("ZL", 9): (9.0, 9)}), contract)
                ).inserted
            )
        return found

    monkeypatch.setattr(BigQueryWarehouse, "_digests_after", between)
    assert one.write(contract, validate(make_frame({("ZL", 5): (5.0, 5)}), contract)).inserted == 1
    assert came == [1]
    expected = ROWS | {("ZL", 5): (5.0, 5), ("ZL", 9): (9.0, 9)}
    assert as_model(one.read(contract)) == dict(sorted(expected.items()))


def test_a_table_that_is_written_while_it_is_read_is_read_again(
    bigquery_connection: BigQueryConnection,
    make_contract: MakeContract,
    make_frame: MakeFrame,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    contract = make_contract()
    one, other = BigQueryWarehouse(bigquery_connection), BigQueryWarehouse(bigquery_connection)
    one.write(contract, validate(make_frame(ROWS), contract))
    monkeypatch.setattr(bigquery, "BACKOFF_S", 0.001)
    stored = BigQueryDigests.stored
    came: list[int] = []

    def between(self: BigQueryDigests, asked: TableContract) -> dict[str, GroupDigest]:
        found = stored(self, asked)
        if self is one._digests and not came:
            came.append(1)
            other.write(contract, validate(make_frame({("ZL", 9): (9.0, 9)}), contract))
        return found

    monkeypatch.setattr(BigQueryDigests, "stored", between)
    assert ("ZL", 9) in as_model(one.read(contract))


def test_the_hash_of_a_group_depends_on_no_order(
    make_matrix: Callable[..., pd.DataFrame],
) -> None:
    contract = load_contract("features.daily_ml_matrix")
    table = validate(make_matrix(), contract)
    turned = table.take(pa.array(range(table.num_rows))[::-1])
    assert group_digests(contract, turned) == group_digests(contract, table)
    assert set(group_digests(contract, table)) == {"ZL", "CL"}


def test_every_type_counts(make_matrix: Callable[..., pd.DataFrame]) -> None:
    """A value less changes the hash, and of that symbol alone."""
    contract = load_contract("features.daily_ml_matrix")
    frame = make_matrix()
    before = group_digests(contract, validate(frame, contract))
    columns = contract.flat_columns()
    by_type = {(column.type, "." in name): name for name, column in columns.items()}
    for name in by_type.values():
        if name in contract.key or not columns[name].nullable:
            continue
        changed = frame.copy()
        second = changed.index[changed["symbol"] == "ZL"][1]
        changed[name] = changed[name].where(changed.index != second)
        after = group_digests(contract, validate(changed, contract))
        assert after["ZL"] != before["ZL"], name
        assert after["CL"] == before["CL"]


def test_statements_are_googlesql(make_contract: MakeContract, google_sql: type[Any]) -> None:
    table, stage = "test-project.soyoil.table_digests", "test-project.soyoil.stage"
    columns = [
        {"name": name, "type": kind, "nullable": False, "description": name}
        for name, kind in COLUMNS.items()
    ]
    own = make_contract(
        name="soyoil.table_digests", key=["table_name", "group_name"], columns=columns
    )
    google = google_sql({table: own, stage: own})
    statements = DigestStatements(make_contract(), f"`{table}`", text_literal)
    digests = {"it's": GroupDigest(1, "00", None), '["a", "b"]': GroupDigest(2, "01", "{}")}
    for sql in (
        statements.select(),
        statements.forget(),
        *statements.write(f"`{stage}`"),
        statements.refuse_other(digests, "it's so"),
        statements.refuse_other({}, "it's so"),
        DigestStatements.create_bigquery(f"`{table}_2`"),
    ):
        google.analyze(sql)
