"""What the packaged contracts refuse, through the Kedro dataset: nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError
from pandas.testing import assert_frame_equal

from soyoil.base.errors import ContractError, soyoil_cause
from soyoil.datasets.warehouse import WarehouseTableDataset

MATRIX = "features.daily_ml_matrix"
REGIMES = "training.regime_weights"

Change = Callable[[pd.DataFrame], pd.DataFrame]


def dataset(table: str, path: Path) -> WarehouseTableDataset:
    return WarehouseTableDataset(table=table, connection={"path": str(path)})


def check_refusal(
    table: str, frame: pd.DataFrame, change: Change, parts: list[str], path: Path
) -> None:
    """The changed frame is refused with a clear message, before and after the table is there."""
    for there in (False, True):
        if there:
            dataset(table, path).save(frame)
        before = path.read_bytes() if there else None
        with pytest.raises(DatasetError) as caught:
            dataset(table, path).save(change(frame))
        cause = soyoil_cause(caught.value)
        assert isinstance(cause, ContractError)
        for part in (table, "nothing was written", *parts):
            assert part in str(cause)
        assert path.parent.exists() is there
        assert not there or path.read_bytes() == before


def put(column: str, value: object, rows: slice = slice(1, 2)) -> Change:
    """Replace values of a column, by default of the second row."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        values = frame[column].astype(object).to_numpy(copy=True)
        values[rows] = value
        return frame.assign(**{column: pd.Series(values, index=frame.index).infer_objects()})

    return change


def add(column: str) -> Change:
    return lambda frame: frame.assign(**{column: 1.0})


SECOND = "1 row, symbol+data_date = (ZL, 2020-01-03)"


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (put("market_data.close", "12", slice(None)), ["column market_data.close: needs FLOAT64"]),
        (put("market_data.rsi_14", "12"), ["column market_data.rsi_14: the values have no single"]),
        (put("known_at", "2020-01-03", slice(None)), ["column known_at: needs TIMESTAMP"]),
        (put("market_data.volume", 1.5), ["column market_data.volume: needs INT64", SECOND]),
        (lambda f: f.drop(columns="market_data.close"), ["missing columns: market_data.close"]),
        (put("known_at", pd.NaT), ["column known_at: missing value in a required column", SECOND]),
        (put("market_data.close", np.nan), ["column market_data.close: missing value", SECOND]),
        (add("foo"), ["column foo: is not in the contract"]),
        (add("market_data.foo"), ["column market_data.foo: is not in the contract"]),
        (add("foo.close"), ["column foo.close: is not in the contract"]),
        (lambda f: pd.concat([f, f.iloc[[1]]]), ["symbol + data_date: key given twice", SECOND]),
        (put("market_data.rsi_14", 100.5), ["market_data.rsi_14: above 100", SECOND, "100.5"]),
        (put("market_data.volume", -1), ["market_data.volume: below 0", SECOND, "values -1"]),
        (put("market_data.close", np.inf), ["market_data.close: infinite", SECOND]),
        (put("regime.weight", 0.0), ["regime.weight: not above 0", SECOND]),
        (put("provenance", "guessed"), ["provenance: not one of observed, synthetic", SECOND]),
        (add("target_1w_log_return"), ["target_1w_log_return is a target"]),
        (add("market_data.target_1m_log_return"), ["market_data.target_1m_log_return is a target"]),
        (add("market_data.Target_1m_x"), ["market_data.Target_1m_x is a target"]),
        (add("yahoo_close"), ["column yahoo_close", "banned"]),
        (add("market_data.Yahoo_close"), ["column market_data.Yahoo_close", "banned"]),
        (add("YAHOO_DATA.close"), ["column YAHOO_DATA.close", "banned"]),
    ],
)
def test_matrix(
    make_matrix: Callable[..., pd.DataFrame], tmp_path: Path, change: Change, parts: list[str]
) -> None:
    frame = make_matrix(3)
    frame["provenance"] = "observed"
    check_refusal(MATRIX, frame, change, parts, tmp_path / "deep" / "w.duckdb")


@pytest.fixture
def regimes() -> pd.DataFrame:
    """Two regimes, the last one open."""
    frame = pd.DataFrame(
        {
            "regime_name": ["one", "two"],
            "start_date": ["2000-01-01", "2018-03-01"],
            "end_date": ["2018-03-01", None],
            "weight": [100.0, 300.0],
            "known_at": ["2000-01-01", "2018-05-29"],
            "description": ["first", "second"],
        }
    )
    times = ("start_date", "end_date", "known_at")
    return frame.assign(**{t: pd.to_datetime(frame[t]).dt.as_unit("us") for t in times})


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (put("known_at", pd.NaT), ["column known_at: missing value in a required column; 1 row"]),
        (lambda f: f.drop(columns="known_at"), ["missing columns: known_at"]),
        (put("start_date", pd.NaT), ["column start_date: missing value"]),
        (
            lambda f: f.assign(known_at=f["known_at"].dt.tz_localize("UTC")),
            ["known_at: needs DATE"],
        ),
        (put("weight", 0.0), ["weight: not above 0; 1 row, regime_name = (two)"]),
        (put("weight", -3.0), ["weight: not above 0"]),
        (put("weight", np.nan), ["weight: missing value"]),
        (put("weight", 1e7), ["weight: above 1e+06"]),
        (put("regime_name", "one"), ["regime_name: key given twice; 1 row, regime_name = (one)"]),
        (put("description", None), ["description: missing value"]),
        (add("yahoo_regime"), ["banned"]),
    ],
)
def test_regime_table(
    regimes: pd.DataFrame, tmp_path: Path, change: Change, parts: list[str]
) -> None:
    check_refusal(REGIMES, regimes, change, parts, tmp_path / "deep" / "w.duckdb")


def test_an_open_end_and_a_single_regime_are_allowed(regimes: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    for rows in (regimes, regimes.iloc[1:], regimes.iloc[:0]):
        dataset(REGIMES, path).save(rows)
        assert_frame_equal(dataset(REGIMES, path).load(), rows.reset_index(drop=True))
