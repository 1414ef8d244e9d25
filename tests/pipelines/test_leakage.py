"""Replay and leak check through the command line, and what they mean for aliases."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from soyoil.base.code import code_hash

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

BASE = "source.symbols=ZL+CL"
REPORTS = (
    "report_date_as_yyyy_mm_dd,cftc_contract_market_code,open_interest_all,"
    "noncomm_positions_long_all,noncomm_positions_short_all,noncomm_postions_spread_all,"
    "comm_positions_long_all,comm_positions_short_all,nonrept_positions_long_all,"
    "nonrept_positions_short_all"
)


def reports(path: Path) -> Path:
    """Weekly reports of 2022 and 2023."""
    days = pd.date_range("2022-01-04", "2023-12-26", freq="7D").strftime("%F")
    lines = [f"{d},7601,1000,{300 + i},200,50,{300 - i},700,350,50" for i, d in enumerate(days)]
    path.write_text("\n".join([REPORTS, *lines]) + "\n", encoding="utf-8")
    return path


def test_an_evening_is_replayed_and_a_changed_cell_is_found(project: Any) -> None:
    on = f"{BASE},external.cftc.path={reports(project.root / 'cot.csv')}"
    asof = "replay.asof=2023-06-29+2023-07-04"
    replay = ["--pipeline=replay", f"--params={on},{asof}"]
    found = project.run_many(
        {
            "data": ["--pipelines=ingest,regimes,features,split", f"--params={on}"],
            "replay": replay,
            "leaks": ["--pipeline=leakcheck", f"--params={on},leakcheck.cuts=1"],
            "none": ["--pipeline=replay", f"--params={on}"],
            "early": ["--pipeline=replay", f"--params={on},replay.asof=1999-01-04"],
            "late": ["--pipeline=replay", f"--params={on},replay.asof=2023-06-29+2099-01-05"],
            "word": ["--pipeline=replay", f"--params={on},replay.asof=soon"],
        }
    )
    text = {name: " ".join(output.split()) for name, (_, output) in found.items()}
    assert {n for n, (code, _) in found.items() if code} == {"none", "early", "late", "word"}, text
    assert "replay.asof is not set" in text["none"]
    assert "1999-01-04: before the first session" in text["early"]
    assert "2099-01-05: after the last session" in text["late"]
    assert "'soon'" in text["word"]
    folder = project.root / "data" / "08_reporting"
    evenings = pd.read_csv(folder / "replay_evenings.csv")
    assert evenings["session"].tolist() == ["2023-06-29", "2023-07-03"]
    assert evenings["result"].tolist() == ["equal", "equal"]
    assert (evenings["rows"] > 5000).all()
    record = json.loads((folder / "leakcheck.json").read_text())
    assert (record["form"], record["verdict"], record["code"]) == ("full", "pass", code_hash())
    assert {c["check"] for c in record["checks"]} == {
        "rebuild", "release", "future", "purge", "shuffle",
    }  # fmt: skip
    pointer = json.loads(next((project.root / "data").rglob("current.json")).read_text())
    assert record["snapshot"].startswith(pointer["snapshot"])
    (file,) = (project.root / "data" / "warehouse").glob("*.duckdb")
    with duckdb.connect(file) as connection:
        table = connection.execute("SELECT * FROM market_data.soyoil_futures_sessions LIMIT 1")
        assert table.fetchone() is not None
        connection.execute(
            "UPDATE raw_intelligence.cftc_positioning SET known_at = known_at - INTERVAL 1 DAY"
        )
    again = project.run_many(
        {"leaks": ["--pipeline=leakcheck", f"--params={on},leakcheck.cuts=1"], "replay": replay}
    )
    assert {name: code for name, (code, _) in again.items()} == {"leaks": 1, "replay": 1}, again


def test_an_alias_waits_for_a_leak_check(project: Any) -> None:
    small = (
        f"{BASE},split.first_origin=2023-01-03,lightgbm.n_estimators=15,xgboost.n_estimators=15,"
        "tft.max_epochs=1,tft.train_stride=20,tft.encoder_length=8"
    )
    record = project.root / "data" / "08_reporting" / "leakcheck.json"
    command = ["-m", "kedro", "run", f"--params={small}", "--tags=1m"]
    done = project.execute(command, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "leak check (quick)" in done.stdout
    assert json.loads(record.read_text())["form"] == "quick"
    assert "without an alias" not in done.stdout
    record.unlink()
    one = ["--pipeline=register", "--tags=1m", f"--params={small}"]
    found = project.run_many({"without": one})
    code, output = found["without"]
    assert code == 0
    said = " ".join(output.split())
    assert "1m: registered without an alias: there is no record of a leak check" in said
    assert "kedro run --pipeline=leakcheck" in said
