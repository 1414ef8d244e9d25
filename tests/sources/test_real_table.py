"""Real ZL as a user's table holds it: UTC-day bars with the stubs of Sundays."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest
from user_tables import user_tables

from soyoil.market.bars import BarOrigin, session_bars
from soyoil.sources import load_bars
from soyoil.sources.base import BarBatch, SourceConfig
from soyoil.sources.table.load import read_table
from soyoil.sources.vendor_store import NoStore

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def utc_days(databento_dir: Path) -> pd.DataFrame:
    """UTC-day bars made of hourly files, with the contract of each day."""
    source = SourceConfig(kind="databento", path=str(databento_dir), symbols=("ZL",))
    hourly = load_bars(source).bars
    days = hourly.assign(date=hourly["ts_event"].dt.date).groupby("date", as_index=False)
    return days.agg(
        symbol=("symbol", "first"), open=("open", "first"), high=("high", "max"),
        low=("low", "min"), close=("close", "last"), volume=("volume", "sum"),
        instrument_id=("instrument_id", "last"),
    )  # fmt: skip


def load(frame: pd.DataFrame) -> BarBatch:
    now = dt.datetime(2025, 11, 22, tzinfo=dt.UTC)
    tables = user_tables(frame)
    return read_table(SourceConfig(kind="warehouse"), lambda path: tables, NoStore(), now)


def test_stubs_are_merged_and_rolls_are_as_the_contracts_say(utc_days: pd.DataFrame) -> None:
    sundays = pd.to_datetime(utc_days["date"]).dt.dayofweek == 6
    assert (len(utc_days), int(sundays.sum())) == (3526, 105)
    made = {}
    for name, frame in (("with", utc_days), ("without", utc_days.drop(columns="instrument_id"))):
        batch = load(frame)
        assert batch.quarantine.empty
        origin = BarOrigin(
            batch.schema, batch.provenance, coverage=batch.coverage, rolls=batch.rolls
        )
        made[name] = session_bars(batch.bars, origin).sessions
        assert len(made[name]) == 3416
    assert set(made["with"]["rolls"]) == {"known"}
    assert made["with"]["is_roll"].sum() == 106
    assert set(made["without"]["rolls"]) == {"unknown"}
    assert not made["without"]["is_roll"].any()
    assert made["with"]["close"].equals(made["without"]["close"])
    # Without contracts a stub may go into the Monday of another contract.
    assert (made["with"]["open"] != made["without"]["open"]).sum() == 4
