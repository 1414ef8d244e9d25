"""The futures curve as a forecast: the cone about the price of the contract of the horizon."""

from __future__ import annotations

import numpy as np
import pandas as pd

from soyoil.models.cones import curve_forecast

DAYS = pd.Series(pd.bdate_range("2024-01-08", periods=4).as_unit("us"))
MATRIX = pd.DataFrame(
    {
        "data_date": DAYS,
        # March at 47.5, the contract that ends in half a year at 46.8: ln(46.8 / 47.5) = -0.014847.
        "curve.log_price_6m": [np.nan, -0.014847, np.nan, 0.02],
        "curve.log_price_1w": np.nan,
    }
)


def cone(days: pd.Series) -> pd.DataFrame:
    rows = pd.DataFrame({"data_date": days, "q10": -0.2, "q50": 0.0, "q90": 0.2, "y": 0.1})
    return rows.reset_index(drop=True)


def test_the_cone_moves_to_what_the_curve_names_and_stays_where_there_is_none() -> None:
    rows = cone(DAYS.iloc[1:])
    found = curve_forecast(rows, MATRIX, "ZL", "6m")
    assert found is not None
    np.testing.assert_allclose(found["q10"], [-0.214847, -0.2, -0.18])
    np.testing.assert_allclose(found["q50"], [-0.014847, 0.0, 0.02])
    np.testing.assert_allclose(found["q90"], [0.185153, 0.2, 0.22])
    pd.testing.assert_series_equal(found["y"], rows["y"])


def test_without_a_curve_there_is_no_forecast() -> None:
    rows = cone(DAYS)
    assert curve_forecast(rows, MATRIX, "ZL", "1w") is None
    assert curve_forecast(rows, MATRIX, "ZL", "1m") is None
    assert curve_forecast(rows, MATRIX, "ZS", "6m") is None
    # Of the rows that are scored none has a curve.
    assert curve_forecast(cone(DAYS.iloc[[0, 2]]), MATRIX, "ZL", "6m") is None
