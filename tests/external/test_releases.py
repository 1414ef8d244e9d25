"""When values are known: literal dates of every rule."""

import numpy as np
import pytest

from soyoil.external.releases import (
    COT_EXCEPTIONS,
    SERIES_RULES,
    cot_known_at,
    cot_release_days,
    disaggregated_known_at,
    series_known_at,
    wasde_known_at,
)


def days(*text: str) -> np.ndarray:
    return np.array(text, dtype="datetime64[D]")


@pytest.mark.parametrize(
    ("report", "release"),
    [
        ("2023-09-26", "2023-09-29"),  # the usual Friday
        ("2023-04-04", "2023-04-07"),  # Good Friday is no federal holiday
        ("2022-11-22", "2022-11-28"),  # Thanksgiving: Monday
        ("2023-11-21", "2023-11-27"),
        ("2024-06-18", "2024-06-24"),  # Juneteenth, July 4th, Christmas: the CFTC's list of 2024
        ("2024-07-02", "2024-07-08"),
        ("2024-12-24", "2024-12-30"),
        ("2023-09-05", "2023-09-08"),  # Labor Day is a Monday: no delay
        ("2023-07-03", "2023-07-07"),  # Monday's positions, for July 4th was a Tuesday
        ("2022-11-08", "2022-11-14"),  # Veterans Day on the Friday itself
        ("2023-01-24", "2023-01-27"),  # the last before the outage of 2023
        ("2023-01-31", "2023-02-24"),
        ("2023-03-14", "2023-03-21"),
        ("2023-03-21", "2023-03-24"),
        ("2013-09-24", "2013-09-27"),  # shutdown of 2013
        ("2013-10-01", "2013-10-30"),
        ("2018-12-18", "2018-12-21"),  # shutdown of 2018-19
        ("2018-12-24", "2019-02-01"),
        ("2019-03-05", "2019-03-08"),
        ("2019-03-12", "2019-03-15"),
        ("2025-09-30", "2025-11-19"),  # shutdown of 2025
        ("2026-01-20", "2026-01-23"),
    ],
)
def test_report_of_positions_is_released(report: str, release: str) -> None:
    assert cot_release_days(days(report))[0] == np.datetime64(release)


def test_reports_come_in_order_and_never_early() -> None:
    tuesdays = np.arange(days("2009-01-06")[0], days("2027-01-01")[0], 7)
    # Holidays move two of the reports that came late by a day.
    reports = np.unique(np.concatenate([tuesdays, days(*COT_EXCEPTIONS)]))
    tuesday_of = {r - np.timedelta64(1, "D") for r in tuesdays} & set(days(*COT_EXCEPTIONS))
    reports = reports[~np.isin(reports, [r + np.timedelta64(1, "D") for r in tuesday_of])]
    released = cot_release_days(reports)
    assert (np.diff(released.astype(int)) > 0).all()
    assert (released - reports >= np.timedelta64(3, "D")).all()
    late = np.isin(reports, days(*COT_EXCEPTIONS))
    assert (released[~late] - reports[~late] <= np.timedelta64(6, "D")).all()


def test_hour_of_release_follows_daylight_saving() -> None:
    known = cot_known_at(days("2023-09-26", "2023-12-12"))
    assert [f"{t:%Y-%m-%d %H:%M %Z}" for t in known] == [
        "2023-09-29 19:30 UTC",
        "2023-12-15 20:30 UTC",
    ]
    assert str(known.dtype) == "datetime64[us, UTC]"


@pytest.mark.parametrize(
    ("report", "known"),
    [
        ("2006-06-13", "2009-10-20 19:30"),  # the first; all of the history came on one day
        ("2009-08-25", "2009-10-20 19:30"),
        ("2009-09-01", "2009-09-04 19:30"),  # the first that came out on its Friday
        ("2009-10-20", "2009-10-23 19:30"),
        ("2009-12-01", "2009-12-04 20:30"),
        ("2023-01-31", "2023-02-24 20:30"),  # late with the legacy report
        ("2023-09-26", "2023-09-29 19:30"),
    ],
)
def test_a_disaggregated_report_is_known(report: str, known: str) -> None:
    assert f"{disaggregated_known_at(days(report))[0]:%Y-%m-%d %H:%M}" == known


def test_a_disaggregated_report_is_never_known_before_the_legacy_one() -> None:
    reports = np.union1d(
        np.arange(days("2006-06-13")[0], days("2027-01-01")[0], 7), days(*COT_EXCEPTIONS)
    )
    both = disaggregated_known_at(reports), cot_known_at(reports)
    since = reports >= days("2009-09-01")[0]
    assert (both[0][since] == both[1][since]).all()
    assert (both[0][~since] > both[1][~since]).all()


@pytest.mark.parametrize(
    ("series", "day", "known"),
    [
        ("DGS10", "2023-09-26", "2023-09-27 20:15"),
        ("DGS10", "2023-09-29", "2023-10-02 20:15"),  # over a weekend
        ("DGS10", "2023-11-22", "2023-11-24 21:15"),  # over Thanksgiving
        ("VIXCLS", "2023-12-29", "2024-01-02 21:15"),  # over New Year
        ("DTWEXBGS", "2023-09-26", "2023-10-02 20:15"),  # H.10: the following Monday
        ("DTWEXBGS", "2023-10-02", "2023-10-10 20:15"),  # Columbus Day
        ("DTWEXBGS", "2023-09-29", "2023-10-02 20:15"),
        ("CPIAUCSL", "2023-08-01", "2023-10-02 20:15"),  # end of August, 31 days, a Sunday
        ("CPIAUCSL", "2013-09-01", "2013-10-31 20:15"),  # came on the 30th, after the shutdown
        ("GDP", "2018-10-01", "2019-03-04 21:15"),  # came on February 28th, after the shutdown
    ],
)
def test_value_of_a_series_is_known(series: str, day: str, known: str) -> None:
    assert f"{series_known_at(series, days(day))[0]:%Y-%m-%d %H:%M}" == known


def test_wasde_is_out_at_noon_since_2013() -> None:
    known = wasde_known_at(days("2012-12-11", "2013-01-11", "2023-07-12"))
    assert [f"{t:%F %H:%M}" for t in known] == [
        "2012-12-11 13:30", "2013-01-11 17:00", "2023-07-12 16:00",
    ]  # fmt: skip


def test_no_rule_knows_a_value_before_its_period_has_ended() -> None:
    months = np.arange("2005-01", "2027-01", dtype="datetime64[M]").astype("datetime64[D]")
    for series, rule in SERIES_RULES.items():
        known = series_known_at(series, months).dt.tz_localize(None).to_numpy()
        length = {"month": 1, "quarter": 3}.get(rule.kind, 0)
        ends = (months.astype("datetime64[M]") + length).astype("datetime64[D]")
        assert (known.astype("datetime64[D]") > ends).all(), series
        assert (np.diff(known.astype(int)) >= 0).all(), series
