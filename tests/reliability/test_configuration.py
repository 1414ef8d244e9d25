"""Mistakes of a user, each through the real command line: one clear message, nothing changed."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from homes import SMALL, Home, make_home
from mistake_tables import ALL, FAST, HARMLESS
from mistakes import Mistake
from outcomes import KINDS, VERDICTS, Outcome, Verdict, record, refusal, table

FORKED = str(Path(__file__).with_name("forked.py"))
KIND = KINDS[2]
CELL = "--to-outputs=1w.lightgbm.scores,1w.lightgbm.run"


def judge(case: Mistake, found: dict) -> tuple[Verdict, str]:
    """Verdict on what came of a mistake."""
    text = found["text"]
    message = " ".join(refusal(text).split())
    if "Traceback (most recent call last)" in text:
        return "traceback", text[-400:]
    changed = [p for p in found["changed"] if not p.startswith(case.writes or ("/",))]
    if changed:
        return "lost", f"written or deleted: {', '.join(changed[:5])}"
    shown = [word for word in case.hides if word in text] + found["leaks"]
    if shown:
        return "wrong", f"shows the secret {shown[0]}"
    if found["code"] == 0:
        return "wrong", "exit code 0"
    if len(re.findall(r"^Error:", text, re.MULTILINE)) != 1:
        return "wrong", f"exit code {found['code']} and not one error line: {text[-300:]}"
    missing = [word for word in case.says if word.lower() not in message.lower()]
    if missing:
        return "wrong", f"does not say {missing}: {message[:400]}"
    before = text.partition("Error:")[0].strip()
    if before and not case.writes and not before.startswith("Usage:"):
        return "wrong", f"more than one message: {before[:300]}"
    return "clear", message[:160]


def run_all(homes: Path, root: Path, names: list[str]) -> dict[str, dict]:
    """What came of the named mistakes; all if there is no name."""
    root.mkdir()
    results = root.with_suffix(".jsonl")
    environment = {"PYTHONPATH": os.pathsep.join([str(Path(FORKED).parent), *filter(None, [
        os.environ.get("PYTHONPATH")])])}  # fmt: skip
    done = Home(root, environment).call(
        FORKED, str(homes / "plain"), str(homes / "filled"), str(results), *names, timeout=850
    )
    assert done.code == 0, done.text[-2000:]
    lines = results.read_text(encoding="utf-8").splitlines()
    return {found["name"]: found for found in map(json.loads, lines)}


def make_homes(project_root: Path, top: Path, *, filled: bool) -> Path:
    """A project without data, and if asked for one that has run."""
    for name in ("plain", "filled"):
        (top / name).mkdir()
        home = make_home(project_root, top / name)
        if filled and name == "filled":
            done = home.kedro("run", CELL, f"--params={SMALL}")
            assert done.code == 0, done.text[-2000:]
    return top


def test_the_tables_hold_enough_and_nothing_twice() -> None:
    names = [case.name for case in (*ALL, *HARMLESS)]
    assert len(set(names)) == len(names)
    assert len(ALL) >= 450
    assert all(case.says and all(word.strip() for word in case.says) for case in ALL)


def test_the_judge_tells_the_verdicts_apart() -> None:
    case = Mistake("x", ("fit.seed",), hides=("hunter2",))
    sound = {"code": 1, "text": "Error: fit.seed is 5\n", "changed": [], "leaks": []}
    assert judge(case, sound)[0] == "clear"
    worse: list[tuple[Verdict, dict]] = [
        ("wrong", {"code": 0}),
        ("wrong", {"text": "Error: fit is 5\n"}),
        ("wrong", {"text": "boom\n"}),
        ("wrong", {"text": "Error: fit.seed\nError: again\n"}),
        ("wrong", {"text": "Error: fit.seed hunter2\n"}),
        ("wrong", {"leaks": ["hunter2"]}),
        ("wrong", {"text": "WARNING something\nError: fit.seed is 5\n"}),
        ("traceback", {"text": "Traceback (most recent call last):\nError: fit.seed is 5\n"}),
        ("lost", {"changed": ["data/a.parquet"]}),
    ]
    for verdict, change in worse:
        assert judge(case, sound | change)[0] == verdict, change


@pytest.fixture(scope="module")
def some(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    top = tmp_path_factory.mktemp("few")
    names = [*FAST, HARMLESS[0].name]
    return run_all(make_homes(project_root, top, filled=False), top / "home", names)


@pytest.mark.ci
@pytest.mark.parametrize("name", FAST)
def test_one_of_each_kind(some: dict[str, dict], name: str) -> None:
    case = next(case for case in ALL if case.name == name)
    verdict, detail = judge(case, some[name])
    assert verdict == "clear", detail


@pytest.mark.ci
def test_what_is_no_mistake_passes(some: dict[str, dict]) -> None:
    assert some[HARMLESS[0].name]["code"] == 0, some[HARMLESS[0].name]["text"]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_mistake(project_root: Path, tmp_path: Path) -> None:
    found = run_all(make_homes(project_root, tmp_path, filled=True), tmp_path / "home", [])
    assert found.keys() == {case.name for case in (*ALL, *HARMLESS)}
    outcomes = [record(Outcome(KIND, c.name, *judge(c, found[c.name]))) for c in ALL]
    bad = [outcome for outcome in outcomes if outcome.verdict != VERDICTS[0]]
    assert not bad, "\n".join([table(outcomes), *map(str, bad)])
    refused = {c.name: found[c.name]["text"] for c in HARMLESS if found[c.name]["code"] != 0}
    assert not refused
