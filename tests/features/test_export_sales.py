"""Export sales as features: as they were known, by marketing year, and the slow way."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from outside_tables import raw
from test_outside import first_seen, rows_on

from soyoil.external.readers.export_sales import FIGURES, NAME
from soyoil.external.registry import SOURCES
from soyoil.external.releases import export_sales_known_at
from soyoil.features.groups import export_sales
from soyoil.features.groups.export_sales import COMMODITIES
from soyoil.features.matrix import outside_features
from soyoil.features.outside import OutsideView
from soyoil.leakage.material import known_rows, spoil_rows

MONTHS = {"soybean_oil": 10, "soybeans": 9}
RATIO, WEEK, FOUR, SHARE, AGE = (
    f"{NAME}.{name}"
    for name in (
        "oil_commitments_log_ratio", "oil_net_sales_1w", "oil_net_sales_4w",
        "oil_outstanding_share", "staleness_days",
    )
)  # fmt: skip


def thursdays(first: str, last: str) -> np.ndarray:
    """Every Thursday; the first day must be one."""
    return np.arange(first, last, np.timedelta64(7, "D"), dtype="datetime64[D]")


def sales(weeks: np.ndarray, commodity: str = "soybean_oil", **figures: Any) -> pd.DataFrame:
    """Raw rows of a commodity; figures that are not given are 1,000."""
    known = export_sales_known_at(weeks)
    values = dict.fromkeys(FIGURES, 1000.0) | figures
    parts = [
        raw("series_id", f"{NAME}.{commodity}.{figure}", weeks, known, value=value)
        for figure, value in values.items()
    ]
    return pd.concat(parts, ignore_index=True)


def features(rows: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    found = outside_features(rows, {NAME: table})
    return found[[n for n in found if n.startswith(f"{NAME}.")]].astype("float64")


@pytest.mark.parametrize(
    ("week", "row", "age"),
    [
        ("2023-09-21", "2023-09-28", 7),  # 8:30 in New York is before the close
        ("2024-02-15", "2024-02-23", 8),  # Presidents' Day
        ("2023-11-16", "2023-11-24", 8),  # Thanksgiving
        ("2022-09-08", "2022-09-15", 7),  # four weeks at once
        ("2019-02-14", "2019-02-22", 8),
    ],
)
def test_a_week_is_first_seen(week: str, row: str, age: int) -> None:
    weeks = thursdays("2015-01-01", "2024-12-31")
    used = np.where(weeks == np.datetime64(week), 250.0, 1000.0)
    rows = rows_on(str(np.datetime64(week)), str(np.datetime64(row) + 10))
    found = features(rows, sales(weeks, outstanding_sales=used))
    assert first_seen(found, rows, SHARE, 0.2) == row
    assert found.loc[rows["data_date"] == row, AGE].tolist() == [age]
    assert not np.isclose(found.loc[rows["data_date"] < row, SHARE], 0.2).any()


def test_commitments_are_compared_with_the_same_week_of_earlier_years() -> None:
    """Marketing years of 52 and 53 Thursdays, and the change from one to the next."""
    weeks = thursdays("2010-01-07", "2024-12-31")
    year = weeks.astype("datetime64[Y]").astype(int) + 1970
    month = weeks.astype("datetime64[M]").astype(int) % 12 + 1
    year = year - (month < 10)
    number = pd.Series(1).reindex(range(len(weeks)), fill_value=1).groupby(year).cumsum().to_numpy()
    # Grows by a factor a year and with the number of the week: an offset by one week would show.
    books = 1000.0 * 1.1 ** (year - 2010) * number
    table = sales(weeks, outstanding_sales=books, accumulated_exports=books)
    rows = rows_on("2017-06-01", "2024-06-28")
    found = features(rows, table)[RATIO]
    usual = -math.log(np.mean([1.1**-k for k in range(1, 6)]))
    # 2022/23 begins on a Saturday and has 52 Thursdays, 2020/21 begins on one and has 53.
    counts = pd.Series(number).groupby(year).max()
    assert counts[2020] == 53
    assert counts[2022] == 52
    last = rows["data_date"].between("2021-10-08", "2021-10-14")
    at_53 = -math.log(np.mean([1.1**-k * min(53, counts[2020 - k]) / 53 for k in range(1, 6)]))
    np.testing.assert_allclose(found[last], at_53)
    known = found[found.notna() & ~found.index.isin(found[last].index)]
    of_53 = ~np.isclose(known, usual)
    assert of_53.mean() < 0.01
    assert known.notna().sum() > 1500


def test_too_few_years_or_weeks_are_no_yardstick() -> None:
    weeks = thursdays("2020-01-02", "2023-10-31")
    rows = rows_on("2020-01-09", "2023-10-31")
    found = features(rows, sales(weeks))
    first = {name: rows.loc[found[name].notna(), "data_date"].min() for name in found}
    # Three years earlier the first week of all ended on 2020-01-02.
    assert first[RATIO] == pd.Timestamp("2023-01-12")
    assert first[SHARE] == pd.Timestamp("2020-01-09")
    assert first[WEEK] == first[FOUR] == pd.Timestamp("2020-10-16")
    assert (found.loc[found[RATIO].notna(), RATIO] == 0.0).all()
    # This and the next year's sales, over their own size.
    assert set(found[WEEK].dropna()) == set(found[FOUR].dropna()) == {1.0}
    assert set(found[SHARE].dropna()) == {0.5}
    assert found[f"{NAME}.soybean_outstanding_share"].isna().all()


def test_weeks_in_one_report_are_not_taken_for_one_week() -> None:
    weeks = thursdays("2015-01-01", "2019-06-30")
    lost = (weeks >= np.datetime64("2019-01-10")) & (weeks <= np.datetime64("2019-02-07"))
    net = np.where(weeks == np.datetime64("2019-02-14"), 6000.0, 1000.0)
    rows = rows_on("2019-02-22", "2019-04-12")
    found = features(rows, sales(weeks[~lost], net_sales=net[~lost], next_net_sales=0.0))
    day = rows["data_date"]
    assert found.loc[day < "2019-02-28", WEEK].isna().all()
    assert (found.loc[day >= "2019-02-28", WEEK] == 1.0).all()
    assert found.loc[day < "2019-03-21", FOUR].isna().all()
    assert (found.loc[day >= "2019-03-21", FOUR] == 1.0).all()
    # Books are what they are.
    assert found[SHARE].notna().all()


def test_an_old_week_is_null() -> None:
    weeks = thursdays("2015-01-01", "2019-06-30")
    found = features(rows := rows_on("2018-12-20", "2019-02-28"), sales(weeks))
    day = rows["data_date"]
    age = found[AGE].dropna()
    assert age.max() <= 21
    # Nothing came from December 20th to January 31st, and what came then was old.
    assert found.loc[day <= "2019-01-03", SHARE].notna().all()
    assert found[(day > "2019-01-03") & (day < "2019-02-22")].isna().all(axis=None)
    assert found.loc[day >= "2019-02-22", SHARE].notna().all()


def random_sales(rng: np.random.Generator) -> pd.DataFrame:
    """Two commodities with gaps, and revisions at random moments."""
    weeks = thursdays("2013-01-03", "2021-01-01")
    parts = []
    for commodity in MONTHS:
        kept = np.sort(rng.choice(weeks, int(0.96 * len(weeks)), replace=False))
        table = sales(kept, commodity)
        stocks = table["series_id"].str.contains("accumulated|outstanding")
        values = np.where(stocks, rng.uniform(1, 9, len(table)), rng.normal(1, 3, len(table)))
        parts.append(table.assign(value=values))
    table = pd.concat(parts, ignore_index=True)
    # Now and then a figure of a week is missing.
    table = table[rng.random(len(table)) < 0.99]
    some = table.sample(150, random_state=int(rng.integers(1e6)))
    later = pd.to_timedelta(rng.integers(1, 9000, len(some)), unit="h")
    changed = some.assign(
        known_at=(some["known_at"] + later).dt.as_unit("us"),
        vintage="seen later",
        value=some["value"] + 3.0,
    )
    whole = pd.concat([table, changed]).sample(frac=1, random_state=2)
    return whole.reset_index(drop=True)


def by_hand(series: dict[str, pd.DataFrame], commodity: str, at: pd.Series) -> dict[str, float]:
    """Features of a commodity, week by week from lists of days."""
    day = pd.Timedelta(days=1)
    figures: dict[str, dict[pd.Timestamp, float]] = {}
    for figure in FIGURES:
        own = series[f"{NAME}.{commodity}.{figure}"]
        own = own[own["known_at"] <= at["decision_time"]]
        values = own.groupby("event_time")["value"].last()
        values.index = values.index.tz_localize(None)
        stale = values.empty or (at["data_date"] - values.index.max()).days > 21
        figures[figure] = {} if stale else values.to_dict()
    books = figures["outstanding_sales"]
    nothing = dict.fromkeys(
        ("commitments_log_ratio", "net_sales_1w", "net_sales_4w", "outstanding_share"), math.nan
    )
    if not books:
        return nothing
    newest = max(books)
    sold = {
        d: books[d] + figures["accumulated_exports"][d]
        for d in books
        if d in figures["accumulated_exports"]
    }

    def net(week: pd.Timestamp) -> float:
        if week - 7 * day not in books:
            return math.nan
        both = (figures["net_sales"].get(week), figures["next_net_sales"].get(week))
        return math.nan if None in both else sum(v for v in both if v is not None)

    recent = [net(newest - 7 * k * day) for k in range(52)]
    there = [abs(v) for v in recent if not math.isnan(v)]
    scale = sum(there) / len(there) if len(there) >= 40 else math.nan

    def weeks_of(start: int) -> list[pd.Timestamp]:
        first, last = (pd.Timestamp(y, MONTHS[commodity], 1) for y in (start, start + 1))
        return list(pd.date_range(first, last - day, freq="W-THU"))

    start = newest.year - (newest.month < MONTHS[commodity])
    number = weeks_of(start).index(newest)
    earlier = []
    for ago in range(1, 6):
        weeks = weeks_of(start - ago)
        value = sold.get(weeks[min(number, len(weeks) - 1)])
        if value is not None:
            earlier.append(value)
    out = dict(nothing)
    out["net_sales_1w"] = recent[0] / scale
    out["net_sales_4w"] = sum(recent[:4]) / 4 / scale
    if newest in sold:
        out["outstanding_share"] = books[newest] / sold[newest]
        if len(earlier) >= 3:
            out["commitments_log_ratio"] = math.log(sold[newest] / np.mean(earlier))
    return out


def test_features_match_the_slow_way() -> None:
    table = random_sales(np.random.default_rng(8))
    rows = rows_on("2015-08-03", "2021-02-12").iloc[::53].reset_index(drop=True)
    found = features(rows, table)
    in_order = table.sort_values("known_at", kind="stable")
    series = {str(name): own for name, own in in_order.groupby("series_id")}
    for short, (commodity, _) in COMMODITIES.items():
        want = pd.DataFrame([by_hand(series, commodity, at) for _, at in rows.iterrows()])
        for name in want:
            got = found[f"{NAME}.{short}_{name}"]
            np.testing.assert_allclose(got, want[name], rtol=1e-12, err_msg=name)
            assert got.notna().mean() > 0.3, name
            assert got.isna().any(), name


def test_what_was_not_known_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    table = random_sales(np.random.default_rng(9))
    rows = rows_on("2016-01-04", "2020-12-31").iloc[::7].reset_index(drop=True)
    source = SOURCES[NAME]

    def changed() -> int:
        count = 0
        whole = features(rows, table)
        assert whole.notna().any(axis=None)
        for place in (60, 150):
            upto = rows.iloc[: place + 1]
            moment = upto["decision_time"].iloc[-1]
            spoilt = spoil_rows(source, table, moment, np.random.default_rng(place))
            for given in (spoilt, known_rows(table, moment)):
                count += not features(upto, given).equals(whole.iloc[: place + 1])
        return count

    assert changed() == 0
    true = export_sales.view_of

    def early(name: str, tables: Any) -> OutsideView | None:
        view = true(name, tables)
        assert view is not None
        moved = view.rows.assign(known_at=view.rows[["known_at", "event_time"]].min(axis=1))
        return OutsideView(view.source, moved)

    monkeypatch.setattr(export_sales, "view_of", early)
    assert changed() == 4
