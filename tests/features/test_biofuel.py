"""Biofuels of the EIA: months as they were known."""

import math

import numpy as np
import pandas as pd
import pytest
from outside_tables import raw
from test_outside import first_seen, rows_on

from soyoil.external.readers.eia import BIODIESEL, OTHER_FEEDSTOCKS, RENEWABLE_DIESEL, SOYBEAN_OIL
from soyoil.external.releases import biofuel_known_at
from soyoil.features.matrix import outside_features

CHANGE = "energy_biofuel.soybean_oil_change_12m"
SHARE = "energy_biofuel.soybean_oil_share"


def months_between(first: str, last: str) -> np.ndarray:
    return np.arange(first, last, dtype="datetime64[M]").astype("datetime64[D]")


def eia(series: str, months: np.ndarray, value: object) -> pd.DataFrame:
    return raw("series_id", series, months, biofuel_known_at(months), value=value)


def features(rows: pd.DataFrame, *parts: pd.DataFrame) -> pd.DataFrame:
    table = pd.concat(parts, ignore_index=True)
    found = outside_features(rows, {"eia": table})
    return found[[n for n in found if n.startswith("energy_biofuel.")]].astype("float64")


@pytest.mark.parametrize(
    ("month", "row"),
    [
        ("2023-01-01", "2023-04-07"),  # known on Thursday April 6th after the close
        ("2023-02-01", "2023-05-05"),  # on Thursday May 4th
        ("2023-03-01", "2023-06-06"),  # June 4th is a Sunday: on Monday 5th
        ("2023-05-01", "2023-08-07"),  # on Friday August 4th
        ("2023-10-01", "2024-01-05"),
    ],
)
def test_a_month_is_first_seen(month: str, row: str) -> None:
    months = months_between("2021-01", "2023-12")
    used = np.where(months == np.datetime64(month), 2000.0, 1000.0)
    rows = rows_on("2023-03-01", "2024-02-29")
    found = features(rows, eia(SOYBEAN_OIL, months, used))
    assert first_seen(found, rows, CHANGE, math.log(2)) == row
    assert (found.loc[rows["data_date"] < row, CHANGE] == 0.0).all()
    day = rows["data_date"] == row
    age = (pd.Timestamp(row) - pd.Timestamp(month)).days
    assert found.loc[day, "energy_biofuel.staleness_days"].tolist() == [age]


def test_changes_over_twelve_months() -> None:
    months = months_between("2021-01", "2023-06")
    steps = np.arange(len(months), dtype="float64")
    rows = rows_on("2023-08-07", "2023-08-08")
    parts = [
        eia(SOYBEAN_OIL, months, 1000 + 10 * steps),
        eia(BIODIESEL, months, np.full(len(months), 4000.0)),
        eia(RENEWABLE_DIESEL, months, 100 * 1.05**steps),
    ]
    found = features(rows, *parts).iloc[0]
    # The newest month is May 2023, the 28th.
    assert found[CHANGE] == pytest.approx(math.log(1280 / 1160))
    assert found["energy_biofuel.soybean_oil_change_3m_12m"] == pytest.approx(
        math.log((1280 + 1270 + 1260) / (1160 + 1150 + 1140))
    )
    assert found["energy_biofuel.biodiesel_change_12m"] == 0.0
    for column in ("renewable_diesel_change_12m", "renewable_diesel_change_3m_12m"):
        assert found[f"energy_biofuel.{column}"] == pytest.approx(12 * math.log(1.05))
    # The other oils and fats are not there.
    assert math.isnan(found[SHARE])


def test_a_month_that_is_missing_is_not_another_one() -> None:
    months = months_between("2021-01", "2023-06")
    rows = rows_on("2023-08-07", "2023-08-08")
    for lost, three in (("2022-05-01", True), ("2022-04-01", True), ("2022-02-01", False)):
        kept = months[months != np.datetime64(lost)]
        found = features(rows, eia(SOYBEAN_OIL, kept, kept.astype("int64") + 1.0)).iloc[0]
        assert math.isnan(found[CHANGE]) == (lost == "2022-05-01")
        assert math.isnan(found["energy_biofuel.soybean_oil_change_3m_12m"]) == three


def test_the_share_needs_every_oil_of_its_month() -> None:
    months = months_between("2021-01", "2023-06")
    soybean = eia(SOYBEAN_OIL, months, 900 + months.astype("int64") * 0.0)
    others = [eia(series, months, 100.0) for series in OTHER_FEEDSTOCKS]
    rows = rows_on("2023-08-07", "2023-08-08")
    found = features(rows, soybean, *others).iloc[0]
    assert found[SHARE] == pytest.approx(9 / 14)
    assert found[f"{SHARE}_change_12m"] == pytest.approx(0.0)
    withheld = [*others[1:], others[0].iloc[:-1]]
    found = features(rows, soybean, *withheld).iloc[0]
    assert math.isnan(found[SHARE])
    # A newer month of the others alone is not taken for that of soybean oil.
    ahead = [rows_of.copy() for rows_of in others]
    for table in ahead:
        table.loc[table.index[-1], "value"] = 500.0
    late = soybean.iloc[:-1]
    assert features(rows, late, *ahead).iloc[0][SHARE] == pytest.approx(9 / 14)


def test_an_old_month_is_null_and_later_ones_change_nothing() -> None:
    months = months_between("2020-01", "2023-01")
    rows = rows_on("2023-03-01", "2023-06-30")
    used = np.random.default_rng(1).uniform(500, 1500, len(months))
    found = features(rows, eia(SOYBEAN_OIL, months, used))
    fresh = (rows["data_date"] - pd.Timestamp("2022-12-01")).dt.days <= 140
    # December is known on March 6th; before, November is the newest.
    assert found.loc[fresh, CHANGE].notna().all()
    assert found.loc[~fresh].isna().all(axis=None)
    table = eia(SOYBEAN_OIL, months, used)
    upto = rows["data_date"] <= "2023-03-03"
    known = table[table["known_at"] <= rows.loc[upto, "decision_time"].max()]
    assert len(known) < len(table)
    pd.testing.assert_frame_equal(features(rows[upto], known), found[upto], check_exact=True)
