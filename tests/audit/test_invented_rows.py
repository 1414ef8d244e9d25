"""Rules for invented series, impossible forecasts and prices that do not agree."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from soyoil.audit.defect import Defect
from soyoil.audit.rows.invented import invented_series
from soyoil.audit.rows.labels import label_defects, sessions_of
from soyoil.audit.rows.origins import banned_in_lists
from soyoil.audit.rows.predictions import impossible_fits, impossible_forecasts
from soyoil.audit.rows.sessions import impossible_days
from soyoil.audit.rows.table_data import TableData, close_column
from soyoil.audit.rows.twins import identical_columns, price_disagreements
from soyoil.audit.structure.defects import structural_defects
from soyoil.contracts.contract import load_contracts
from soyoil.warehouse.live import LiveColumn, LiveTable, LiveWarehouse

AsTable = Callable[..., TableData]


def kinds(found: Iterable[Defect]) -> list[str]:
    return [defect.kind for defect in found]


@pytest.fixture
def zl(bars: pd.DataFrame) -> pd.DataFrame:
    """Clean daily bars of ZL."""
    return bars[bars["symbol"] == "ZL"].reset_index(drop=True)


def training(zl: pd.DataFrame, **columns: np.ndarray) -> pd.DataFrame:
    """Rows of a training table: date, price of the day, more."""
    return pd.DataFrame({"date": zl["date"], "zl_price_current": zl["close"], **columns})


@pytest.mark.parametrize(
    ("names", "close"),
    [
        (["ma_5", "zl_price_current"], "zl_price_current"),
        (["actual_price", "predicted_price"], "actual_price"),
        (["price_current", "close"], "close"),
        (["fx_price_current", "price_p50", "target_price"], None),
        (["predicted_price", "price_above_P"], None),
    ],
)
def test_prices_are_known_by_their_meaning(names: list[str], close: str | None) -> None:
    assert close_column(names) == close


def test_a_price_named_by_its_root_is_a_market(zl: pd.DataFrame, as_table: AsTable) -> None:
    data = as_table(training(zl), "models.training_data_1m")
    assert data.is_market
    assert list(sessions_of(data)) == ["ZL"]
    assert kinds(impossible_days(data)) == []


@pytest.mark.parametrize(
    ("target", "rows"), [("target_1w", 7), ("target_1m", 30), ("target_3m", 90), ("target_6m", 180)]
)
def test_a_label_that_is_the_price_n_rows_ahead(
    zl: pd.DataFrame, as_table: AsTable, target: str, rows: int
) -> None:
    ahead = zl["close"].shift(-rows).to_numpy()
    data = as_table(training(zl, **{target: ahead}), "models.training_data")
    found = [d for d in label_defects(data, sessions_of(data)) if d.kind == "label_horizon"]
    assert len(found) == 1
    assert f"{rows} sessions" in found[0].evidence


def test_labels_of_the_right_horizon_are_none(zl: pd.DataFrame, as_table: AsTable) -> None:
    for target, rows in (("target_1w", 5), ("target_1m", 21), ("target_3m", 63)):
        ahead = zl["close"].shift(-rows).to_numpy()
        data = as_table(training(zl, **{target: ahead}), "models.training_data")
        assert "label_horizon" not in kinds(label_defects(data, sessions_of(data)))


def test_predictions_that_have_seen_the_price(zl: pd.DataFrame, as_table: AsTable) -> None:
    rng = np.random.default_rng(0)
    actual = zl["close"].to_numpy()
    step = np.abs(np.diff(actual)).mean()
    frame = pd.DataFrame({"date": zl["date"], "actual_price": actual})
    seen = frame.assign(predicted_price=actual + rng.normal(0, 0.1 * step, len(zl)))
    (defect,) = impossible_forecasts(as_table(seen, "predictions.backtest"))
    assert (defect.kind, defect.severity) == ("impossible_forecast", "error")
    assert defect.objects == ("predictions.backtest.predicted_price",)
    assert "R^2 1.000" in defect.evidence or "R^2 0.99" in defect.evidence
    naive = frame.assign(predicted_price=frame["actual_price"].shift(1).bfill())
    assert kinds(impossible_forecasts(as_table(naive, "predictions.backtest"))) == []
    bounds = seen.rename(columns={"predicted_price": "predicted_price_p10"})
    assert kinds(impossible_forecasts(as_table(bounds, "predictions.backtest"))) == []


def test_a_score_of_price_levels(as_table: AsTable) -> None:
    days = pd.date_range("2024-01-01", periods=6, unit="us")
    scores = pd.DataFrame({"date": days, "r2_score": [0.1, 0.2, 0.99, 0.0, -0.3, np.nan]})
    (defect,) = impossible_fits(as_table(scores, "monitoring.model_performance"))
    assert (defect.kind, defect.severity) == ("impossible_fit", "warning")
    assert "1 score of 5" in defect.evidence
    honest = scores.assign(r2_score=scores["r2_score"] / 2)
    assert kinds(impossible_fits(as_table(honest, "monitoring.model_performance"))) == []


def test_clean_bars_are_not_invented(bars: pd.DataFrame, as_table: AsTable) -> None:
    assert kinds(invented_series(as_table(bars))) == []
    assert kinds(identical_columns(as_table(bars))) == []


def test_bars_without_range_and_volume(zl: pd.DataFrame, as_table: AsTable) -> None:
    flat = zl.copy()
    for name in ("open", "high", "low"):
        flat.loc[100:399, name] = flat.loc[100:399, "close"]
    assert kinds(invented_series(as_table(flat))) == [], "they were traded"
    flat.loc[100:399, "volume"] = 0.0
    (defect,) = invented_series(as_table(flat))
    assert (defect.kind, defect.severity) == ("flat_bars", "error")
    assert defect.evidence.startswith("300 rows of")


def test_prices_on_evenly_spaced_dates(as_table: AsTable) -> None:
    rng = np.random.default_rng(1)
    for step, expected in ((30, ["even_dates"]), (7, []), (2, ["even_dates"])):
        days = pd.date_range("2020-01-01", periods=60, freq=f"{step}D", unit="us")
        price = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, 60)))
        frame = pd.DataFrame({"date": days, "price": price})
        assert kinds(invented_series(as_table(frame, "raw.palm_oil"))) == expected
    months = pd.date_range("2020-01-01", periods=60, freq="MS", unit="us")
    frame = pd.DataFrame({"date": months, "price": price})
    assert kinds(invented_series(as_table(frame, "raw.palm_oil"))) == []


def test_several_price_levels_in_one_series(zl: pd.DataFrame, as_table: AsTable) -> None:
    mixed = zl.assign(kind="oil")
    mixed.loc[::5, "close"] *= 20
    mixed.loc[::5, "kind"] = "meal"
    mixed = mixed[["date", "close", "kind"]]
    (defect,) = invented_series(as_table(mixed.rename(columns={"kind": "note"}), "raw.soy"))
    assert (defect.kind, defect.severity) == ("several_levels", "error")
    assert "by note: oil" in defect.evidence
    own = mixed.rename(columns={"kind": "symbol"})
    assert kinds(invented_series(as_table(own, "raw.soy"))) == [], "each has a series of its own"


def test_identical_columns_under_two_names(zl: pd.DataFrame, as_table: AsTable) -> None:
    frame = zl.assign(palm_oil=zl["close"], rainfall=zl["close"] * 1.01, weight=1.0, share=1.0)
    (defect,) = identical_columns(as_table(frame))
    assert (defect.kind, defect.severity) == ("identical_columns", "warning")
    assert "close = palm_oil" in defect.evidence
    assert "rainfall" not in defect.evidence
    assert "weight" not in defect.evidence, "that a constant is another constant says nothing"


def test_tables_that_disagree_on_a_price(zl: pd.DataFrame, as_table: AsTable) -> None:
    def closes(frame: pd.DataFrame, name: str) -> dict[str, list]:  # type: ignore[type-arg]
        return {root: [found] for root, found in sessions_of(as_table(frame, name)).items()}

    first = closes(zl, "market_data.bars")["ZL"]
    adjusted = zl.assign(close=zl["close"] * np.linspace(0.8, 1.0, len(zl)))
    other = closes(adjusted, "raw.zl_prices")["ZL"]
    (defect,) = price_disagreements({"ZL": first + other})
    assert (defect.kind, defect.severity) == ("price_disagreement", "warning")
    assert defect.objects == ("raw.zl_prices", "market_data.bars")
    dollars = closes(zl.assign(close=zl["close"] / 100), "raw.zl_dollars")["ZL"]
    assert kinds(price_disagreements({"ZL": first + dollars})) == []
    assert kinds(price_disagreements({"ZL": first})) == []


def test_banned_vendors_inside_lists() -> None:
    rows = pa.table(
        {
            "articles": pa.array(
                [
                    [
                        {"source": "reuters", "score": 1.0},
                        {"source": "Yahoo Finance", "score": 2.0},
                    ],
                    [{"source": "yahoo", "score": 0.0}],
                    None,
                ]
            ),
            "legs": pa.array([["yahoo"], [], None]),
        }
    )
    (defect,) = banned_in_lists("raw.news", rows, ("yahoo",))
    assert (defect.kind, defect.severity) == ("banned_source", "error")
    assert "2 values of 3" in defect.evidence
    assert "Yahoo Finance: 1" in defect.evidence
    assert kinds(banned_in_lists("raw.news", rows, ("bloomberg",))) == []


def test_banned_names_inside_lists() -> None:
    inner = (LiveColumn("yahoo_close", "FLOAT64"), LiveColumn("day", "DATE"))
    quotes = LiveColumn("quotes", "STRUCT", repeated=True, fields=inner)
    columns = (LiveColumn("date", "DATE"), LiveColumn("close", "FLOAT64"), quotes)
    table = LiveTable("raw.t", "table", columns, rows=3)
    live = LiveWarehouse("bigquery", "test", ("raw",), {table.name: table})
    (defect,) = structural_defects(live, load_contracts())
    assert defect.objects == ("raw.t.quotes.yahoo_close",)
    assert defect.actions == ()
    assert structural_defects(live, load_contracts(), ("other",)) == ()


@pytest.mark.parametrize("value", ["pattern", "baseline_2019", "composite index"])
def test_invented_sources(zl: pd.DataFrame, as_table: AsTable, value: str) -> None:
    from soyoil.audit.config import AuditConfig
    from soyoil.audit.rows.origins import origins

    frame = zl.assign(source="cme")
    assert kinds(origins(as_table(frame), AuditConfig())) == []
    frame.loc[:50, "source"] = value
    (defect,) = origins(as_table(frame), AuditConfig())
    assert defect.kind == "mixed_provenance"


def test_stubs_of_utc_days_are_a_fact_and_copies_an_error(
    zl: pd.DataFrame, as_table: AsTable
) -> None:
    sundays = zl[zl["date"].dt.dayofweek == 0].head(40)
    stubs = sundays.assign(date=sundays["date"] - pd.Timedelta(days=1))
    small = pd.concat([zl, stubs.assign(volume=stubs["volume"] * 0.02)])
    (defect,) = impossible_days(as_table(small))
    assert (defect.kind, defect.severity) == ("utc_day_bars", "info")
    assert "40 rows" in defect.evidence
    copied = pd.concat([zl, stubs])
    assert kinds(impossible_days(as_table(copied))) == ["weekend_rows"]
    is_sunday = small["date"].dt.dayofweek == 6
    saturdays = small.assign(date=small["date"].mask(is_sunday, small["date"] - pd.Timedelta("1D")))
    assert kinds(impossible_days(as_table(saturdays))) == ["weekend_rows"]


def test_bars_of_the_user_are_warned_of_and_stay(zl: pd.DataFrame, as_table: AsTable) -> None:
    extra = zl.head(3).assign(date=pd.to_datetime(["2018-12-25", "2019-12-25", "2020-01-04"]))
    extra["date"] = extra["date"].astype(zl["date"].dtype)
    rows = pd.concat([zl, extra])
    for name, severity in (
        ("raw.zl", "error"),
        ("market_data.databento_futures_ohlcv_1d", "warning"),
    ):
        found = list(impossible_days(as_table(rows, name)))
        assert [(d.kind, d.severity) for d in found] == [
            ("weekend_rows", severity),
            ("holiday_rows", severity),
        ]
