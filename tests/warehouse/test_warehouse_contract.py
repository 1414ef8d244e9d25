"""Contracts: parsing, refusals, derived schemas, catalogue."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import pytest
from pydantic import ValidationError

from soyoil.base.errors import ContractError
from soyoil.contracts.catalogue import catalogue_markdown
from soyoil.contracts.contract import (
    TableContract,
    load_contract,
    load_contracts,
    parse_contract,
)
from soyoil.warehouse.ddl import duckdb_ddl

MakeContract = Callable[..., TableContract]

TEXT = """
name: raw.bars
description: Bars.
version: 1
write_mode: upsert
key: [symbol]
columns:
  - {name: symbol, type: STRING, nullable: false, description: Root.}
"""


def test_packaged_contracts() -> None:
    contracts = load_contracts()
    assert set(contracts) >= {
        "market_data.soyoil_futures_sessions",
        "training.regime_weights",
        "features.daily_ml_matrix",
    }
    assert len({c.content_hash for c in contracts.values()}) == len(contracts)
    assert all(c.unit or c.type not in ("FLOAT64",) for t in contracts.values()
               for c in t.flat_columns().values())  # fmt: skip


@pytest.mark.parametrize("name", list(load_contracts()))
def test_duckdb_has_the_arrow_types(name: str) -> None:
    contract = load_contract(name)
    connection = duckdb.connect()
    connection.execute(duckdb_ddl(contract, "t")).fetchall()
    created = connection.sql("SELECT * FROM t").to_arrow_table()
    assert created.cast(contract.arrow_schema()).schema == contract.arrow_schema()
    assert created.schema.names == contract.arrow_schema().names


def test_hindsight_is_no_feature() -> None:
    contract = load_contract("features.daily_ml_matrix")
    roles = contract.roles()
    features = contract.feature_columns()
    for name in ("regime.name", "regime.weight", "regime_name"):
        assert roles[name] == "slice"
    for level in ("open", "high", "low", "close", "roll_free_index", "instrument_id"):
        assert roles[f"market_data.{level}"] == "meta"
    assert roles["symbol"] == "key"
    assert "regime.vol_percentile" in features
    assert "market_data.rsi_14" in features
    assert not {"regime.name", "regime.weight", "data_date", "provenance"} & set(features)


def test_content_hash_sees_every_change(make_contract: MakeContract) -> None:
    base = make_contract()
    assert base.content_hash == make_contract().content_hash
    assert base.content_hash != make_contract(description="Another.").content_hash
    assert base.content_hash != make_contract(version=2).content_hash


def test_unknown_table_has_a_hint() -> None:
    with pytest.raises(ContractError, match=r"did you mean features\.daily_ml_matrix\?"):
        load_contract("features.daily_ml_matrx")
    with pytest.raises(ContractError, match="known tables"):
        load_contract("zzz")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version: 1", "version: 1\npartitions: x", "partitions: Extra inputs"),
        ("description: Root.}", "description: Root., uint: x}", "uint"),
        ("version: 1", "version: 1\nversion: 2", "'version' is given twice"),
        ("name: raw.bars", "name: raw.other", "rename the file"),
        ("version: 1", "version: [", "not valid YAML"),
        ("name: raw.bars", "name: bars", "dataset.table"),
        ("type: STRING", "type: TEXT", "type"),
        ("key: [symbol]", "key: [date]", "no top-level column"),
        ("nullable: false", "nullable: true", "key column symbol"),
        ("name: symbol", "name: yahoo_symbol", "banned"),
        ("name: symbol", "name: sym-bol", "not a column name"),
        ("type: STRING", "type: STRING, minimum: 0", "range needs"),
        ("type: STRING", "type: STRUCT", "has fields"),
        ("version: 1", "version: 1\nsingle_provenance: true", "provenance"),
        ("version: 1", "version: 1\nsync_by: [symbol]", "sync"),
        (
            "version: 1",
            "version: 1\nsync_provenance: [x]\nsync_by: [symbol]",
            "single_provenance",
        ),
        ("version: 1", "version: 1\ncluster: [a, b, c, d, e]", "cluster"),
        ("version: 1", "version: 1\npartition: {column: symbol, granularity: DAY}", "not a time"),
        ("version: 1", "version: 1\nknown_at_column: symbol", "not a time"),
    ],
)
def test_refused_contracts(old: str, new: str, message: str) -> None:
    parse_contract(TEXT, "raw.bars.yml")
    with pytest.raises(ContractError, match=message) as caught:
        parse_contract(TEXT.replace(old, new), "raw.bars.yml")
    assert "raw.bars.yml" in str(caught.value)


@pytest.mark.parametrize("name", ["yahoo_close", "Yahoo_Close", "YAHOO_X"])
def test_banned_vendor_in_any_case_and_depth(make_contract: MakeContract, name: str) -> None:
    columns = list(make_contract().model_dump()["columns"])
    columns[4]["fields"] = [
        {"name": "deep", "type": "STRUCT", "description": "x",
         "fields": [{"name": name, "type": "FLOAT64", "description": "x"}]},
    ]  # fmt: skip
    with pytest.raises(ValidationError, match=f"'{name}': columns of this vendor"):
        make_contract(columns=columns)


def test_names_that_sql_cannot_tell_apart(make_contract: MakeContract) -> None:
    columns = [
        {"name": "p", "type": "STRING", "nullable": False, "description": "x"},
        {"name": "P", "type": "STRING", "description": "x"},
    ]
    with pytest.raises(ValidationError, match="same name in SQL"):
        make_contract(columns=columns, key=["p"])


def test_targets_of_another_horizon(make_contract: MakeContract) -> None:
    columns = [
        {"name": "data_date", "type": "DATE", "nullable": False, "description": "x"},
        {"name": "target_1w_log_return", "type": "FLOAT64", "description": "x"},
    ]
    own = {"columns": columns, "key": ["data_date"]}
    make_contract(name="training.labels_1w", **own)
    with pytest.raises(ValidationError, match=r"horizon 1w, but training\.labels_1m is of 1m"):
        make_contract(name="training.labels_1m", **own)
    with pytest.raises(ValidationError, match="holds no targets"):
        make_contract(name="training.labels", **own)
    columns[1]["name"] = "Target_1W_log_return"
    with pytest.raises(ValidationError, match=r"horizon 1w, but training\.labels_1m is of 1m"):
        make_contract(name="training.labels_1m", **own)


def test_float_cluster_is_refused(make_contract: MakeContract) -> None:
    columns = [
        {"name": "k", "type": "STRING", "nullable": False, "description": "x"},
        {"name": "f", "type": "FLOAT64", "description": "x"},
    ]
    with pytest.raises(ValidationError, match="neither FLOAT64 nor STRUCT"):
        make_contract(columns=columns, key=["k"], cluster=["f"])


def test_catalogue_lists_every_column_once() -> None:
    contracts = load_contracts()
    page = catalogue_markdown(contracts)
    assert page == catalogue_markdown(reversed(list(contracts.values())))
    for contract in contracts.values():
        section = page.split(f"## {contract.name}\n")[1].split("\n## ")[0]
        for dotted, column in contract.flat_columns().items():
            (row,) = [line for line in section.splitlines() if line.startswith(f"| `{dotted}` |")]
            assert f"| {column.type} |" in row
            assert " ".join(column.description.split()) in row


def test_catalogue_escapes_pipes(make_contract: MakeContract) -> None:
    columns = [{"name": "k", "type": "STRING", "nullable": False, "description": "a | b"}]
    page = catalogue_markdown([make_contract(columns=columns, key=["k"])])
    assert "a \\| b" in page
