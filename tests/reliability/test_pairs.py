"""Two commands at once: each one's numbers are those that it gives alone, or it is refused."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from homes import SMALL, Done, Home, forecasts, make_home
from outcomes import Outcome, record, refusal
from vendor_market import write_market

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PLANTED = "source.synthetic.signal=planted,source.synthetic.signal_strength=0.8"
CELL = "--to-outputs=1w.lightgbm.scores,1w.lightgbm.run"
WRITERS = {
    "null": ("run", CELL, f"--params={SMALL}"),
    "planted": ("run", CELL, f"--params={SMALL},{PLANTED}"),
    "split": (
        "run",
        "--to-outputs=1w.labels,1w.split_plan,1w.sample_weights",
        f"--params={SMALL},{PLANTED}",
    ),
    "ingest": (
        "run",
        "--pipeline=ingest",
        "--params=source.kind=databento,source.path=bars,source.symbols=ZL",
    ),
    "sweep": (
        "run",
        "--pipeline=sweep",
        f"--params={SMALL},sweep.horizon=1w,sweep.trials=4,sweep.inner.folds=2,"
        "sweep.inner.min_train_rows=120,fit.workers=1",
    ),
    "apply": ("warehouse", "apply", f"--params={SMALL}"),
}
READERS = {
    "compare": ("run", "--pipeline=compare", f"--params={SMALL}"),
    "audit": ("run", "--pipeline=audit", f"--params={SMALL}"),
    "plan": ("warehouse", "plan", f"--params={SMALL}"),
}
HELD = "data"
"""Word that the refusal of a second writer holds."""


@dataclass(frozen=True)
class Pair:
    """Two commands and the seconds between their starts."""

    first: str
    second: str
    gap: float
    apart: bool = False
    """Each has a data folder of its own."""

    @property
    def name(self) -> str:
        place = "two folders" if self.apart else "one folder"
        return f"{self.first} then {self.second} after {self.gap:g} s, {place}"


PAIRS = [
    *(Pair("null", "planted", gap) for gap in (0.0, 0.3, 1.0, 2.0, 3.0, 4.0, 5.0, 6.5)),
    *(Pair("planted", "null", gap) for gap in (0.0, 2.5)),
    *(Pair("null", "split", gap) for gap in (2.5, 5.0)),
    Pair("null", "ingest", 3.0),
    Pair("ingest", "null", 0.0),
    Pair("null", "sweep", 4.0),
    Pair("null", "apply", 4.0),
    *(Pair("null", reader, 4.0) for reader in READERS),
    *(Pair("null", "planted", gap, apart=True) for gap in (0.0, 2.0, 4.0)),
]


@pytest.fixture(scope="module")
def alone(
    project_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, pd.DataFrame]]:
    """Forecasts of the chain with each market, each run alone."""
    found = {}
    for name in ("null", "planted"):
        home = make_home(project_root, tmp_path_factory.mktemp(name))
        done = home.kedro(*WRITERS[name])
        assert done.code == 0, done.text
        found[name] = forecasts(home)
    return found


def same(found: dict[str, pd.DataFrame], expected: dict[str, pd.DataFrame]) -> bool:
    return found.keys() == expected.keys() and all(
        frame.equals(found[name]) for name, frame in expected.items()
    )


def judge(
    pair: Pair, homes: tuple[Home, Home], done: tuple[Done, Done], alone: dict[str, dict]
) -> Outcome:
    def outcome(verdict, detail: str) -> Outcome:  # type: ignore[no-untyped-def]
        return Outcome("two runs at once", pair.name, verdict, detail)

    texts = [d.text for d in done]
    for text in texts:
        if "Traceback (most recent call last)" in text:
            return outcome("traceback", text[-400:])
    codes = [d.code for d in done]
    names = (pair.first, pair.second)
    both = pair.apart or pair.second in READERS
    if both and codes != [0, 0]:
        return outcome("lost", f"codes {codes}: {texts[0][-300:]} {texts[1][-300:]}")
    if not both:
        if sorted(codes) != [0, 1]:
            return outcome("wrong", f"codes {codes}: {texts[0][-300:]} {texts[1][-300:]}")
        loser = codes.index(1)
        message = refusal(texts[loser])
        if HELD not in message or "PID" not in message.upper():
            return outcome("wrong", f"refused for another reason: {message[:300]}")
    for name, home, code in zip(names, homes, codes, strict=True):
        if code == 0 and name in alone and not same(forecasts(home), alone[name]):
            return outcome("wrong", f"{name} is not what it gives alone")
    if any(home.runs().get("RUNNING", 0) for home in homes):
        return outcome("wrong", "a run is still RUNNING")
    return outcome("clear", "both right" if both else "one right, one refused")


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name.replace(" ", "_"))
def test_two_runs_never_mix(
    project_root: Path,
    tmp_path: Path,
    pair: Pair,
    alone: dict[str, dict[str, pd.DataFrame]],
) -> None:
    home = make_home(project_root, tmp_path)
    write_market(home.root / "bars")
    homes = (home, home.with_data("other") if pair.apart else home)
    if pair.second in READERS or pair.second in ("sweep", "apply"):
        before = home.kedro(*WRITERS["null"])
        assert before.code == 0, before.text
    if pair.second == "apply":
        planned = home.kedro("warehouse", "plan", f"--params={SMALL}")
        assert planned.code == 0, planned.text
    commands = {**WRITERS, **READERS}
    first = homes[0].start("-m", "kedro", *commands[pair.first])
    time.sleep(pair.gap)
    second = homes[1].start("-m", "kedro", *commands[pair.second])
    done = (homes[0].finish(first), homes[1].finish(second))
    outcome = record(judge(pair, homes, done, alone))
    assert outcome.verdict == "clear", outcome


def test_there_are_enough_pairs() -> None:
    assert len(PAIRS) >= 20
