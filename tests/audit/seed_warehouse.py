"""The warehouse of the project's first user, with its real schemas, in DuckDB and in BigQuery.

Its bars are invented: those of UTC days, as daily bars of a vendor come, with stubs on Sundays.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from soyoil.market.holidays import sessionless_days

BARS = "market_data.databento_futures_ohlcv_1d"
ZL_HORIZONS = ("1w", "1m", "3m", "6m", "12m")
MES_SPANS = ("1min", "15min", "4hr", "1d", "1m")
ARCHIVE = "z_archive_20251119"
YAHOO = (
    "open", "high", "low", "close", "volume", "rsi_14", "macd", "sma_50", "sma_200",
    "bollinger_upper", "bollinger_lower",
)  # fmt: skip
JOINED = (
    "raw_intelligence.fred_economic", "raw_intelligence.weather_segmented",
    "raw_intelligence.cftc_positioning", "raw_intelligence.usda_granular",
    "raw_intelligence.eia_biofuels", "raw_intelligence.volatility_daily",
    "raw_intelligence.palm_oil_daily", "raw_intelligence.policy_events",
    "market_data.es_futures_daily", "features.regime_calendar",
)  # fmt: skip
GONE = "market_data.yahoo_historical_prefixed"
POLICY = ("trump_action_prob", "trump_expected_zl_move", "trump_score")
MATRIX_COLUMNS = {
    "market_data": ("open", "high", "low", "close", "vwap", "realized_vol_1h"),
    "pivots": ("P", "R1", "R2", "S1", "S2", "distance_to_P"),
    "policy": POLICY,
}


def tables(number: str, text: str, whole: str) -> Iterator[tuple[str, str]]:
    """Name and columns of every table but the bars, all of them empty.

    Parameters
    ----------
    number, text, whole
        Types of the backend.
    """
    series = f"date DATE, value {number}"
    yield "training.regime_calendar", f"date DATE, regime {text}, valid_from DATE, valid_to DATE"
    yield "features.regime_calendar", f"date DATE, regime {text}, training_weight {whole}"
    yield "training.regime_weights", f"regime {text}, weight {whole}, description {text}"
    label = f"regime {text}, training_weight {whole}"
    for horizon in ZL_HORIZONS:
        name = f"training.zl_training_prod_allhistory_{horizon}"
        yield name, f"date DATE, {label}, target_1w {number}, as_of TIMESTAMP"
    for span in MES_SPANS:
        name = f"training.mes_training_prod_allhistory_{span}"
        yield name, f"ts_event TIMESTAMP, {label}, target_1min {number}, as_of TIMESTAMP"
    yahoo = ", ".join(f"yahoo_zl_{name} {number}" for name in YAHOO)
    yield "features.master_features", f"date DATE, symbol {text}, fred_dgs10 {number}, {yahoo}"
    yield from ((name, series) for name in JOINED[:-1])
    yield "market_data.fx_daily", series
    yield "monitoring.model_performance", f"evaluation_date DATE, model_id {text}, mape {number}"
    yield "ops.ingestion_runs", f"run_id {text}, status {text}"
    yield from ((f"{ARCHIVE}.archive__legacy_{i:02d}", series) for i in range(8))


def matrix(number: str, text: str, whole: str, struct: str) -> str:
    """Columns of the matrix as the user made it; `struct` is ``STRUCT({})`` or ``STRUCT<{}>``."""
    structs = (
        f"{name} {struct.format(', '.join(f'{field} {number}' for field in fields))}"
        for name, fields in MATRIX_COLUMNS.items()
    )
    regime = struct.format(f"name {text}, weight {whole}, vol_percentile {number}")
    key = f"symbol {text}, data_date DATE"
    return ", ".join((key, *structs, f"regime {regime}, regime_name {text}"))


def view() -> str:
    """SQL of the view over a table that is gone."""
    joins = " ".join(f"LEFT JOIN {name} t{i} USING (date)" for i, name in enumerate(JOINED))
    return f"CREATE VIEW features.master_features_all AS SELECT y.* FROM {GONE} y {joins}"


def bars() -> pd.DataFrame:
    """Bars of UTC days of ZL and MES, 2010 to 2025, the stubs of Sunday evenings among them."""
    parts = []
    for number, (root, start) in enumerate((("ZL", "2010-06-07"), ("MES", "2019-05-06"))):
        rng = np.random.default_rng(number)
        days = pd.date_range(start, "2025-11-20", unit="us")
        closed = sessionless_days(root)
        days = days[(days.dayofweek != 5) & ~days.isin(pd.DatetimeIndex(closed))]
        # In its first years a vendor has few Sundays.
        sunday = days.dayofweek == 6
        kept = ~sunday | (np.arange(len(days)) % 4 == 0)
        days, sunday = days[kept], sunday[kept]
        close = 40 * np.exp(np.cumsum(rng.normal(0, 0.015, len(days))))
        opened = close * np.exp(rng.normal(0, 0.003, len(days)))
        wide = np.exp(np.abs(rng.normal(0, 0.004, len(days))))
        volume = rng.integers(40_000, 90_000, len(days))
        frame = {
            "symbol": root,
            "date": days.date,
            "open": opened,
            "high": np.maximum(opened, close) * wide,
            "low": np.minimum(opened, close) / wide,
            "close": close,
            "volume": np.where(sunday, volume // 50, volume),
        }
        parts.append(pd.DataFrame(frame))
    return pd.concat(parts, ignore_index=True)


def build_duckdb(path: Path) -> None:
    """Everything in one file; the bars are dated by ``data_date``."""
    found = pa.Table.from_pandas(bars().rename(columns={"date": "data_date"}), preserve_index=False)
    with duckdb.connect(path) as connection:
        types = ("DOUBLE", "VARCHAR", "BIGINT")
        made = [*tables(*types), ("features.daily_ml_matrix", matrix(*types, "STRUCT({})"))]
        made.append((GONE, "date DATE, yahoo_close DOUBLE"))
        for dataset in sorted({name.split(".")[0] for name, _ in made} | {"predictions"}):
            connection.execute(f"CREATE SCHEMA {dataset}").fetchall()
        connection.register("rows", found)
        connection.execute(f"CREATE TABLE {BARS} AS SELECT * FROM rows").fetchall()
        for name, columns in made:
            connection.execute(f"CREATE TABLE {name} ({columns})").fetchall()
        connection.execute(view()).fetchall()
        connection.execute(f"DROP TABLE {GONE}").fetchall()


def build_bigquery(api: Any, location: str) -> None:
    """Everything in the datasets of a project; the bars are dated by ``date``.

    Parameters
    ----------
    api
        Google's client, of the project.
    """
    from google.cloud import bigquery

    types = ("FLOAT64", "STRING", "INT64")
    made = [*tables(*types), (GONE, "date DATE, yahoo_zl_close FLOAT64")]
    daily = {"training.regime_calendar", "features.master_features"}
    sql = [
        f"CREATE TABLE {name} ({columns}){' PARTITION BY date' if name in daily else ''}"
        for name, columns in made
    ]
    columns = matrix(*types, "STRUCT<{}>").replace("symbol STRING", "symbol STRING NOT NULL")
    sql.append(
        f"CREATE TABLE features.daily_ml_matrix ({columns}) PARTITION BY data_date "
        "CLUSTER BY symbol, regime_name"
    )
    sql.append(
        f"CREATE TABLE {BARS} (date DATE, root STRING, symbol STRING, open FLOAT64, high FLOAT64, "
        "low FLOAT64, close FLOAT64, settle FLOAT64, volume INT64, open_interest INT64, "
        "is_spread BOOL, spread_legs ARRAY<STRING>, collection_timestamp TIMESTAMP) "
        "PARTITION BY date CLUSTER BY root, symbol, is_spread"
    )
    for dataset in sorted({name.split(".")[0] for name, _ in made} | {"api", "utils"}):
        there = bigquery.Dataset(f"{api.project}.{dataset}")
        there.location = location
        api.create_dataset(there)
    elsewhere = bigquery.Dataset(f"{api.project}.elsewhere")
    elsewhere.location = "EU"
    api.create_dataset(elsewhere)
    sql.append("CREATE TABLE elsewhere.yahoo_prices (date DATE)")
    # Views of this server are found by the project's name only.
    sql.append(view().replace("CREATE VIEW features", f"CREATE VIEW `{api.project}`.features"))
    sql.append(f"DROP TABLE {GONE}")
    api.query(";\n".join(sql)).result()
    found = bars().assign(is_spread=False)
    found["root"] = found["symbol"]
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(found, preserve_index=False), buffer)
    buffer.seek(0)
    config = bigquery.LoadJobConfig(source_format="PARQUET", write_disposition="WRITE_APPEND")
    api.load_table_from_file(buffer, f"{api.project}.{BARS}", job_config=config).result()
