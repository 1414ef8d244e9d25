"""Measured figures of the real ZL files."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from soyoil.market.bars import BarOrigin, SessionBars, session_bars
from soyoil.market.coverage import describe_missing
from soyoil.market.instruments import INSTRUMENTS
from soyoil.market.rolls import roll_free
from soyoil.sources import load_bars
from soyoil.sources.base import SourceConfig
from soyoil.targets.horizons import HORIZONS
from soyoil.targets.labels import build_labels

pytestmark = pytest.mark.real_data

THIN = ["2013-09-09", "2017-07-05", "2018-07-05", "2018-07-06", "2018-09-05", "2020-06-30"]
ZERO_FORECAST_MAE = {"1w": 2.60, "1m": 5.59, "3m": 10.18, "6m": 14.37, "12m": 21.27}


GAPS = [
    "6E, ES: 6 sessions missing: 2014-06-12, 2014-06-13, 2014-09-23, 2014-09-24, 2014-09-25, "
    "2014-12-31",
    "6L: 190 sessions missing: 2010-06-07, 2010-06-08, 2010-06-09, 2010-06-10, 2010-06-11, "
    "2010-06-16, 2010-06-17, 2010-06-18, 2010-06-21, 2010-06-22 and 180 more",
    "CL, HO, NG, RB: 4 sessions missing: 2014-09-23, 2014-09-24, 2014-09-25, 2020-02-28",
    "GC: 6 sessions missing: 2012-09-12, 2014-09-23, 2014-09-24, 2014-09-25, 2014-12-31, "
    "2020-02-28",
    "HG: 5 sessions missing: 2014-09-23, 2014-09-24, 2014-09-25, 2014-12-31, 2020-02-28",
    "ZC, ZL, ZM, ZS, ZW: 3 sessions missing: 2014-06-11, 2014-10-03, 2020-02-28",
    "ZN: 2 sessions missing: 2014-10-03, 2020-02-28",
]
"""Days without a single bar in the vendor's files, all roots on few days: gaps of the vendor."""
SHORT = ["2018-07-06", "2020-02-27", "2020-06-30"]
"""A dead contract on the day before a roll, and two days on which the vendor's bars stop."""


@pytest.fixture(scope="module")
def made(databento_dir: Path) -> SessionBars:
    roots = tuple(INSTRUMENTS)
    batch = load_bars(SourceConfig(kind="databento", path=str(databento_dir), symbols=roots))
    origin = BarOrigin(
        batch.schema, batch.provenance, batch.degraded_days, batch.coverage, batch.quarantine
    )
    return session_bars(batch.bars, origin)


@pytest.fixture(scope="module")
def sessions(made: SessionBars) -> pd.DataFrame:
    return made.sessions[made.sessions["symbol"] == "ZL"].reset_index(drop=True)


@pytest.fixture(scope="module")
def regular(sessions: pd.DataFrame) -> pd.DataFrame:
    return sessions[~sessions["is_thin"]].reset_index(drop=True)


def test_sessions_and_thin_days(sessions: pd.DataFrame, regular: pd.DataFrame) -> None:
    assert len(sessions) == 3416
    assert len(regular) == 3410
    assert sessions["data_date"].dt.dayofweek.max() == 4
    thin = sessions.loc[sessions["is_thin"], "data_date"]
    assert thin.dt.strftime("%F").tolist() == THIN


def test_missing_short_and_cut_sessions_are_the_true_ones(
    made: SessionBars, sessions: pd.DataFrame
) -> None:
    assert describe_missing(made.missing) == GAPS
    assert set(made.rejected["reason"]) == {"weekend_bar_without_session"}
    assert len(made.sessions) == 52_988
    short = sessions.loc[sessions["is_short"].astype(bool), "data_date"]
    assert short.dt.strftime("%F").tolist() == SHORT
    assert not made.sessions["is_incomplete"].any()
    share = made.sessions.groupby("symbol")["is_short"].mean()
    assert share.drop("6L").max() < 0.012
    assert share["6L"] < 0.07


def test_contract_changes_and_flip_backs(regular: pd.DataFrame) -> None:
    assert regular["is_roll"].sum() == 106
    assert regular["is_flip_back"].sum() == 27


def test_flags_on_literal_dates(sessions: pd.DataFrame) -> None:
    """EPA's biofuel volumes of 2022-12-01 and 2023-06-21 locked ZL limit down."""
    by_date = sessions.set_index("data_date")
    locked = by_date.index[by_date["is_limit_locked"].astype(bool)].strftime("%F").tolist()
    assert {"2022-12-01", "2023-06-21"} <= set(locked)
    assert len(locked) <= 6
    degraded = by_date.index[by_date["is_vendor_degraded"]].strftime("%F").tolist()
    assert "2014-06-12" in degraded


def test_yardsticks_with_close_open_on_every_change(regular: pd.DataFrame) -> None:
    """The documented zero-forecast errors, to 0.05 percentage points."""
    plain = roll_free(
        regular["open"].to_numpy(),
        regular["close"].to_numpy(),
        regular["instrument_id"].to_numpy(),
        flip_back_sessions=0,
    )
    assert np.nanstd(plain.returns, ddof=1) * 100 == pytest.approx(1.465, abs=0.0005)
    frame = regular.assign(roll_free_return=plain.returns)
    for name, expected in ZERO_FORECAST_MAE.items():
        labels = build_labels(frame, HORIZONS[name]).set_index("data_date")
        scored = labels.loc["2016-01-04":"2022-12-30", HORIZONS[name].target]
        assert len(scored) == 1757
        assert scored.abs().mean() * 100 == pytest.approx(expected, abs=0.05)


def test_flip_back_rule_moves_the_yardsticks_as_documented(regular: pd.DataFrame) -> None:
    bounds = {"1w": 0.01, "1m": 0.01, "3m": 0.02, "6m": 0.08, "12m": 0.23}
    for name, bound in bounds.items():
        labels = build_labels(regular, HORIZONS[name]).set_index("data_date")
        scored = labels.loc["2016-01-04":"2022-12-30", HORIZONS[name].target]
        moved = abs(scored.abs().mean() * 100 - ZERO_FORECAST_MAE[name])
        assert moved <= bound + 0.006, name
