"""From a table of the user's own to a forecast and a tracked run."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
import yaml

from soyoil.market.rolls import ROLLS_UNKNOWN
from soyoil.splits.snapshot import read_snapshot

TABLE = "market_data.databento_futures_ohlcv_1d"
LAST = 5
"""Sessions that the user's table gets later."""


def user_bars() -> pd.DataFrame:
    """UTC-day bars of ZL and MES as the user has them, stubs of Sundays among them."""
    rng = np.random.default_rng(8)
    parts = []
    for root, level, first in (("ZL", 40.0, "2016-01-04"), ("MES", 3000.0, "2019-05-06")):
        days = pd.bdate_range(first, "2025-11-14")
        sundays = days[days.dayofweek == 0][1::5] - pd.Timedelta(days=1)
        days = days.union(sundays)
        close = level * np.exp(np.cumsum(rng.normal(0, 0.008, len(days))))
        open_ = np.r_[level, close[:-1]] * np.exp(rng.normal(0, 0.002, len(days)))
        parts.append(
            pd.DataFrame(
                {
                    "date": days.date,
                    "root": root,
                    "symbol": root,
                    "open": open_.round(2),
                    "high": (np.maximum(open_, close) + 0.05).round(2),
                    "low": (np.minimum(open_, close) - 0.05).round(2),
                    "close": close.round(2),
                    "settle": None,
                    "volume": rng.integers(20_000, 60_000, len(days)),
                    "is_spread": False,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def write(path: Path, bars: pd.DataFrame) -> None:
    """A warehouse of the user: the bars and tables under names that soyoil has too."""
    with duckdb.connect(path) as connection:
        for name in ("market_data", "features", "training"):
            connection.execute(f"CREATE SCHEMA {name}").fetchall()
        connection.register("bars", bars)
        connection.execute(
            f"CREATE TABLE {TABLE} AS SELECT * REPLACE (CAST(date AS DATE) AS date, "
            "CAST(settle AS DOUBLE) AS settle) FROM bars"
        ).fetchall()
        connection.execute(
            "CREATE TABLE features.daily_ml_matrix (symbol VARCHAR, data_date DATE, "
            "policy STRUCT(trump_score DOUBLE), regime_name VARCHAR)"
        ).fetchall()


def everything(path: Path) -> dict[str, Any]:
    """All that the user's tables are and hold."""
    with duckdb.connect(path, read_only=True) as connection:
        names = connection.execute(
            "SELECT schema_name || '.' || table_name, sql, comment FROM duckdb_tables() ORDER BY 1"
        ).fetchall()
        return {
            name: (sql, comment, connection.execute(f"FROM {name} ORDER BY ALL").fetchall())
            for name, sql, comment in names
        }


def command(pipelines: str, *params: str) -> list[str]:
    """A ``kedro run`` on the user's table, with the default roots."""
    given = ("source.kind=warehouse", "split.first_origin=2023-01-03", *params)
    return [f"--pipelines={pipelines}", f"--params={','.join(given)}"]


@pytest.mark.ci
def test_from_the_users_file_to_a_forecast(project: Any) -> None:
    """No table of theirs is changed, nothing is written twice, unknown rolls are said."""
    theirs, bars = project.root / "theirs.duckdb", user_bars()
    days = sorted(set(bars.loc[bars["root"] == "ZL", "date"]))
    old = bars[bars["date"] < days[-LAST]]
    write(theirs, old)
    before = everything(theirs)
    source = "source.path=theirs.duckdb"
    stages = "ingest,regimes,features,split"
    ran = project.run_many(
        {
            "first": command(stages, source),
            "again": [*command(stages, source), "--force"],
            "forecast": command("forecast", source, "forecast.allow_stale=true"),
            "no file": command("ingest"),
        }
    )
    text = {name: " ".join(output.split()) for name, (_, output) in ran.items()}
    assert [code for code, _ in ran.values()] == [0, 0, 0, 1], ran
    count = len({day for day in set(old.loc[old["root"] == "ZL", "date"]) if day.weekday() < 5})
    sessions = "market_data.soyoil_futures_sessions"
    assert f"{sessions}: {count} inserted, 0 updated" in text["first"]
    assert f"{TABLE} holds no row of ZS, ZM, ZC, CL, HO, ES, 6L" in text["first"]
    assert f"ZL: {ROLLS_UNKNOWN}" in text["first"]
    for table in (sessions, "features.daily_ml_matrix", "training.regime_weights"):
        assert f"{table}: 0 inserted, 0 updated, 0 deleted" in text["again"]
    assert "Rolls unknown: the bars name no contract" in text["forecast"]
    reports = project.root / "data" / "08_reporting"
    assert ROLLS_UNKNOWN in (reports / "forecast.html").read_text()
    assert json.loads((reports / "forecast.json").read_text())["rolls"] == "unknown"
    assert "source.path" in text["no file"]
    snapshot = read_snapshot(project.root / "data" / "05_model_input" / "snapshots")
    assert (snapshot.rolls, snapshot.provenance) == ("unknown", "observed")
    assert snapshot.made_from["source.table"] == TABLE
    assert snapshot.matrix["market_data.realized_vol_1h"].isna().all()
    assert everything(theirs) == before

    with duckdb.connect(theirs) as connection:
        connection.register("bars", bars[bars["date"] >= days[-LAST]])
        connection.execute(f"INSERT INTO {TABLE} BY NAME FROM bars").fetchall()
    before = everything(theirs)
    settings = project.root / "conf" / "base" / "globals.yml"
    raw = yaml.safe_load(settings.read_text())
    own = raw["warehouse"]["path"]
    raw["warehouse"]["path"] = "theirs.duckdb"
    settings.write_text(yaml.safe_dump(raw))
    in_their_file = project.run_many(
        {"sessions": command("ingest"), "matrix": command("regimes,features")}
    )
    assert in_their_file["sessions"][0] == 0, in_their_file
    code, output = in_their_file["matrix"]
    assert code == 1
    assert "written under no soyoil contract" in " ".join(output.split())
    after = everything(theirs)
    assert {name: after[name] for name in before} == before
    assert sessions in after

    raw["warehouse"]["path"] = own
    settings.write_text(yaml.safe_dump(raw))
    added = project.run_many({"ingest": command("ingest", source)})["ingest"]
    assert added[0] == 0, added
    assert f"{sessions}: {LAST} inserted, 0 updated, 0 deleted" in " ".join(added[1].split())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_tracked_run_says_where_its_bars_come_from(project: Any) -> None:
    """One horizon with all engines: hourly features are missing, and nothing breaks on it."""
    write(project.root / "theirs.duckdb", user_bars())
    done = project.run(
        "--tags=1w",
        params=(
            "source.kind=warehouse", "source.path=theirs.duckdb", "split.first_origin=2023-01-03",
            "lightgbm.n_estimators=15", "xgboost.n_estimators=15", "tft.max_epochs=1",
            "tft.train_stride=20", "tft.encoder_length=8",
        ),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    with sqlite3.connect(project.root / "mlflow.db") as connection:
        tags = connection.execute(
            "SELECT key, value, COUNT(*) FROM tags WHERE key IN "
            "('rolls', 'source_table', 'source_columns', 'provenance') GROUP BY 1, 2 ORDER BY 1"
        ).fetchall()
    columns = (
        "date=date symbol=symbol root=root open=open high=high low=low close=close "
        "volume=volume is_spread=is_spread"
    )
    models = 10
    assert tags == [
        ("provenance", "observed", models + 1),
        ("rolls", "unknown", models + 1),
        ("source_columns", columns, 1),
        ("source_table", TABLE, 1),
    ]
    folder = project.root / "data" / "07_model_output" / "1w"
    cones = [
        pd.read_parquet(folder / m / "predictions.parquet") for m in ("vol_cone", "hourly_cone")
    ]
    pd.testing.assert_frame_equal(*cones)
