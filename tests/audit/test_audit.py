"""The audit of whole warehouses, through the real inspector and the command."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from clean_warehouse import audit, audit_file, build_warehouse
from old_warehouse import (
    ARCHIVE,
    EMPTY,
    MISSING,
    OldTable,
    arrow,
    contracted,
    create_in_duckdb,
    old_tables,
    view_sql,
)

from soyoil.audit.report import AuditReport
from soyoil.audit.structure.defects import Action, Defect
from soyoil.sources.base import SourceConfig
from soyoil.targets.horizons import HORIZONS
from soyoil.targets.labels import build_labels
from soyoil.warehouse.connection import BigQueryConnection

Clean = tuple[Path, dict[str, pd.DataFrame]]


def test_a_warehouse_built_by_us_has_no_defect(clean_path: Path) -> None:
    report = audit_file(clean_path)
    assert report.at_least("warning") == ()
    assert [f.kind for f in report.findings] == ["absent_source"]
    assert sum(t.rows or 0 for t in report.tables) > 5_000


def test_no_warehouse_is_no_clean_bill(tmp_path: Path) -> None:
    report = audit_file(tmp_path / "none.duckdb")
    assert [(f.kind, f.severity) for f in report.findings] == [("empty_warehouse", "warning")]


@pytest.fixture(scope="module")
def old_path(clean_frames: Clean, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("old") / "old.duckdb"
    create_in_duckdb(path, old_tables(clean_frames[1]))
    return path


@pytest.fixture(scope="module")
def old(old_path: Path) -> AuditReport:
    return audit_file(old_path)


def of_kind(report: AuditReport, kind: str) -> list[Defect]:
    return [f for f in report.findings if f.kind == kind]


PLANTED = {
    "duplicate_concept": [("features.regime_calendar", "training.regime_calendar")],
    "broken_view": [("features.master_features_all",)],
    "horizon_mismatch": [("training.zl_training_prod_allhistory_1m",)],
    "no_features": [("training.zl_training_prod_allhistory_3m",)],
    "banned_column": [
        ("features.master_features.yahoo_volume", "features.master_features.yahoo_zl_close")
    ],
    "banned_table": [("raw.yahoo_prices",)],
    "missing_columns": [("features.daily_ml_matrix",)],
    "dead_dataset": [(ARCHIVE,)],
}
ACTIONS = {
    Action("drop_table", "training.regime_calendar"),
    Action("drop_table", "features.regime_calendar"),
    Action("drop_table", "training.zl_training_prod_allhistory_1m"),
    Action("drop_table", "training.zl_training_prod_allhistory_3m"),
    Action("drop_view", "features.master_features_all"),
    Action("drop_table", "raw.yahoo_prices"),
    Action("drop_column", "features.master_features.yahoo_volume"),
    Action("drop_column", "features.master_features.yahoo_zl_close"),
    Action("drop_dataset", ARCHIVE),
    Action("add_columns", "features.daily_ml_matrix"),
}


def check_old_warehouse(
    report: AuditReport, limit: tuple[str, ...], missing: tuple[str, ...] = MISSING
) -> None:
    """Every planted defect is found, and none elsewhere."""
    found = [f for f in report.findings if f.severity != "info"]
    empty = sorted({*EMPTY, *MISSING} - set(missing))
    expected = {
        **PLANTED,
        "partition_limit": [limit],
    }
    assert Counter((f.kind, tuple(sorted(f.objects))) for f in found) == Counter(
        (kind, objects) for kind, all_objects in expected.items() for objects in all_objects
    )
    assert {action for f in found for action in f.actions} == ACTIONS
    (view,) = of_kind(report, "broken_view")
    assert view.evidence.startswith("10 joins, 10 of them LEFT JOINs, 11 tables")
    assert ("missing (4): " + ", ".join(sorted(MISSING)) in view.evidence) == bool(missing)
    assert f"empty ({len(empty)}): {', '.join(empty)}" in view.evidence
    assert "banned vendor (1): raw.yahoo_prices" in view.evidence
    (horizon,) = of_kind(report, "horizon_mismatch")
    assert "target_1w is a target of horizon 1w, but" in horizon.evidence
    (columns,) = of_kind(report, "missing_columns")
    assert "3 of them nested: pivots.P, pivots.R1, golden_zone.state" in columns.evidence
    (archive,) = of_kind(report, "dead_dataset")
    assert archive.evidence.startswith("50 tables, all empty")
    (limits,) = of_kind(report, "partition_limit")
    assert "6,960 partitions" in limits.evidence
    assert "2010-01-01 to 2029-01-20" in limits.evidence
    (twins,) = of_kind(report, "duplicate_concept")
    assert "training_weight" in twins.evidence
    assert "valid_from, valid_to" in twins.evidence


def test_old_warehouse(old: AuditReport) -> None:
    check_old_warehouse(old, ("features.regime_calendar", "training.regime_calendar"))


def bad_tables(frames: dict[str, pd.DataFrame]) -> dict[str, OldTable]:
    """Tables under no contract, each with defects of its rows; a matrix of another provenance."""
    sessions = frames["market_data.soyoil_futures_sessions"]
    zl = sessions[sessions["symbol"] == "ZL"].reset_index(drop=True)
    bars = zl[["symbol", "data_date", "open", "high", "low", "close"]]
    bars = bars.rename(columns={"data_date": "date"})
    bars = bars.assign(regime="normal", sentiment=np.nan, tariff=0.0, provenance="observed")
    prices = ["open", "high", "low", "close"]
    bars.loc[50, prices] = bars.loc[20, prices].to_numpy()
    bars.loc[100, "date"] += pd.Timedelta(days=-bars.loc[100, "date"].dayofweek - 1)
    bars.loc[200, "high"] = bars.loc[200, "low"] - 1.0
    bars.loc[300:309, prices] = 30.0
    bars.loc[400, "provenance"] = "synthetic"
    holiday = bars.iloc[[500]].assign(date=pd.Timestamp("2019-12-25"), close=33.33, open=33.0)
    bars = pd.concat([bars.drop(index=range(600, 620)), holiday, bars.iloc[[700]]])
    weekly = zl[["data_date", "close"]].assign(
        target_1m=build_labels(zl, HORIZONS["1w"])[HORIZONS["1w"].target].ffill()
    )
    matrix = frames["features.daily_ml_matrix"].assign(provenance="observed")
    clean = {name: frame for name, frame in frames.items() if name != "features.daily_ml_matrix"}
    tables = {name: OldTable(contracted(name, frame)) for name, frame in clean.items()}
    return tables | {
        "features.daily_ml_matrix": OldTable(contracted("features.daily_ml_matrix", matrix)),
        "raw.prices": OldTable(arrow(bars)),
        "raw.forgotten": OldTable(arrow(zl.loc[:500, ["data_date", "close"]])),
        "training.zl_labels_1m": OldTable(arrow(weekly)),
    }


def test_rows_of_every_table_are_checked(clean_frames: Clean, tmp_path: Path) -> None:
    path = tmp_path / "bad.duckdb"
    create_in_duckdb(path, bad_tables(clean_frames[1]), with_view=False)
    found: dict[str, set[str]] = {}
    for finding in audit_file(path).at_least("warning"):
        table = ".".join(finding.objects[0].split(".")[:2])
        found.setdefault(table, set()).add(finding.kind)
    assert found == {
        "raw.prices": {
            "duplicate_key", "cloned_rows", "weekend_rows", "holiday_rows", "inconsistent_bar",
            "filled_run", "session_gap", "null_column", "constant_column", "constant_regime",
            "mixed_provenance",
        },
        "training.zl_labels_1m": {"label_horizon", "label_without_future"},
        "raw.forgotten": {"stale_table"},
        "market_data.soyoil_futures_sessions": {"mixed_warehouse"},
    }  # fmt: skip


def test_large_tables_are_left_out_and_named(clean_path: Path) -> None:
    report = audit_file(clean_path, max_rows=1_000)
    left_out = [f.objects[0] for f in of_kind(report, "not_checked")]
    assert left_out == ["features.daily_ml_matrix", "market_data.soyoil_futures_sessions"]
    assert [t.name for t in report.tables if t.rows is not None] == ["training.regime_weights"]


@pytest.mark.ci
def test_old_warehouse_on_bigquery(
    clean_frames: Clean, make_bigquery: Callable[..., BigQueryConnection]
) -> None:
    from soyoil.warehouse.bigquery.client import client_for

    connection = make_bigquery()
    create_in_bigquery(client_for(connection).api, connection, old_tables(clean_frames[1]))
    # This server forgets a view whose tables were dropped; BigQuery keeps its SQL. So what the
    # view misses on DuckDB is empty here.
    check_old_warehouse(audit(connection), ("training.regime_calendar",), missing=())


def create_in_bigquery(api: Any, connection: BigQueryConnection, tables: dict[str, Any]) -> None:
    """The same warehouse on a server."""
    import io

    from google.cloud import bigquery

    def name(dotted: str) -> str:
        return connection.table(dotted)

    for dataset in sorted({n.split(".")[0] for n in (*tables, *MISSING)}):
        api.create_dataset(f"{connection.project}.{connection.dataset(dataset)}")
    empty = []
    for dotted, table in {**tables, **dict.fromkeys(MISSING, tables[EMPTY[0]])}.items():
        if not table.rows.num_rows:
            columns = ", ".join(f"{f.name} {SQL_TYPES[str(f.type)]}" for f in table.rows.schema)
            split = f" PARTITION BY {table.partition}" if table.partition else ""
            empty.append(f"CREATE TABLE `{name(dotted)}` ({columns}){split};")
            continue
        buffer = io.BytesIO()
        pq.write_table(table.rows, buffer)
        buffer.seek(0)
        config = bigquery.LoadJobConfig(source_format="PARQUET")
        api.load_table_from_file(buffer, name(dotted), job_config=config).result()
    api.query("\n".join(empty)).result()
    view = view_sql(lambda dotted: f"`{name(dotted)}`")
    api.query(f"CREATE VIEW `{name('features.master_features_all')}` AS {view}").result()


SQL_TYPES = {"date32[day]": "DATE", "string": "STRING", "double": "FLOAT64"}

RUN = """
import json, sys
from pathlib import Path
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project

bootstrap_project(Path.cwd())
from soyoil.cli import run

results = {}
for name, params in json.loads(sys.argv[1]).items():
    outcome = CliRunner().invoke(run, ["--pipeline=audit", f"--params={params}"])
    report = Path("data/08_reporting/audit")
    files = {p.name: p.read_text() for p in report.iterdir()} if report.exists() else {}
    results[name] = [outcome.exit_code, outcome.output, files]
print("RESULTS" + json.dumps(results))
"""


@pytest.mark.ci
def test_command(project_root: Path, tmp_path: Path, old_path: Path, clean_path: Path) -> None:
    shutil.copytree(
        project_root / "conf", tmp_path / "conf", ignore=shutil.ignore_patterns("local")
    )
    (tmp_path / "conf" / "local").mkdir()
    (tmp_path / "src").mkdir()
    shutil.copy(project_root / "pyproject.toml", tmp_path)
    folder = tmp_path / "data" / "warehouse"
    folder.mkdir(parents=True)
    shutil.copy(clean_path, folder / "synthetic.duckdb")
    shutil.copy(old_path, folder / "databento.duckdb")
    runs = {
        "clean": "audit.fail_on=warning",
        "old": "source.kind=databento,source.path=unused",
    }
    done = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps(runs)],
        cwd=tmp_path,
        env={
            **os.environ,
            "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'mlflow.db'}",
            "KEDRO_DISABLE_TELEMETRY": "1",
            "DO_NOT_TRACK": "true",
            "COLUMNS": "80",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    line = next((x for x in done.stdout.splitlines() if x.startswith("RESULTS")), None)
    assert line is not None, done.stdout + done.stderr
    found = json.loads(line.removeprefix("RESULTS"))
    code, output, files = found["clean"]
    assert code == 0, output
    assert "0 errors, 0 warnings" in " ".join(output.split())
    code, output, files = found["old"]
    assert code == 1, output
    assert "Error: The audit found" in output
    assert "broken view  features.master_features_all" in output
    assert set(files) == {"audit.md", "audit.html", "audit.json"}
    kinds = {f["kind"] for f in json.loads(files["audit.json"])["findings"]}
    assert {"broken_view", "dead_dataset", "partition_limit"} <= kinds
    assert "z\\_archive\\_20251119" in files["audit.md"]
    assert "http" not in files["audit.html"].replace("http-equiv", "")
    assert "mlflow.db" not in [p.name for p in tmp_path.iterdir()], "an audit is no tracked run"


def messy_prices(databento_dir: Path) -> Path:
    path = databento_dir.parent / "prices_messy" / "soybean_prices.parquet"
    if not path.exists():
        pytest.skip(f"no real data at {path}")
    return path


@pytest.mark.real_data
def test_messy_prices_are_refused_with_an_exact_report(databento_dir: Path, tmp_path: Path) -> None:
    source = messy_prices(databento_dir)
    path = tmp_path / "user.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("CREATE SCHEMA market_data").fetchall()
        connection.execute(
            f"CREATE TABLE market_data.soybean_prices AS SELECT * FROM read_parquet('{source}')"
        ).fetchall()
    report = audit_file(path, now=dt.datetime(2023, 12, 30, tzinfo=dt.UTC))
    evidence = {f.kind: f.evidence for f in report.findings}
    assert {f.kind for f in report.at_least("error")} == {
        "banned_source", "duplicate_key", "holiday_rows", "inconsistent_bar",
    }  # fmt: skip
    assert set(evidence) - {f.kind for f in report.at_least("error")} == {
        "constant_column", "mixed_sources", "partition_limit", "session_gap",
    }  # fmt: skip

    # The same facts, counted another way.
    rows = pd.read_parquet(source)
    day = rows["time"].dt.date
    surplus = len(rows) - day.nunique()
    copied = rows.groupby("time").size()
    assert surplus / len(rows) == pytest.approx(0.63, abs=0.005)
    assert evidence["duplicate_key"].startswith(
        f"{surplus:,} surplus rows of {len(rows):,} ({100 * surplus / len(rows):.1f} %): "
        f"{(copied > 1).sum():,} keys up to {copied.max()} times, 0 of them with contradicting"
    )
    assert f"{len(rows):,} rows of {len(rows):,} by source_name" in evidence["banned_source"]
    for name, part in rows.groupby("source_name"):
        span = f"{part['time'].min():%Y-%m-%d} to {part['time'].max():%Y-%m-%d}"
        assert f"{name}: {len(part):,} rows {span}" in evidence["mixed_sources"]
    prices = rows[["open", "high", "low", "close"]]
    wrong = (prices.max(axis=1) > rows["high"]) | (prices.min(axis=1) < rows["low"])
    assert evidence["inconsistent_bar"].startswith(
        f"{wrong.sum():,} rows of {len(rows):,}, {day[wrong].nunique()} dates"
    )
    assert evidence["holiday_rows"].startswith("6 rows of 15,239 on days without a session")
    assert "ZS 2005-11-24" in evidence["holiday_rows"], "Thanksgiving"
    assert "from 2019-12-31 to 2020-10-21" in evidence["session_gap"]


@pytest.mark.slow
@pytest.mark.real_data
def test_a_warehouse_of_real_bars_has_no_defect(
    project_root: Path, databento_dir: Path, tmp_path: Path
) -> None:
    path = tmp_path / "databento.duckdb"
    roots = "ZL+ZS+ZM+ZC+CL+HO+ES+6L"
    source = SourceConfig.model_validate(
        {"kind": "databento", "path": str(databento_dir), "symbols": roots}
    )
    build_warehouse(path, source, project_root)
    report = audit_file(path, now=dt.datetime(2024, 1, 2, tzinfo=dt.UTC))
    assert report.at_least("warning") == ()
    assert {f.kind for f in report.findings} == {"absent_source", "session_gap"}
