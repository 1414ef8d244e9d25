"""SIGKILL in every stage, then the same command again: the numbers of a run never disturbed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from homes import SMALL, Home, forecasts, make_home
from outcomes import Outcome, record
from vendor_market import write_market

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

STRIKE = str(Path(__file__).with_name("strike.py"))
SAVED = (0, 3, 12)
BORN = (0, 40, 120, 250, 400, 700, 1100, 1600, 2200, 3000)


VOLATILE = ("run", "run_id", "parent_run_id", "started", "seconds", "start", "end", "study")
CHAIN = ("run", "--to-outputs=1w.lightgbm.scores,1w.lightgbm.run", f"--params={SMALL}")
SPLIT = ("run", "--to-outputs=1w.labels,1w.split_plan,1w.sample_weights", f"--params={SMALL}")


@dataclass(frozen=True)
class Command:
    """A ``kedro`` command that is killed, and what must stand before it.

    Attributes
    ----------
    words
        The command.
    results
        Files with its numbers below ``data/08_reporting``; empty: all forecasts.
    before
        Command whose results it reads.
    """

    words: tuple[str, ...]
    results: str = ""
    before: tuple[str, ...] = ()


COMMANDS = {
    "lightgbm": Command(CHAIN),
    "xgboost": Command(("run", "--to-outputs=1w.xgboost.scores", f"--params={SMALL}")),
    "tft": Command(("run", "--to-outputs=1w.tft.scores", f"--params={SMALL}")),
    "ingest": Command(
        (
            "run",
            "--pipelines=ingest,regimes,features",
            "--params=source.kind=databento,source.path=bars,source.symbols=ZL",
        )
    ),
    "sweep": Command(
        (
            "run",
            "--pipeline=sweep",
            f"--params={SMALL},sweep.horizon=1w,sweep.trials=6,sweep.inner.folds=2,"
            "sweep.inner.min_train_rows=120,fit.workers=1",
        ),
        "sweeps/trials.csv",
        SPLIT,
    ),
    "compare": Command(
        ("run", "--pipeline=compare", f"--params={SMALL}"), "compare/leaderboard.csv", CHAIN
    ),
    "audit": Command(("run", "--pipeline=audit", f"--params={SMALL}"), "audit/audit.json", SPLIT),
}


@dataclass(frozen=True)
class Kill:
    """One kill: command, moment, place, milliseconds."""

    command: str
    when: str
    where: str
    delay: int = 0

    @property
    def name(self) -> str:
        return f"{self.command} {self.when} {self.where} +{self.delay} ms"


def kills() -> list[Kill]:
    chain = [
        *(Kill("lightgbm", "born", "mlflow.db", ms) for ms in BORN),
        *(Kill("lightgbm", "born", "data/warehouse/synthetic.duckdb", ms) for ms in (0, 5, 30)),
        *(Kill("lightgbm", "node", where) for where in (
            "ingest.read_source", "ingest.make_sessions", "regimes.make_table", "features.compute",
            "features.assemble_matrix", "split.make_snapshot", "1w.make_labels", "1w.make_plan",
            "1w.make_weights", "1w.baselines.predict", "1w.lightgbm.fit", "1w.lightgbm.evaluate",
        )),
        *(Kill("lightgbm", "save", where, ms) for ms in SAVED for where in (
            "databento_futures", "daily_ml_matrix", "snapshot", "1w.labels",
            "1w.lightgbm.predictions", "1w.lightgbm.fit_report", "1w.lightgbm.run",
        )),
        *(Kill("xgboost", "save", "1w.xgboost.predictions", ms) for ms in (0, 5)),
        *(Kill("tft", "save", "1w.tft.predictions", ms) for ms in (0,)),
        Kill("tft", "call", "soyoil.pipelines.fit.nodes:run_walk_forward"),
        *(Kill("sweep", "born", "data/09_sweeps", ms) for ms in (0, 150, 400, 900, 1600)),
        *(Kill("ingest", "node", where) for where in ("ingest.read_source", "features.compute")),
        *(Kill("ingest", "save", "databento_futures", ms) for ms in (0, 5, 20, 60)),
        Kill("ingest", "call", "soyoil.warehouse.duckdb.backend:_apply"),
        *(Kill("compare", "node", f"compare.{node}") for node in ("find_runs", "compare_runs")),
        *(Kill("audit", "node", f"audit.{node}") for node in ("inspect", "write_report")),
    ]  # fmt: skip
    return chain


def fingerprint(home: Home, command: str) -> dict[str, pd.DataFrame]:
    """Everything whose numbers a kill could change."""
    if command == "ingest":
        with duckdb.connect(str(home.root / "data/warehouse/databento.duckdb")) as db:
            names = ("market_data.soyoil_futures_sessions", "features.daily_ml_matrix")
            return {
                name: db.sql(f"SELECT * FROM {name} ORDER BY symbol, data_date").df()
                for name in names
            }
    results = COMMANDS[command].results
    if not results:
        return forecasts(home)
    file = home.root / "data/08_reporting" / results
    if file.suffix == ".json":
        audit = json.loads(file.read_text(encoding="utf-8"))
        return {results: pd.DataFrame({"tables": audit["tables"], "counts": str(audit["counts"])})}
    table = pd.read_csv(file)
    # Wall times, and what MLflow calls a run, differ between two undisturbed runs as well.
    return {results: table.drop(columns=[c for c in VOLATILE if c in table])}


def prepare(home: Home, command: str) -> None:
    """Files and results that a command reads."""
    write_market(home.root / "bars")
    before = COMMANDS[command].before
    if before:
        done = home.kedro(*before)
        assert done.code == 0, done.text


@pytest.fixture(scope="module")
def undisturbed(
    project_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, pd.DataFrame]]:
    """Results of the commands, computed once when first asked for."""

    class Results(dict[str, dict[str, pd.DataFrame]]):
        def __missing__(self, command: str) -> dict[str, pd.DataFrame]:
            home = make_home(project_root, tmp_path_factory.mktemp(command))
            prepare(home, command)
            done = home.kedro(*COMMANDS[command].words)
            assert done.code == 0, done.text
            self[command] = fingerprint(home, command)
            return self[command]

    return Results()


def judge(home: Home, kill: Kill, expected: dict[str, pd.DataFrame]) -> Outcome:
    left = home.wait_for_workers()
    if left:
        return Outcome("kill", kill.name, "lost", f"workers {left} outlived their parent")
    again = home.kedro(*COMMANDS[kill.command].words)
    if "Traceback (most recent call last)" in again.text:
        return Outcome("kill", kill.name, "traceback", again.text[-400:])
    if again.code != 0:
        return Outcome("kill", kill.name, "lost", again.text[-400:])
    found = fingerprint(home, kill.command)
    if found.keys() != expected.keys():
        return Outcome("kill", kill.name, "lost", f"{sorted(expected.keys() - found.keys())}")
    for name, frame in expected.items():
        if not frame.equals(found[name]):
            return Outcome("kill", kill.name, "wrong", f"{name} differs")
    if home.runs().get("RUNNING", 0):
        return Outcome("kill", kill.name, "wrong", f"runs {home.runs()}")
    if home.leftovers():
        return Outcome("kill", kill.name, "wrong", f"left {home.leftovers()}")
    return Outcome("kill", kill.name, "clear", "same numbers")


@pytest.mark.parametrize("kill", kills(), ids=lambda kill: kill.name.replace(" ", "_"))
def test_a_kill_loses_nothing(
    home: Home, kill: Kill, undisturbed: dict[str, dict[str, pd.DataFrame]]
) -> None:
    expected = undisturbed[kill.command]
    prepare(home, kill.command)
    struck = home.call(
        STRIKE, kill.when, kill.where, str(kill.delay), *COMMANDS[kill.command].words
    )
    # A delay may end after the run: then nothing was killed and nothing is shown.
    assert struck.code == -9, f"the kill did not strike: {struck.code} {struck.text[-600:]}"
    outcome = record(judge(home, kill, expected))
    assert outcome.verdict == "clear", outcome


def test_there_are_enough_kills() -> None:
    assert len(kills()) >= 60
