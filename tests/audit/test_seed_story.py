"""From the user's warehouse to a clean audit, by the commands that are typed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from seed_warehouse import (
    ARCHIVE,
    BARS,
    MES_SPANS,
    POLICY,
    ZL_HORIZONS,
    build_bigquery,
    build_duckdb,
)

from soyoil.migrations.apply import ApplyRecord
from soyoil.warehouse.connection import BigQueryConnection, DuckDBConnection
from soyoil.warehouse.live import LiveWarehouse
from soyoil.warehouse.open import open_inspector

COMMANDS = """
import json, sys
from pathlib import Path
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project

bootstrap_project(Path.cwd())
from soyoil.cli import cli, run

for words in json.loads(sys.argv[1]):
    main = run if words[0] == "run" else cli
    words = words[1:] if words[0] == "run" else words
    outcome = CliRunner().invoke(main, words, input="y\\n")
    report = Path("data/08_reporting/audit/audit.json")
    found = json.loads(report.read_text()) if report.exists() else {}
    print("RESULT" + json.dumps([outcome.exit_code, outcome.output, found]))
"""
TRAINING = [f"training.zl_training_prod_allhistory_{h}" for h in ZL_HORIZONS]
INTRADAY = [f"training.mes_training_prod_allhistory_{s}" for s in MES_SPANS]
CALENDARS = ("features.regime_calendar", "training.regime_calendar")


@dataclass(frozen=True)
class Ran:
    """One command that was typed."""

    code: int
    output: str
    report: dict[str, Any]

    def found(self) -> Counter[tuple[str, str]]:
        """Kind and table of every finding at warning or above."""
        return Counter(
            (f["kind"], ".".join(f["objects"][0].split(".")[:2]))
            for f in self.report["findings"]
            if f["severity"] != "info"
        )


def typed(
    root: Path, folder: Path, place: dict[str, Any], env: str, commands: list[list[str]]
) -> list[Ran]:
    """What commands say that are typed in a project with this warehouse."""
    shutil.copytree(root / "conf", folder / "conf", ignore=shutil.ignore_patterns("local"))
    shutil.copy(root / "pyproject.toml", folder)
    (folder / "src").mkdir()
    (folder / "conf" / "local").mkdir()
    target = folder / "conf" / env / "globals.yml"
    target.write_text(yaml.safe_dump({"warehouse": place, "warehouse_credentials": None}))
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, json.dumps([[*c, "--env", env] for c in commands])],
        cwd=folder,
        env={
            **{k: v for k, v in os.environ.items() if k != "SOYOIL_DATA"},
            "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}",
            "KEDRO_DISABLE_TELEMETRY": "1",
            "DO_NOT_TRACK": "true",
            "COLUMNS": "80",
        },
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT")]
    assert len(lines) == len(commands), done.stdout + done.stderr
    return [Ran(*json.loads(line.removeprefix("RESULT"))) for line in lines]


AUDIT = ["run", "--pipeline=audit"]
PLAN = ["warehouse", "plan"]
APPLY = ["warehouse", "apply", "--all-safe-drops"]
REPLACE = ["--change", "replace:features.daily_ml_matrix"]


def planted(calendars: tuple[str, ...]) -> Counter[tuple[str, str]]:
    """The seven defects; `calendars` is the table that the partition limit is told of."""
    return Counter(
        [
            ("duplicate_concept", "training.regime_calendar"),
            ("broken_view", "features.master_features_all"),
            *(("horizon_mismatch", name) for name in TRAINING if not name.endswith("_1w")),
            *(("horizon_mismatch", name) for name in INTRADAY if not name.endswith("_1min")),
            *(("no_features", name) for name in (*TRAINING, *INTRADAY)),
            ("banned_column", "features.master_features"),
            *(("partition_limit", name) for name in calendars),
            ("missing_columns", "features.daily_ml_matrix"),
            ("dead_dataset", ARCHIVE),
        ]
    )


def check_end(live: LiveWarehouse, rows: int) -> None:
    """The user's tables that stay are there, and only what was decided has gone."""
    there = set(live.tables)
    assert not there & {*CALENDARS, *TRAINING, *INTRADAY, "features.master_features"}
    assert ARCHIVE not in live.datasets
    assert {"training.regime_weights", "ops.ingestion_runs", "market_data.fx_daily"} <= there
    matrix = live.tables["features.daily_ml_matrix"].flat_columns()
    assert {f"policy.{name}" for name in POLICY} <= set(matrix)
    assert {"pivots.distance_to_P", "market_data.roll_free_return"} <= set(matrix)
    assert live.tables[BARS].rows == rows
    assert live.tables[BARS].contract_version is None


@pytest.mark.ci
def test_from_seed_to_clean_on_duckdb(project_root: Path, tmp_path: Path) -> None:
    path = tmp_path / "seed.duckdb"
    build_duckdb(path)
    with duckdb.connect(path) as connection:
        ((rows,),) = connection.execute(f"SELECT count(*) FROM {BARS}").fetchall()
    # Here soyoil's tables have the plain names: its regime table replaces the empty one.
    weights = ["--change", "replace:training.regime_weights"]
    place = {"backend": "duckdb", "path": str(path)}
    before, plan, apply, after, left = typed(
        project_root,
        tmp_path,
        place,
        "local",
        [AUDIT, PLAN, [*APPLY, *REPLACE, *weights], AUDIT, PLAN],
    )
    expected = planted(CALENDARS[:1])
    expected["other_form", "training.regime_weights"] = 1
    assert before.found() == expected
    assert before.code == 1
    assert plan.code == 0, plan.output
    assert len(plan.output.splitlines()) <= 30
    assert apply.code == 0, apply.output
    assert after.code == 0, after.output
    assert after.found() == Counter()
    assert "No changes" not in plan.output
    live = open_inspector(DuckDBConnection(path=path)).inspect()
    check_end(live, rows)
    assert "soyoil_copies" not in str(live.datasets), "nothing that was empty is copied"
    assert "drop" not in left.output, left.output
    (record,) = (tmp_path / "data" / "08_reporting").glob("warehouse_applied_*.json")
    check_restore(path, ApplyRecord.model_validate_json(record.read_text()))


def check_restore(path: Path, record: ApplyRecord) -> None:
    """What was dropped comes back from the record."""
    dropped = [made for made in record.applied if made.ids[0].startswith("drop-")]
    statements = [sql for made in reversed(dropped) for sql in made.restore]
    with duckdb.connect(path) as connection:
        for sql in statements:
            if "master_features_all" not in sql:
                connection.execute(sql).fetchall()
        names = {
            f"{schema}.{name}"
            for schema, name in connection.execute(
                "SELECT table_schema, table_name FROM information_schema.tables"
            ).fetchall()
        }
    assert {*CALENDARS, *TRAINING, *INTRADAY, "features.master_features"} <= names
    assert f"{ARCHIVE}.archive__legacy_00" in names


@pytest.mark.slow
def test_from_seed_to_clean_on_bigquery(
    bigquery_server: Any, project_root: Path, tmp_path: Path
) -> None:
    from soyoil.warehouse.bigquery.client import client_for

    project = f"seed-{uuid.uuid4().hex[:8]}"
    connection: BigQueryConnection = bigquery_server.connection(project=project)
    build_bigquery(client_for(connection).api, connection.location)
    place = {
        "backend": "bigquery",
        "project": project,
        "dataset_prefix": "soyoil_<source_kind>_",
        "endpoint": connection.endpoint,
        "storage_endpoint": connection.storage_endpoint,
    }
    live = open_inspector(connection).inspect()
    rows = live.tables[BARS].rows or 0
    before, plan, apply, after, left = typed(
        project_root, tmp_path, place, "bigquery", [AUDIT, PLAN, [*APPLY, *REPLACE], AUDIT, PLAN]
    )
    assert before.found() == planted(CALENDARS[1:])
    assert before.code == 1
    assert plan.code == 0, plan.output
    assert len(plan.output.splitlines()) <= 30
    assert apply.code == 0, apply.output
    assert after.code == 0, after.output
    assert after.found() == Counter()
    assert "No changes" in left.output
    live = open_inspector(connection, whole=True).inspect()
    check_end(live, rows)
    assert live.tables["soyoil_synthetic_features.daily_ml_matrix"].contract_version is not None
    assert "elsewhere" not in live.datasets, "it lies in another location"


SMALL = (
    "--params=source.kind=warehouse,source.symbols=ZL,split.first_origin=2016-01-04,"
    "lightgbm.n_estimators=15,xgboost.n_estimators=15,tft.max_epochs=1,tft.train_stride=20,"
    "tft.encoder_length=8"
)


@pytest.mark.slow
def test_from_seed_to_an_export_on_bigquery(
    bigquery_server: Any, project_root: Path, tmp_path: Path
) -> None:
    from soyoil.warehouse.bigquery.client import client_for

    project = f"seed-{uuid.uuid4().hex[:8]}"
    connection: BigQueryConnection = bigquery_server.connection(project=project)
    build_bigquery(client_for(connection).api, connection.location)
    place = {
        "backend": "bigquery",
        "project": project,
        "dataset_prefix": "soyoil_<source_kind>_",
        "endpoint": connection.endpoint,
        "storage_endpoint": connection.storage_endpoint,
    }
    rows = open_inspector(connection).inspect().tables[BARS].rows or 0
    _, apply, train, audit, export = typed(
        project_root,
        tmp_path,
        place,
        "bigquery",
        [
            PLAN,
            [*APPLY, *REPLACE],
            ["run", "--pipeline=train", SMALL],
            [*AUDIT, "--params=source.kind=warehouse"],
            ["run", "--pipeline=export", SMALL],
        ],
    )
    assert apply.code == 0, apply.output
    assert train.code == 0, train.output
    assert "rolls unknown" in train.output
    assert audit.code == 0, audit.output
    assert audit.found() == Counter()
    assert export.code == 0, export.output
    manifest = json.loads((tmp_path / "data/10_export/manifest.json").read_text())
    assert manifest["provenance"] == "observed"
    assert manifest["rolls"] == "unknown"
    assert set(manifest["horizons"]) == {"1w", "1m", "3m", "6m", "12m"}
    live = open_inspector(connection, whole=True).inspect()
    assert live.tables[BARS].rows == rows
    assert live.tables[BARS].contract_version is None


@pytest.mark.slow
def test_from_seed_to_an_export_on_duckdb(project_root: Path, tmp_path: Path) -> None:
    seed = tmp_path / "seed.duckdb"
    build_duckdb(seed)
    with duckdb.connect(seed) as connection:
        before = connection.execute(f"SELECT * FROM {BARS} ORDER BY ALL").fetchall()
    weights = ["--change", "replace:training.regime_weights"]
    mended, trained = tmp_path / "mended", tmp_path / "trained"
    mended.mkdir()
    trained.mkdir()
    _, apply, audit = typed(
        project_root,
        mended,
        {"backend": "duckdb", "path": str(seed)},
        "local",
        [PLAN, [*APPLY, *REPLACE, *weights], AUDIT],
    )
    assert apply.code == 0, apply.output
    assert audit.found() == Counter()
    # The user's file is read; what is made of it goes to a warehouse of soyoil's own.
    own = f"{SMALL},source.path={seed}"
    train, export = typed(
        project_root,
        trained,
        {"backend": "duckdb", "path": str(tmp_path / "own.duckdb")},
        "local",
        [["run", "--pipeline=train", own], ["run", "--pipeline=export", own]],
    )
    assert train.code == 0, train.output
    assert "rolls unknown" in train.output
    assert export.code == 0, export.output
    manifest = json.loads((trained / "data/10_export/manifest.json").read_text())
    assert manifest["rolls"] == "unknown"
    with duckdb.connect(seed, read_only=True) as connection:
        assert connection.execute(f"SELECT * FROM {BARS} ORDER BY ALL").fetchall() == before
