"""Only what changed runs again, and the numbers are those of a run of everything."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from soyoil.base import clock
from soyoil.base.errors import ConfigError
from soyoil.skipping.plan import Plan
from soyoil.skipping.records import FOLDER, Record, Records
from soyoil.skipping.switch import VARIABLE, forced, is_forced
from tiers import ci, slow

INGEST = ["read", "sessions"]
TRACKED = ["lightgbm.score", "report", "xgboost.score", "forecast"]
ALL = sorted([*INGEST, "regimes", "matrix", "lightgbm", "xgboost", *TRACKED])


def _param(section: str, key: str, value: Any) -> Callable[[Any], None]:
    def change(chain: Any) -> None:
        chain.raw = {**chain.raw, section: {**chain.raw[section], key: value}}

    return change


def _file(name: str, text: str) -> Callable[[Any], None]:
    return lambda chain: (chain.bars / name).write_text(text)


def _gone(name: str) -> Callable[[Any], None]:
    return lambda chain: (chain.data / name).unlink(missing_ok=True)


def _altered(name: str) -> Callable[[Any], None]:
    def change(chain: Any) -> None:
        path = chain.data / name
        if path.is_file():
            before = path.stat()
            path.write_bytes(path.read_bytes()[::-1])
            # A clock set back or a copy that keeps times hides nothing.
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    return change


def _table(chain: Any) -> None:
    with duckdb.connect(chain.warehouse) as connection:
        connection.execute("DROP TABLE training.regime_weights").fetchall()


def _code(chain: Any) -> None:
    (chain.root / "package" / "code.py").write_text(f"one = {random.random()}\n")


def test_a_second_run_shows_the_forecast_and_nothing_else(chain: Any) -> None:
    assert sorted(chain.run()) == ALL
    before = chain.numbers()
    assert chain.run() == []
    assert chain.runs == 1
    assert chain.shown == (chain.data / "reports" / "forecast.txt").read_text()
    assert chain.numbers() == before
    assert sorted(chain.run(force=True)) == ALL
    assert chain.runs == 2


@pytest.mark.parametrize(
    ("change", "runs"),
    [
        (_file("c.csv", "x\n9\n"), [*INGEST, "matrix", "lightgbm", "xgboost", *TRACKED]),
        # Read again, and the same sessions come of it.
        slow(_file("c.csv", "x\n1\n"), INGEST),
        (_param("lightgbm", "leaves", 4), ["lightgbm", *TRACKED]),
        slow(_param("features", "scale", 3.0), ["matrix", "lightgbm", "xgboost", *TRACKED]),
        slow(_param("tracking", "experiment", "other"), TRACKED),
        slow(_gone("xgboost.csv"), ["xgboost"]),
        slow(_gone("xgboost.json"), TRACKED),
        slow(_gone("reports/report.html"), TRACKED),
        (_altered("matrix.csv"), ["matrix"]),
        slow(_altered("lightgbm.json"), TRACKED),
        (_table, ["regimes"]),
        slow(_gone("reports/forecast.txt"), ["forecast"]),
        slow(_code, ALL),
    ],
)
def test_only_what_changed_runs(chain: Any, change: Callable[[Any], None], runs: list[str]) -> None:
    chain.run()
    change(chain)
    assert sorted(chain.run()) == sorted(runs)
    assert chain.run() == []


CHANGES: list[Callable[[Any], None]] = [
    _file("c.csv", "x\n9\n"), _file("c.csv", "x\n8\n7\n"), _file("a.csv", "x\n3\n1\n"),
    _file("a.csv", "x\n4\n"), _param("lightgbm", "leaves", 4), _param("lightgbm", "leaves", 3),
    _param("xgboost", "depth", 5), _param("features", "scale", 3.0),
    _param("features", "scale", 2.0), _gone("xgboost.csv"), _gone("lightgbm.json"),
    _gone("sessions.csv"), _gone("reports/report.html"), _altered("matrix.csv"),
    _altered("lightgbm.csv"), _altered("xgboost.json"), _table, _code,
]  # fmt: skip
STOPS = [
    "read", "sessions", "regimes", "matrix", "lightgbm", "xgboost", "xgboost.score", "report",
    None, None,
]  # fmt: skip
RECORDS = ["ingest", "regimes", "features", "lightgbm", "tracked", None, None, None]


@pytest.mark.parametrize("seed", [ci(0), slow(1), slow(2)])
def test_any_changes_and_kills_give_the_numbers_of_a_whole_run(chain: Any, seed: int) -> None:
    draw = random.Random(seed)
    chain.run()
    for _ in range(3):
        for change in draw.sample(CHANGES, draw.randint(1, 3)):
            change(chain)
            if draw.random() < 0.5:
                chain.stop_at, chain.stop_before_record = draw.choice(STOPS), draw.choice(RECORDS)
                with contextlib.suppress(KeyboardInterrupt):
                    chain.run(force=draw.random() < 0.2)
                chain.stop_at = chain.stop_before_record = None
        chain.run()
        found = chain.numbers()
        assert chain.run() == []
        chain.run(force=True)
        assert chain.numbers() == found


@pytest.mark.parametrize(
    "part", [slow("ingest"), slow("regimes"), "features", slow("xgboost"), "tracked"]
)
def test_a_kill_before_the_record_leaves_the_part_to_run(chain: Any, part: str) -> None:
    chain.stop_before_record = part
    with pytest.raises(KeyboardInterrupt):
        chain.run()
    chain.stop_before_record = None
    of_part = {"ingest": "read", "features": "matrix", "tracked": "report"}.get(part, part)
    assert of_part in chain.run()
    found = chain.numbers()
    chain.run(force=True)
    assert chain.numbers() == found


@pytest.mark.parametrize(
    "text",
    [slow(""), "{", slow("[]"), slow("null"), slow('{"content": "x"}'), None],
    ids=repr,
)
def test_a_damaged_record_counts_as_none(chain: Any, text: str | None) -> None:
    chain.run()
    path: Path = chain.data / FOLDER / "xgboost.json"
    whole = json.loads(path.read_text())
    path.write_text(json.dumps({**whole, "ended": "later"}) if text is None else text)
    assert chain.run() == ["xgboost"]


def test_a_record_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = Records(tmp_path)
    record = Record(key="k", inputs={"a": "1"}, outputs={"b": {"c": "2"}}, ended="now")
    records.write("part", record)
    assert records.read("part") == record

    def killed(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        records.write("part", record.model_copy(update={"key": "other"}))
    assert records.read("part") == record
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == ["part.json"]


def test_a_tracked_run_that_is_gone_is_made_again(
    chain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain.run()
    monkeypatch.setattr(Plan, "_state_of", lambda self, run_id: None)
    assert sorted(chain.run()) == sorted(TRACKED)


def test_a_new_day_has_a_new_forecast(chain: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    chain.run()
    monkeypatch.setattr(clock, "today", lambda: dt.date(2030, 1, 2))
    assert chain.run() == ["forecast"]
    assert chain.run() == []


def test_code_that_is_edited_while_it_runs_leaves_no_record(chain: Any) -> None:
    fit = chain._fit

    def edited(name: str) -> Any:
        function = fit(name)

        def wrapped(matrix: Any, config: Any) -> Any:
            _code(chain)
            return function(matrix, config)

        return wrapped

    chain._fit = edited
    chain.run()
    chain._fit = fit
    # As before the run, of which two nodes saw other code.
    (chain.root / "package" / "code.py").write_text("one = 1\n")
    assert {"lightgbm", "xgboost", "report"} <= set(chain.run())


def test_the_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert not is_forced()
    with forced(True):
        assert is_forced()
    assert not is_forced()
    monkeypatch.setenv(VARIABLE, "1")
    assert is_forced()
    monkeypatch.setenv(VARIABLE, "yes")
    with pytest.raises(ConfigError, match="SOYOIL_FORCE='yes': 1 runs everything"):
        is_forced()
