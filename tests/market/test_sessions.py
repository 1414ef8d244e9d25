"""Trade dates and closes on literal dates."""

import pandas as pd
import pytest

from soyoil.base.errors import ConfigError
from soyoil.market.instruments import check_roots, get_instrument
from soyoil.market.sessions import decision_times, scheduled_closes, to_utc_us, trade_dates


@pytest.mark.parametrize(
    ("utc", "expected"),
    [
        # Winter (CST = UTC-6): 17:00 CT opens the next trade date.
        ("2024-01-09 22:59:59", "2024-01-09"),
        ("2024-01-09 23:00:00", "2024-01-10"),
        ("2024-01-10 19:19:00", "2024-01-10"),
        # Summer (CDT = UTC-5).
        ("2024-07-09 21:59:59", "2024-07-09"),
        ("2024-07-09 22:00:00", "2024-07-10"),
        # Sunday evening belongs to Monday.
        ("2024-01-08 01:00:00", "2024-01-08"),
        ("2024-01-07 23:30:00", "2024-01-08"),
        # The night of the change to daylight saving, 2024-03-10.
        ("2024-03-10 22:00:00", "2024-03-11"),
        ("2024-03-10 21:59:00", "2024-03-10"),
        # The night of the change back, 2024-11-03.
        ("2024-11-03 23:00:00", "2024-11-04"),
        ("2024-11-03 22:59:00", "2024-11-03"),
    ],
)
def test_trade_date_literal(utc: str, expected: str) -> None:
    moment = pd.Series(pd.to_datetime([utc], utc=True))
    assert trade_dates(moment).iloc[0] == pd.Timestamp(expected)


@pytest.mark.parametrize(
    ("root", "date", "expected_utc"),
    [
        ("ZL", "2012-05-18", "2012-05-18 18:15"),
        ("ZL", "2012-05-21", "2012-05-21 19:00"),
        ("ZL", "2013-04-05", "2013-04-05 19:00"),
        ("ZL", "2013-04-08", "2013-04-08 18:15"),
        ("ZL", "2015-07-02", "2015-07-02 18:15"),
        ("ZL", "2015-07-06", "2015-07-06 18:20"),
        ("ZL", "2023-12-29", "2023-12-29 19:20"),
        ("CL", "2023-12-29", "2023-12-29 22:00"),
        ("CL", "2015-09-18", "2015-09-18 21:15"),
    ],
)
def test_scheduled_close_literal(root: str, date: str, expected_utc: str) -> None:
    close = scheduled_closes(pd.Series(pd.to_datetime([date])), get_instrument(root))
    assert close.iloc[0] == pd.Timestamp(expected_utc, tz="UTC")
    assert str(close.dtype) == "datetime64[us, UTC]"


def test_early_close_is_not_later_than_the_last_bar_allows() -> None:
    """Day after Thanksgiving 2023: last ZL bar 12:00 CT, market closed 12:05 CT."""
    dates = pd.Series(pd.to_datetime(["2023-11-24", "2023-11-27"]))
    last = to_utc_us(pd.Series(pd.to_datetime(["2023-11-24 18:00", "2023-11-27 19:00"], utc=True)))
    times = decision_times(dates, last, get_instrument("ZL"))
    assert list(times) == [
        pd.Timestamp("2023-11-24 18:05", tz="UTC"),
        pd.Timestamp("2023-11-27 19:20", tz="UTC"),
    ]


def test_naive_timestamps_are_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        to_utc_us(pd.Series(pd.to_datetime(["2024-01-01"])))


def test_unknown_root_suggests_a_known_one() -> None:
    with pytest.raises(ConfigError, match="'ZLL'.*Did you mean ZL"):
        check_roots(["ZL", "ZLL"])
