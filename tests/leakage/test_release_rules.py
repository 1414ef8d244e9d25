"""Rows of every source against its release rule, one day early and as they were published."""

import numpy as np
import pandas as pd
import pytest

from soyoil.external.registry import SOURCES
from soyoil.external.twins import TwinMarket
from soyoil.leakage.material import spoil_rows
from soyoil.leakage.releases import LITERALS, RULES, check_source
from soyoil.sources.synthetic.config import SyntheticConfig

MARKET = SyntheticConfig.model_validate({"start": "2018-01-02", "end": "2019-06-28"})


def test_every_source_has_a_rule() -> None:
    assert set(RULES) == set(SOURCES)
    # Of policy a publication is the row's own moment: there is no rule to hold against a date.
    assert set(LITERALS) == set(SOURCES) - {"policy"}


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_a_row_that_is_known_a_day_early_is_found(name: str) -> None:
    source = SOURCES[name]
    assert source.twin is not None
    rows = source.twin(TwinMarket(MARKET, "ZL", None)).reset_index(drop=True)
    assert check_source(source, rows).passed
    # Vintages of FRED are dated, and known on their day.
    at = int(rows.index[rows["vintage"] == "undated"][0]) if name == "fred" else 0
    early = rows.copy()
    early.loc[at, "known_at"] = early.loc[at, "known_at"] - pd.Timedelta(days=1)
    found = check_source(source, early)
    assert not found.passed
    assert f"1 of {len(rows):,} rows are known before their release" in found.detail


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_what_was_not_known_is_spoilt_whatever_its_type(name: str) -> None:
    source = SOURCES[name]
    assert source.twin is not None
    rows = source.twin(TwinMarket(MARKET, "ZL", None)).reset_index(drop=True)
    moment = rows["known_at"].sort_values().iloc[len(rows) // 2]
    spoilt = spoil_rows(source, rows, moment, np.random.default_rng(0))
    assert (spoilt.dtypes == rows.dtypes).all()
    key = [source.series, "event_time", "vintage"]
    pairs = rows[rows["known_at"] > moment].merge(spoilt, on=key, suffixes=("", "_wrong"))
    assert len(pairs) == (rows["known_at"] > moment).sum() > 0
    for value in source.values:
        assert not (pairs[value] == pairs[f"{value}_wrong"]).any()


def test_a_daily_price_of_palm_oil_has_the_rule_of_days() -> None:
    source = SOURCES["palm"]
    day = pd.Timestamp("2023-09-29", tz="UTC")
    row = {"series_id": "daily.palm_oil_usd", "event_time": day, "vintage": "undated"}
    for known, passed in (("2023-10-02 20:15", True), ("2023-10-02 20:14", False)):
        rows = pd.DataFrame([{**row, "known_at": pd.Timestamp(known, tz="UTC")}])
        rows = rows.astype({"series_id": "str", "vintage": "str"})
        assert check_source(source, rows).passed is passed
