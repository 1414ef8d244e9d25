"""SQL of the BigQuery backend: as expected, and legal GoogleSQL."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from write_model import MODES

from soyoil.base.errors import ContractError
from soyoil.contracts.contract import TableContract, WriteMode, load_contracts
from soyoil.warehouse.backend import DateSpan, WriteResult
from soyoil.warehouse.bigquery.sql import (
    MAX_JOB_PARTITIONS,
    BigQueryStatements,
    batches,
    check_key_holds_partition,
    day_of,
)

MakeContract = Callable[..., TableContract]
Analyzer = Callable[[TableContract], Any]

SNAPSHOTS = Path(__file__).with_name("snapshots") / "bigquery"
DATASET = "test-project.soyoil_synthetic_features"
SPAN = DateSpan(dt.date(2020, 1, 1), dt.date(2020, 2, 1))


def _statements(contract: TableContract) -> BigQueryStatements:
    name = contract.name.split(".")[1]
    return BigQueryStatements(contract, f"{DATASET}.{name}", f"{DATASET}.soyoil_stage_{name}_0")


def _all(contract: TableContract, modes: Sequence[WriteMode]) -> dict[str, str]:
    """Every statement on a table, by name."""
    statements = _statements(contract)
    partition = contract.partition
    span = SPAN if partition else DateSpan()
    found = {
        "create_table": statements.create_table("What it is.\n{}"),
        "select": statements.select([contract.columns[0].name], statements.restriction(span)),
        "partitions": statements.partitions(),
    }
    if contract.single_provenance:
        found["provenances"] = statements.provenances()
    changes = WriteResult(1, int(len(contract.columns) > len(contract.key)), 1, 0)
    for mode in modes:
        found[f"counts_{mode}"] = statements.counts(mode, span)
        steps = statements.parts(mode, [span], changes)
        found |= {f"write_{mode}_{n}": sql for n, sql in enumerate(steps)}
    return found


def _modes(contract: TableContract) -> Sequence[WriteMode]:
    return ("upsert", "sync", "replace") if contract.sync_by else ("upsert", "replace")


@pytest.fixture(scope="module")
def analyzer(google_sql: type[Any]) -> Analyzer:
    """Analyzer that knows a table and its staging table."""

    def make(contract: TableContract) -> Any:
        statements = _statements(contract)
        return google_sql({statements.table: contract, statements.stage: contract}, [DATASET])

    return make


def _variants(make_contract: MakeContract) -> list[TableContract]:
    daily = {"partition": {"column": "data_date", "granularity": "DAY"}}
    by_time = {"partition": {"column": "seen", "granularity": "MONTH"}}
    keys_only = make_contract().model_dump()["columns"][:2]
    two = {"write_mode": "sync", "sync_by": ["symbol", "data_date"]}
    return [
        make_contract(**daily, **MODES["sync"]),
        make_contract(**by_time),
        make_contract(key=["symbol", "data_date", "provenance"], **two),
        make_contract(columns=keys_only, **daily),
        _reserved(make_contract),
    ]


def _reserved(make_contract: MakeContract) -> TableContract:
    """Columns called like SQL words."""
    names = ("select", "from", "GROUP", "order", "set", "when")
    columns: list[dict[str, Any]] = [
        {"name": name, "type": "INT64", "nullable": name != "select", "description": "x"}
        for name in names
    ]
    columns[1]["nullable"] = True
    return make_contract(
        name="features.partition", key=["select"], columns=columns, **{"write_mode": "upsert"}
    )


def test_every_statement_is_legal(analyzer: Analyzer, make_contract: MakeContract) -> None:
    # What the tables of the project need, and everything that a contract can ask for.
    packaged = [
        (c, ("sync", "upsert") if c.sync_provenance else (c.write_mode,))
        for c in load_contracts().values()
    ]
    variants = [(c, _modes(c)) for c in _variants(make_contract)]
    for contract, modes in (*packaged, *variants):
        google = analyzer(contract)
        for name, sql in _all(contract, modes).items():
            try:
                google.analyze(sql)
            except Exception as exc:
                raise AssertionError(f"{contract.name}: {name}: {exc}\n{sql}") from exc


def test_the_analyzer_refuses_what_bigquery_refuses(
    analyzer: Analyzer, make_contract: MakeContract
) -> None:
    """Else the test above would prove nothing."""
    google = analyzer(make_contract())
    table = f"`{DATASET}.small`"
    for sql in (
        f"SELECT nope FROM {table}",
        f"SELECT seen::STRING FROM {table}",
        f"UPDATE {table} SET m = 1 WHERE TRUE",
        f"INSERT INTO {table} (symbol) VALUES (12)",
        f"SELECT partition FROM `{DATASET}`.INFORMATION_SCHEMA.PARTITIONS",
        f"SELECT symbol AS s FROM {table} WHERE s = 'ZL'",
    ):
        with pytest.raises(Exception, match="INVALID_ARGUMENT"):
            google.analyze(sql)


def test_snapshots(make_contract: MakeContract) -> None:
    """``UPDATE_SNAPSHOTS=1 pytest ...`` writes them anew; look at the difference."""
    contract = make_contract(
        partition={"column": "data_date", "granularity": "DAY"},
        cluster=["symbol"],
        single_provenance=True,
        **MODES["sync"],
    )
    found = {f"{name}.sql": sql + "\n" for name, sql in _all(contract, _modes(contract)).items()}
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOTS.mkdir(parents=True, exist_ok=True)
        for name, sql in found.items():
            (SNAPSHOTS / name).write_text(sql, encoding="utf-8")
    kept = {path.name: path.read_text(encoding="utf-8") for path in SNAPSHOTS.glob("*.sql")}
    assert found == kept


def test_batches_cover_all_time() -> None:
    """Each day lies in one span, and no span holds more partitions than a job may change."""
    first = dt.date(1990, 1, 1)
    days = [first + dt.timedelta(days=n) for n in range(2 * MAX_JOB_PARTITIONS + 1)]
    spans = batches([f"{day:%Y%m%d}" for day in days])
    assert [(s.start, s.end) for s in spans] == [
        (None, days[MAX_JOB_PARTITIONS]),
        (days[MAX_JOB_PARTITIONS], days[2 * MAX_JOB_PARTITIONS]),
        (days[2 * MAX_JOB_PARTITIONS], None),
    ]
    assert batches(["20200131"]) == [DateSpan()]
    assert [day_of("20240131"), day_of("202402")] == [dt.date(2024, 1, 31), dt.date(2024, 2, 1)]


def test_rows_that_may_move_cannot_be_written_in_batches(make_contract: MakeContract) -> None:
    partition = {"column": "data_date", "granularity": "DAY"}
    moving = make_contract(key=["symbol"], partition=partition)
    check_key_holds_partition(moving, MAX_JOB_PARTITIONS)
    check_key_holds_partition(make_contract(partition=partition), MAX_JOB_PARTITIONS + 1)
    with pytest.raises(ContractError, match=r"4,001 partitions at once.*data_date part of the key"):
        check_key_holds_partition(moving, MAX_JOB_PARTITIONS + 1)
