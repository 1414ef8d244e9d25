"""Carry and what the curve says of each horizon, by hand, and when it is known."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from outside_tables import raw
from test_outside import first_seen, rows_on

from soyoil.external.readers.curve import contract_names, labels
from soyoil.external.releases import close_known_at, day_over_known_at
from soyoil.features.groups.curve import COLUMNS
from soyoil.features.matrix import outside_features
from soyoil.features.outside import present


def prices(day: str, by_month: dict[tuple[int, int], float], *, close: bool = True) -> pd.DataFrame:
    """Prices of one session by year and month of delivery."""
    at = np.array([day], dtype="datetime64[D]")
    known = close_known_at(at) if close else day_over_known_at(at)
    parts = []
    for (year, month), price in by_month.items():
        number = np.array([12 * year + month - 1])
        name = contract_names(number)[0]
        part = raw("contract", name, at, known, price=price)
        parts.append(part.assign(**{k: v[0] for k, v in labels(number).items()}))
    return pd.concat(parts, ignore_index=True)


CURVE = {
    (2024, 1): 48.0, (2024, 3): 47.5, (2024, 5): 47.0, (2024, 7): 46.8, (2024, 8): 46.5,
    (2024, 12): 46.0, (2025, 1): 45.9, (2025, 3): 45.5,
}  # fmt: skip


def test_carry_by_hand() -> None:
    rows = rows_on("2024-01-09", "2024-01-09", ("ZL", "ZS"))
    found = outside_features(rows, {"curve": prices("2024-01-09", CURVE)}).astype("float64")
    row = found.iloc[0]
    # January is past its first notice, so March is the front. Of May and July, 2 and 4 months
    # behind it, both are a month from 3: the earlier counts.
    assert row["curve.months_3m"] == 2
    assert row["curve.carry_3m"] == pytest.approx(math.log(47.5 / 47.0) * 12 / 2)
    assert row["curve.months_12m"] == 12
    assert row["curve.carry_12m"] == pytest.approx(math.log(47.5 / 45.5))
    assert row["curve.staleness_days"] == 0
    # 63 sessions are 91 days, to April 9th: March ends on the 14th of March, 26 days before, May
    # on the 14th of May, 35 after. 126 are 183, to July 10th: July ends on the 12th.
    assert row["curve.log_price_1w"] == 0
    assert row["curve.log_price_3m"] == 0
    assert row["curve.log_price_6m"] == pytest.approx(math.log(46.8 / 47.5))
    # 252 sessions are 365 days, to January 8th 2025: January ends on the 14th.
    assert row["curve.log_price_12m"] == pytest.approx(math.log(45.9 / 47.5))
    assert found.iloc[1][[c.name for c in COLUMNS]].isna().all()


def test_closes_are_on_their_row_settlements_on_the_next_and_both_grow_old() -> None:
    rows = rows_on("2024-01-08", "2024-01-26")
    carry = math.log(47.5 / 45.5)
    for close, row in ((True, "2024-01-09"), (False, "2024-01-10")):
        table = prices("2024-01-09", CURVE, close=close)
        found = outside_features(rows, {"curve": table})
        assert first_seen(found, rows, "curve.carry_12m", carry) == row
        seen = rows.loc[found["curve.carry_12m"].notna(), "data_date"]
        assert f"{seen.iloc[-1]:%F}" == "2024-01-16"
        ages = found["curve.staleness_days"].dropna().astype(int).tolist()
        assert ages[-1] == 7
        assert ages[0] == int(not close)


def test_prices_of_two_sessions_never_meet() -> None:
    first = prices("2024-01-08", CURVE)
    later = prices("2024-01-09", {(2024, 3): 50.0, (2024, 5): 49.0})
    rows = rows_on("2024-01-09", "2024-01-09")
    found = outside_features(rows, {"curve": pd.concat([first, later])})
    row = found.astype("float64").iloc[0]
    assert row["curve.carry_3m"] == pytest.approx(math.log(50 / 49) * 6)
    # March 2025 has no price of the 9th.
    assert math.isnan(row["curve.carry_12m"])
    assert math.isnan(row["curve.log_price_12m"])


def test_a_revised_price_is_seen_from_its_load_on() -> None:
    first = prices("2024-01-09", CURVE)
    loaded = pd.Timestamp("2024-01-10 18:00", tz="UTC").as_unit("us")
    revised = prices("2024-01-09", {(2024, 3): 50.0})
    revised = revised.assign(vintage="seen later", known_at=loaded)
    later = prices("2024-01-08", {(2024, 3): 99.0}).assign(vintage="seen later", known_at=loaded)
    rows = rows_on("2024-01-09", "2024-01-10")
    table = pd.concat([later, revised, first])
    found = outside_features(rows, {"curve": table})["curve.carry_12m"]
    assert found[0] == pytest.approx(math.log(47.5 / 45.5))
    assert found[1] == pytest.approx(math.log(50.0 / 45.5))


def test_without_a_curve_models_get_no_column_of_it() -> None:
    rows = rows_on("2024-01-09", "2024-01-12")
    matrix = pd.concat([rows, outside_features(rows, {})], axis=1)
    names = ["curve.carry_3m", "curve.carry_12m", "curve.staleness_days"]
    assert present(names, matrix) == ()
    with_curve = outside_features(rows, {"curve": prices("2024-01-09", CURVE)})
    assert present(names, pd.concat([rows, with_curve], axis=1)) == tuple(names)
