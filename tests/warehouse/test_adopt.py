"""A user's table as a table of soyoil's own: columns, rows that do not fit, refusals, commands."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
import yaml
from backends import Backend

from soyoil.adoption.columns import map_columns, parse_columns
from soyoil.adoption.report import AdoptionReport
from soyoil.adoption.rows import REASON, prepare
from soyoil.base.errors import ContractError, MissingTableError, WarehouseError
from soyoil.cli.adopt import ADOPTABLE, _contract
from soyoil.contracts.contract import load_contract, load_contracts
from soyoil.contracts.validation import validate
from soyoil.forecast.ledger import START, check_chain, row_hash
from soyoil.regimes.table import RegimeConfig, check_regimes
from soyoil.warehouse.bigquery.client import client_for
from soyoil.warehouse.connection import BigQueryConnection
from soyoil.warehouse.live import Inspector, LiveColumn, LiveTable
from soyoil.warehouse.open import connect, open_inspector

REGIMES = load_contract("training.regime_weights")
SOURCE = "features.my_regimes"
ROWS = """
    SELECT 'before' AS regime, CAST('2000-01-01' AS DATE) AS valid_from,
        '2018-03-01' AS valid_to, 100 AS training_weight, 'calm' AS description, 1 AS id
    UNION ALL SELECT 'after', CAST('2018-03-01' AS DATE), NULL, 300, 'trade war', 2
    UNION ALL SELECT 'none', CAST('2019-01-01' AS DATE), NULL, 0, 'no weight', 3
    UNION ALL SELECT 'odd', CAST('2019-01-01' AS DATE), '1.2.2020', 7, NULL, 4
    UNION ALL SELECT 'twice', CAST('2019-01-01' AS DATE), NULL, 7, 'one', 5
    UNION ALL SELECT 'twice', CAST('2019-01-01' AS DATE), NULL, 8, 'other', 6
    UNION ALL SELECT 'after', CAST('2018-03-01' AS DATE), NULL, 300, 'trade war', 7"""
GIVEN = {"known_at": "valid_from"}


def planted(backend: Backend, rows: str = ROWS) -> Inspector:
    """The user's table in a dataset where soyoil has one too."""
    own = REGIMES.model_copy(update={"name": "features.own"})
    backend.warehouse.write(own, own.arrow_schema().empty_table())
    backend.run(
        f"CREATE TABLE {SOURCE} AS {rows}", f"CREATE TABLE `{{features}}.my_regimes` AS {rows}"
    )
    return open_inspector(backend.config)


def whole(frame: pd.DataFrame) -> None:
    check_regimes(frame.sort_values("start_date", ignore_index=True))


@pytest.mark.ci_on_bigquery
def test_rows_that_fit_are_copied_and_the_others_told(backend: Backend) -> None:
    inspector = planted(backend)
    before = inspector.inspect().tables[SOURCE]
    theirs = inspector.read(before).sort_by("id")
    made = prepare(inspector, REGIMES, SOURCE, GIVEN, whole)
    backend.warehouse.write(REGIMES, validate(made.rows, REGIMES))
    stored = backend.warehouse.read(REGIMES).to_pylist()
    assert [row["regime_name"] for row in stored] == ["after", "before"]
    assert [row["weight"] for row in stored] == [300.0, 100.0]
    assert [str(row["end_date"]) for row in stored] == ["None", "2018-03-01"]
    report = made.report
    assert report.columns == {
        "regime_name": "regime", "start_date": "valid_from", "end_date": "valid_to",
        "weight": "training_weight", "known_at": "valid_from", "description": "description",
    }  # fmt: skip
    assert (report.given, report.not_copied) == (("known_at",), ("id",))
    assert (report.rows, report.fitting, report.replaced) == (7, 2, 0)
    assert {(s.column, s.reason, s.rows) for s in report.set_aside} == {
        ("end_date", "no date of the form YYYY-MM-DD", 1),
        ("weight", "not above 0", 1),
        ("description", "missing value in a required column", 1),
        ("regime_name", "the same row again", 1),
        ("regime_name", "several rows of this key that differ", 2),
    }
    assert sorted(made.aside["regime"]) == ["after", "none", "odd", "twice", "twice"]
    assert made.aside.loc[made.aside["regime"] == "odd", REASON].item() == (
        "end_date: no date of the form YYYY-MM-DD; description: missing value in a required column"
    )
    after = inspector.inspect().tables[SOURCE]
    assert (after.columns, after.rows, after.contract_version) == (before.columns, 7, None)
    assert inspector.read(after).sort_by("id") == theirs
    again = prepare(inspector, REGIMES, SOURCE, GIVEN, whole)
    assert again.report == report.model_copy(update={"replaced": 2})
    assert not backend.warehouse.write(REGIMES, validate(again.rows, REGIMES)).changed


def test_what_is_refused(backend: Backend) -> None:
    gap = ROWS.replace("'2018-03-01' AS DATE), NULL", "'2018-04-01' AS DATE), NULL")
    inspector = planted(backend, gap)

    def refused(kind: type[Exception], text: str, source: str = SOURCE, **changes: Any) -> None:
        contract = REGIMES.model_copy(update=changes)
        with pytest.raises(kind, match=text):
            prepare(inspector, contract, source, GIVEN, whole)

    refused(ContractError, "no whole table.*leave a gap.*5 rows were set aside before")
    refused(MissingTableError, "Did you mean 'features.my_regimes'", "features.my_regime")
    refused(WarehouseError, "stands where soyoil keeps", name=SOURCE)
    refused(WarehouseError, "soyoil did not write it", "features.own", name=SOURCE)


@pytest.mark.ci_on_bigquery
def test_a_ledger_is_adopted_only_as_the_chain_that_it_is(backend: Backend) -> None:
    """A ledger of another place, moved within the warehouse, keeps its hashes."""
    contract = load_contract("forecasts.zl_predictions")
    rows, previous = [], START
    for number, horizon in enumerate(("1w", "1m")):
        row: dict[str, Any] = dict.fromkeys(contract.flat_columns(), 0.1)
        row |= dict.fromkeys(("market", "model_version", "snapshot", "code", "weights"), "x")
        row |= {"symbol": "ZL", "horizon": horizon, "provenance": "observed", "sequence": number}
        row |= dict.fromkeys(("data_date", "target_date"), pd.Timestamp("2025-01-02"))
        row |= {"made_at": pd.Timestamp("2025-01-02 20:00", tz="UTC"), "previous_hash": previous}
        row["row_hash"] = previous = row_hash(row)
        rows.append(row)
    old = contract.model_copy(update={"name": "features.old_ledger"})
    backend.warehouse.write(old, validate(pd.DataFrame(rows), old))
    inspector = open_inspector(backend.config)
    made = prepare(inspector, contract, "features.old_ledger", check=check_chain)
    assert set(made.rows["row_hash"]) == {row["row_hash"] for row in rows}
    other = "UPDATE {} SET close = 7 WHERE horizon = '1w'"
    backend.run(other.format("features.old_ledger"), other.format("`{features}`.old_ledger"))
    with pytest.raises(ContractError, match=r"no whole table.*was changed after it was written"):
        prepare(inspector, contract, "features.old_ledger", check=check_chain)


def columns(**types: str) -> LiveTable:
    return LiveTable("a.b", "table", tuple(LiveColumn(name, kind) for name, kind in types.items()))


FOUND = {
    "Regime": "STRING", "start": "DATE", "end_date": "DATETIME", "weight": "DECIMAL(9,2)",
    "known_at": "TIMESTAMP", "notes": "STRING",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "given", "message"),
    [
        ({"known_at": None}, "", "known_at DATE: no column fits by name and type, and it is requ"),
        ({"known_at": None}, "known_at=strat", "strat is no column.* Did you mean 'start'"),
        ({"regimeName": "STRING", "regime_name": "STRING"}, "", "may be regimeName or regime_name"),
        ({"weight": "STRING"}, "", "weight FLOAT64: weight is STRING; fitting types: INT64"),
        ({}, "weigth=weight", "weigth is no column of training.regime_weights. Did you mean 'wei"),
        ({}, "weight=notes", "notes is STRING; fitting types: INT64"),
        ({}, "weight=none", "weight FLOAT64: no column fits"),
    ],
)
def test_columns_that_cannot_be_told(
    changes: dict[str, str | None], given: str, message: str
) -> None:
    assert None not in map_columns(REGIMES, columns(**FOUND)).columns.values()
    types = {name: kind for name, kind in (FOUND | changes).items() if kind}
    with pytest.raises(ContractError, match=message) as caught:
        map_columns(REGIMES, columns(**types), parse_columns(given))
    assert "--columns" in str(caught.value)
    assert "nothing was written" in str(caught.value)


def test_columns_are_typed_in_pairs() -> None:
    assert parse_columns(" a = b ,c=d,") == {"a": "b", "c": "d"}
    left_out = map_columns(REGIMES, columns(**FOUND), {"end_date": "none"})
    assert left_out.columns["end_date"] is None
    assert left_out.unused == ("end_date",)
    for text, message in (("a", "no pair"), ("a=", "no pair"), ("a=b,a=c", "given twice")):
        with pytest.raises(ContractError, match=message):
            parse_columns(text)


@pytest.mark.parametrize("name", sorted(load_contracts()))
def test_only_what_people_made_is_adopted(name: str) -> None:
    if name in ADOPTABLE:
        assert _contract(name).name == name
        return
    with pytest.raises(ContractError, match="cannot be adopted: pipelines compute it"):
        _contract(name)


COMMANDS = """
import json, sys
from pathlib import Path
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project

bootstrap_project(Path.cwd())
from soyoil.cli import cli

for args in json.loads(sys.argv[1]):
    outcome = CliRunner().invoke(cli, ["warehouse", "adopt", *args])
    print(json.dumps([outcome.exit_code, outcome.output + repr(outcome.exception)]))
"""


def typed(root: Path, folder: Path, env: str, place: dict[str, Any], *commands: list[str]) -> Any:
    """Exit codes and texts of ``kedro warehouse adopt`` in a project with this warehouse."""
    shutil.copytree(root / "conf", folder / "conf")
    shutil.copy(root / "pyproject.toml", folder)
    for name in ("src", "conf/local"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "conf" / env / "globals.yml").write_text(
        json.dumps({"warehouse": place, "warehouse_credentials": None})
    )
    given = [[*command, "--env", env] for command in commands]
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, json.dumps(given)],
        cwd=folder, capture_output=True, text=True, timeout=240, check=False,
        env={**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"},
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    assert len(lines) == len(commands), done.stdout + done.stderr
    return zip(*lines, strict=True)


@pytest.mark.ci
def test_command_line_on_bigquery(
    bigquery_connection: BigQueryConnection, project_root: Path, tmp_path: Path
) -> None:
    """The user's table by its real name, soyoil's with the prefix."""
    prefix = bigquery_connection.dataset_prefix
    mine = f"{prefix}user.regimes"
    client = client_for(bigquery_connection)
    client.create_dataset(f"{bigquery_connection.project}.{prefix}user")
    client.query(f"CREATE TABLE `{bigquery_connection.project}.{mine}` AS {ROWS}", "plant")
    place = bigquery_connection.model_dump(mode="json") | {"job_labels": {}}
    right = [mine, "training.regime_weights", "--columns", "known_at=valid_from"]
    codes, texts = typed(project_root, tmp_path, "bigquery", place, right, right)
    assert codes == (0, 0), texts
    assert f"2 rows are in {prefix}training.regime_weights; {mine} is as it was" in texts[0]
    assert connect(bigquery_connection).read(REGIMES).num_rows == 2


@pytest.mark.ci
def test_command_line(project_root: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    place = {"backend": "duckdb", "path": str(path)}
    with duckdb.connect(path) as connection:
        connection.execute(f"CREATE SCHEMA raw; CREATE TABLE raw.regimes AS {ROWS}").fetchall()
    right = ["raw.regimes", "training.regime_weights", "--columns", "known_at=valid_from"]
    ledger = ["raw.regimes", "forecasts.zl_predictions"]
    commands = ([*right, "--dry-run"], right[:2], ledger, right, right)
    codes, texts = typed(project_root, tmp_path, "local", place, *commands)
    assert codes == (0, 1, 1, 0, 0), texts
    assert "7 rows, 2 satisfy the contract, 5 set aside" in texts[0]
    assert "Nothing was written, because of --dry-run." in texts[0]
    assert "known_at DATE: no column fits" in texts[1]
    assert "q10 FLOAT64: no column fits" in texts[2]
    assert "2 rows are in training.regime_weights; raw.regimes is as it was" in texts[3]
    assert "copy " in texts[3]
    assert "adopted_regimes.yml to parameters_regimes.yml" in texts[3]
    assert "holds 2 rows, which these take the place of" in texts[4]
    folder = tmp_path / "data" / "08_reporting"
    report = folder / "warehouse_adopted_training.regime_weights.json"
    assert AdoptionReport.model_validate_json(report.read_text()).written
    assert len(pd.read_csv(report.with_name(f"{report.stem}_set_aside.csv"))) == 5
    regimes = yaml.safe_load((folder / "adopted_regimes.yml").read_text())["regimes"]
    configs = [RegimeConfig.model_validate(entry) for entry in regimes]
    assert [regime.name for regime in configs] == ["before", "after"]
    with duckdb.connect(path) as connection:
        found = connection.execute("SELECT count(*) FROM raw.regimes").fetchall()
        digests = connection.execute("SELECT table_name, n_rows FROM soyoil.table_digests")
        assert found == [(7,)]
        assert digests.fetchall() == [("training.regime_weights", 2)]
