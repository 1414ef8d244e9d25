"""A warehouse with the defects that made an old one unusable, as plain data and SQL.

Everything else in it is sound: the tables under contract as the project writes them, and bars
and a macro series of the user's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from soyoil.contracts.contract import load_contract
from soyoil.contracts.validation import validate
from soyoil.targets.horizons import HORIZONS
from soyoil.targets.labels import build_labels

ARCHIVE = "z_archive_20251119"
ARCHIVED = 50
LIMIT_DAYS = 6_960
MISSING = ("raw.china_imports", "raw.eia_biodiesel", "raw.wasde", "raw.freight")
EMPTY = ("raw.cftc_positions", "raw.weather_daily", "raw.policy_events", "raw.yahoo_prices")
PRESENT = ("raw.zl_daily", "raw.usd_index")
LOST = ("pivots.P", "pivots.R1", "golden_zone.state")


@dataclass(frozen=True)
class OldTable:
    """One table.

    Attributes
    ----------
    rows
        Its rows.
    partition
        Column by whose day it is partitioned, where the backend has partitions.
    """

    rows: pa.Table
    partition: str | None = None


def old_tables(frames: Mapping[str, pd.DataFrame]) -> dict[str, OldTable]:
    """Tables by name.

    Parameters
    ----------
    frames
        What the project writes, by table.
    """
    sessions = frames["market_data.soyoil_futures_sessions"]
    zl = sessions[(sessions["symbol"] == "ZL") & ~sessions["is_thin"]].reset_index(drop=True)
    tables = {name: OldTable(contracted(name, frame)) for name, frame in frames.items()}
    matrix = tables["features.daily_ml_matrix"].rows
    tables["features.daily_ml_matrix"] = OldTable(_without(matrix, LOST))
    tables |= _calendars() | _training(zl) | _raw(zl)
    nothing = pa.table({"date": pa.array([], pa.date32()), "value": pa.array([], pa.float64())})
    tables |= {name: OldTable(nothing) for name in EMPTY}
    tables |= {f"{ARCHIVE}.table_{i:02d}": OldTable(nothing) for i in range(ARCHIVED)}
    return tables


def view_sql(qualified: Callable[[str], str]) -> str:
    """SQL of ``features.master_features_all``: ten LEFT JOINs over what is not there."""
    joined = (*MISSING, *EMPTY, *PRESENT)
    assert len(joined) == 10
    aliases = [f"j{i}" for i in range(len(joined))]
    pairs = zip(aliases, joined, strict=True)
    picks = ", ".join(f"{alias}.value AS {name.split('.')[1]}" for alias, name in pairs)
    joins = " ".join(
        f"LEFT JOIN {qualified(name)} AS {alias} ON m.date = {alias}.date"
        for alias, name in zip(aliases, joined, strict=True)
    )
    base = qualified("features.master_features")
    return f"SELECT m.date, m.zl_close, {picks} FROM {base} AS m {joins}"


def create_in_duckdb(path: Path, tables: Mapping[str, OldTable], *, with_view: bool = True) -> None:
    """Write everything into a DuckDB file, then drop what the view misses."""
    missing = dict.fromkeys(MISSING, tables[EMPTY[0]]) if with_view else {}
    with duckdb.connect(path) as connection:
        for name, table in {**tables, **missing}.items():
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name.split('.')[0]}").fetchall()
            connection.register("rows", table.rows)
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM rows").fetchall()
            connection.unregister("rows")
        if with_view:
            view = view_sql(lambda name: name)
            connection.execute(f"CREATE VIEW features.master_features_all AS {view}").fetchall()
        for name in missing:
            connection.execute(f"DROP TABLE {name}").fetchall()


def contracted(name: str, frame: pd.DataFrame) -> pa.Table:
    """Rows as the contract of the table has them."""
    return validate(frame, load_contract(name))


def _without(table: pa.Table, lost: tuple[str, ...]) -> pa.Table:
    """The table without some nested fields."""
    for struct in sorted({name.split(".")[0] for name in lost}):
        values = table[struct].combine_chunks()
        kept = [f for f in values.type if f"{struct}.{f.name}" not in lost]
        arrays = [values.field(f.name) for f in kept]
        index = table.column_names.index(struct)
        field = pa.field(struct, pa.struct(kept), nullable=table.schema.field(index).nullable)
        table = table.set_column(index, field, pa.StructArray.from_arrays(arrays, fields=kept))
    return table


def _calendars() -> dict[str, OldTable]:
    """Two regime calendars with clashing columns; the insert into the partitioned one failed."""
    dates = pd.date_range("2010-01-01", periods=LIMIT_DAYS, unit="us")
    regime = np.where(dates.year < 2018, "normal", "trade_war")
    rows = pd.DataFrame(
        {"date": dates, "regime": regime, "training_weight": np.where(dates.year < 2018, 1.0, 3.0)}
    )
    schema = pa.schema(
        {
            "date": pa.date32(),
            "regime": pa.string(),
            "valid_from": pa.date32(),
            "valid_to": pa.date32(),
        }
    )
    return {
        "training.regime_calendar": OldTable(schema.empty_table(), "date"),
        "features.regime_calendar": OldTable(arrow(rows)),
    }


def _training(zl: pd.DataFrame) -> dict[str, OldTable]:
    close = zl["close"]
    features = zl[["data_date", "close"]].rename(columns={"data_date": "date"})
    features = features.assign(ma_5=close.rolling(5).mean(), volume=zl["volume"].astype("float64"))
    weekly = build_labels(zl, HORIZONS["1w"])[HORIZONS["1w"].target]
    quarterly = build_labels(zl, HORIZONS["3m"])[HORIZONS["3m"].target]
    master = features.rename(columns={"close": "zl_close"}).assign(
        yahoo_zl_close=close * 1.001, yahoo_volume=zl["volume"] * 0.5
    )
    return {
        "training.zl_training_prod_allhistory_1m": OldTable(
            arrow(features.assign(target_1w=weekly))
        ),
        "training.zl_training_prod_allhistory_3m": OldTable(
            arrow(features[["date"]].assign(target_3m=quarterly))
        ),
        "features.master_features": OldTable(arrow(master)),
    }


def _raw(zl: pd.DataFrame) -> dict[str, OldTable]:
    bars = zl[["symbol", "data_date", "open", "high", "low", "close", "volume"]]
    bars = bars.rename(columns={"data_date": "date"})
    bars = bars.assign(value=zl["close"] * 1.5 + zl["volume"] / 1e6)
    index = pd.DataFrame({"date": zl["data_date"], "value": 100 + zl["close"].rolling(3).mean()})
    return {
        "raw.zl_daily": OldTable(arrow(bars)),
        "raw.usd_index": OldTable(arrow(index)),
    }


def arrow(frame: pd.DataFrame) -> pa.Table:
    """Rows of a table under no contract; times of the frame are dates."""
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    fields = [
        pa.field(f.name, pa.date32() if pa.types.is_timestamp(f.type) else f.type)
        for f in table.schema
    ]
    strings = [
        pa.field(f.name, pa.string() if pa.types.is_large_string(f.type) else f.type)
        for f in fields
    ]
    return table.cast(pa.schema(strings), safe=False)
