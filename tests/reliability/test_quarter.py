"""A quarter of daily forecasts: a late file, a holiday, a roll and a killed run among them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from homes import Home, make_home
from vendor_market import market

from soyoil.forecast.ledger import check_chain

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

SCRIPT = str(Path(__file__).with_name("evenings.py"))
FIRST, LAST = "2018-06-01", "2018-08-30"
HOLIDAY, LATE, KILLED = "2018-07-04", "2018-06-20", "2018-07-25"
ROLL = "2018-07-13"
PARAMS = (
    "--params=source.kind=databento,source.path=bars,source.symbols=ZL,"
    "split.first_origin=2018-03-01,split.warm_up=20"
)


def files(root: Path) -> dict[str, str]:
    """Write the market, the first months as one file and the quarter by day; file by day."""
    bars = market()
    bars = bars[~bars["ts_event"].str.startswith(HOLIDAY)]
    day = bars["ts_event"].str[:10]
    for folder in ("bars", "late"):
        (root / folder).mkdir()
    before = bars[day < FIRST]
    before.to_csv(root / "bars" / "before.ohlcv-1h.csv", index=False, lineterminator="\n")
    named = {}
    for date, rows in bars[day >= FIRST].groupby(day):
        named[str(date)] = f"glbx-mdp3-{date}.ohlcv-1h.csv"
        rows.to_csv(root / "late" / named[str(date)], index=False, lineterminator="\n")
    return named


def evenings(named: dict[str, str]) -> list[dict[str, Any]]:
    days = [
        f"{day:%Y-%m-%d}" for day in pd.bdate_range(FIRST, LAST) if f"{day:%Y-%m-%d}" != HOLIDAY
    ]
    after = days[days.index(LATE) + 2]
    plan = []
    for today in [*days, HOLIDAY]:
        arrive = [] if today in (LATE, HOLIDAY) else [named[today]]
        arrive += [named[LATE]] if today == after else []
        kill = "forecast_ledger_rows" if today == KILLED else None
        plan.append(
            {
                "today": today,
                "arrive": arrive,
                "kill": kill,
                "args": ["--pipeline=forecast", PARAMS],
            }
        )
    return sorted(plan, key=lambda evening: evening["today"])


@pytest.fixture(scope="module")
def quarter(
    project_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Home, list[dict[str, Any]]]:
    home = make_home(project_root, tmp_path_factory.mktemp("quarter"))
    plan = evenings(files(home.root))
    (home.root / "plan.json").write_text(json.dumps(plan))
    results: list[dict[str, Any]] = []
    kills = 0
    while len(results) < len(plan):
        done = home.call(SCRIPT, "plan.json", "results.jsonl", str(len(results)), timeout=1500)
        lines = (home.root / "results.jsonl").read_text().splitlines()
        results = [json.loads(line) for line in lines]
        kills += done.code == -9
        assert done.code in (0, -9), done.text
    assert kills == 1
    return home, results


@pytest.fixture(scope="module")
def ledger(quarter: tuple[Home, list[dict[str, Any]]]) -> pd.DataFrame:
    with duckdb.connect(str(quarter[0].data / "warehouse/databento.duckdb"), read_only=True) as db:
        return db.sql("SELECT * FROM forecasts.zl_predictions ORDER BY sequence").df()


def test_every_evening_ends_well(quarter: tuple[Home, list[dict[str, Any]]]) -> None:
    _, results = quarter
    assert len(results) == 65
    bad = {r["today"]: r["text"][-800:] for r in results if r["code"]}
    assert bad == {}
    by_day = {r["today"]: " ".join(r["text"].split()) for r in results}
    # The evening without a file and the holiday forecast from the session before, again.
    for today, before in ((LATE, "2018-06-19"), (HOLIDAY, "2018-07-03")):
        assert f"ZL from the session of {before}" in by_day[today]
        assert "forecasts.zl_predictions: 0 inserted" in by_day[today]


def test_the_ledger_is_complete_and_a_chain(
    quarter: tuple[Home, list[dict[str, Any]]], ledger: pd.DataFrame
) -> None:
    check_chain(ledger)
    days = [f"{day:%Y-%m-%d}" for day in pd.bdate_range(FIRST, LAST)]
    want = [day for day in days if day not in (HOLIDAY, LATE)]
    assert len(want) == 63
    origins = ledger.groupby("horizon")["data_date"].apply(lambda d: d.dt.strftime("%F").tolist())
    assert set(origins.index) == {"1w", "1m", "3m", "6m", "12m"}
    for found in origins:
        assert found == want


def test_the_quarter_holds_a_roll(quarter: tuple[Home, list[dict[str, Any]]]) -> None:
    sql = (
        "SELECT strftime(data_date, '%Y-%m-%d') FROM market_data.soyoil_futures_sessions "
        "WHERE is_roll"
    )
    with duckdb.connect(str(quarter[0].data / "warehouse/databento.duckdb"), read_only=True) as db:
        assert (ROLL,) in db.sql(sql).fetchall()


def test_no_row_was_ever_changed(quarter: tuple[Home, list[dict[str, Any]]]) -> None:
    _, results = quarter
    final = results[-1]["ledger"]
    for result in results:
        assert final[: len(result["ledger"])] == result["ledger"], result["today"]


def test_what_has_come_due_is_graded(quarter: tuple[Home, list[dict[str, Any]]]) -> None:
    home, _ = quarter
    grades = pd.read_csv(home.data / "08_reporting/forecast_grades.csv").set_index("horizon")
    # 64 sessions of the quarter, one of them without a forecast; the last h have no outcome yet.
    assert grades["n"].to_dict() == {"1w": 58, "1m": 42, "3m": 1, "6m": 0, "12m": 0}
    assert grades.loc["1w", "coverage"] > 0.6
    assert grades["alarm"].fillna("").tolist() == [""] * 5


def test_a_past_evening_is_made_again_and_the_late_file_is_told(
    quarter: tuple[Home, list[dict[str, Any]]],
) -> None:
    home, _ = quarter
    said = {}
    for day in ("2018-06-15", ROLL, KILLED, "2018-06-21"):
        done = home.kedro(
            "run", "--pipeline=forecast", f"{PARAMS},forecast.asof={day},forecast.allow_stale=true"
        )
        assert done.code == 0, done.text
        said[day] = " ".join(done.text.split())
    for day in ("2018-06-15", ROLL, KILLED):
        assert "this one among them, bit by bit" in said[day], day
    # Made without the session whose file came later: what was said then stays.
    assert "of this one another" in said["2018-06-21"]
