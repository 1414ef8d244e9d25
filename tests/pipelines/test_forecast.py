"""The forecast from the command line: its files, its ledger, a past evening, old data."""

import json
from pathlib import Path

import duckdb
import pandas as pd
import pytest

pytestmark = pytest.mark.ci

MARKET = "source.symbols=ZL,source.synthetic.start=2018-01-02,split.first_origin=2020-02-03"
DAY = "source.synthetic.end=2021-06-30"
LATER = "source.synthetic.end=2021-08-31"


@pytest.fixture(scope="module")
def ran(shared_project):  # type: ignore[no-untyped-def]
    day, later = (f"--params={MARKET},{end}" for end in (DAY, LATER))
    return shared_project.run_many(
        {
            "first": ["--pipeline=forecast", day],
            "again": ["--pipeline=forecast", day, "--force"],
            "other market": ["--pipeline=forecast", f"{day},source.synthetic.seed=5"],
            "later": ["--pipeline=forecast", later],
            "past": ["--pipeline=forecast", f"{later},forecast.asof=2021-06-30"],
            "other past": ["--pipeline=forecast", f"{later},forecast.asof=2021-07-05"],
            "too early": ["--pipeline=forecast", f"{later},forecast.asof=2010-01-04"],
        }
    )


@pytest.fixture(scope="module")
def data(ran, shared_project) -> Path:  # type: ignore[no-untyped-def]
    return Path(shared_project.root) / "data"


def ledger(data: Path) -> pd.DataFrame:
    (store,) = (data / "warehouse").glob("*.duckdb")
    with duckdb.connect(str(store), read_only=True) as db:
        return db.sql("select * from forecasts.zl_predictions order by sequence").df()


def test_a_forecast_is_shown_written_and_recorded(ran, data: Path) -> None:  # type: ignore[no-untyped-def]
    code, output = ran["first"]
    assert code == 0, output
    assert "ZL from the session of 2021-06-30" in output
    assert "this one among them, bit by bit" in " ".join(output.split())
    rows = ledger(data)
    assert rows["data_date"].dt.date.astype(str).unique().tolist()[0] == "2021-06-30"
    assert rows["horizon"].tolist()[:5] == ["1w", "1m", "3m", "6m", "12m"]
    page = (data / "08_reporting" / "forecast.html").read_text()
    assert "the market is invented" in page
    assert "no direction can be claimed" in page


def test_a_second_run_adds_nothing_and_a_later_day_five_rows(ran, data: Path) -> None:  # type: ignore[no-untyped-def]
    code, output = ran["again"]
    assert code == 0, output
    assert "forecasts.zl_predictions: 0 inserted, 0 updated, 0 deleted" in " ".join(output.split())
    assert ran["later"][0] == 0, ran["later"][1]
    rows = ledger(data)
    assert len(rows) == 15
    assert rows["sequence"].tolist() == list(range(15))
    plain = json.loads((data / "08_reporting" / "forecast.json").read_text())
    assert plain["origin"] == "2021-08-31"
    for row, horizon in zip(rows.iloc[10:].itertuples(), plain["horizons"], strict=True):
        assert row.q10 == horizon["log_return"]["p10"]
        assert row.price_p90 == horizon["price"]["p90"]
    grades = pd.read_csv(data / "08_reporting" / "forecast_grades.csv").set_index("horizon")
    assert grades["n"].to_dict() == {"1w": 1, "1m": 1, "3m": 0, "6m": 0, "12m": 0}


def test_a_past_evening_is_what_was_said_then(ran, data: Path) -> None:  # type: ignore[no-untyped-def]
    code, output = ran["past"]
    assert code == 0, output
    assert "this one among them, bit by bit" in " ".join(output.split())
    last = pd.read_parquet(data / "07_model_output" / "forecast.parquet")
    assert last["data_date"].unique().tolist() == [pd.Timestamp("2021-07-02")]
    plain = json.loads((data / "08_reporting" / "forecast_2021-06-30.json").read_text())
    assert plain["origin"] == "2021-06-30"
    assert plain["snapshot"] == ledger(data)["snapshot"][0]
    code, output = ran["other past"]
    assert code == 0, output
    assert "this one not: a past evening's is not added" in " ".join(output.split())
    code, output = ran["other market"]
    assert code == 0, output
    assert "The ledger holds the forecasts of 1 session, this one among" in " ".join(output.split())
    code, output = ran["too early"]
    assert code == 1
    assert "forecast.asof=2010-01-04 is before the first session" in " ".join(output.split())
