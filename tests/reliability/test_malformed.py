"""Malformed vendor files, end to end: refused with the file's name, or read as they were meant."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pandas as pd
import pytest
from damage import Damage, all_damage
from homes import Home, make_home
from malformed_inputs import PLAIN, Malformed, all_malformed
from outcomes import Outcome, Verdict, judge_refusal, record, refusal
from vendor_market import market

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

MANY = str(Path(__file__).with_name("many.py"))
KEY = ["symbol", "data_date"]
CASES = all_damage(market().to_csv(index=False, lineterminator="\n").encode())
INPUTS = all_malformed()


def ingest(folder: Path) -> list[str]:
    return [
        "--pipeline=ingest",
        f"--params=source.kind=databento,source.path={folder},source.symbols=ZL",
    ]


def run_all(home: Home, folders: dict[str, Path], tmp_path: Path) -> dict[str, dict]:
    commands = [{"name": name, "args": ingest(folder)} for name, folder in folders.items()]
    given, results = tmp_path / "commands.json", tmp_path / "results.jsonl"
    given.write_text(json.dumps(commands), encoding="utf-8")
    done = home.call(MANY, str(given), str(results), timeout=850)
    assert done.code == 0, done.text[-2000:]
    lines = results.read_text(encoding="utf-8").splitlines()
    return {result["name"]: result for result in map(json.loads, lines)}


def write(case: Damage | Malformed, folder: Path) -> Path:
    folder.mkdir(parents=True)
    case.write(folder)
    return folder


@pytest.fixture(scope="module")
def results(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """What came of every case, and of the sound file (``sound``)."""
    top = tmp_path_factory.mktemp("malformed")
    home = make_home(project_root, top / "home")
    cases = [*CASES, *INPUTS]
    folders = {case.name: write(case, top / f"bars{i}") for i, case in enumerate(cases)}
    sound = top / "sound"
    sound.mkdir()
    market().to_csv(sound / "bars.csv", index=False, lineterminator="\n")
    plain = top / "plain"
    plain.mkdir()
    (plain / "bars.csv").write_text(PLAIN)
    return run_all(home, {"sound": sound, "plain": plain, **folders}, top)


def rows(result: dict) -> pd.DataFrame:
    return pd.read_json(io.StringIO(result["rows"]), dtype=False)


def altered(found: pd.DataFrame, sound: pd.DataFrame) -> int:
    """Sessions that differ from those of the sound file, or that it does not have."""
    names = [c for c in sound.columns if c not in KEY]
    both = found.merge(sound, on=KEY, how="left", suffixes=("", "_sound"), indicator=True)
    bad = both["_merge"] != "both"
    for name in names:
        one, other = both[name], both[f"{name}_sound"]
        bad |= ~((one == other) | (one.isna() & other.isna()))
    return int(bad.sum())


def judge(result: dict, sound: dict) -> tuple[Verdict, str]:
    text = result["text"]
    if "Traceback (most recent call last)" in text:
        return "traceback", text[-400:]
    if result["code"] != 0:
        message = refusal(text)
        if "bars" not in message:
            return "wrong", f"names no file: {message[:300] or text[-300:]}"
        return "clear", message[-160:]
    count = altered(rows(result), rows(sound))
    return ("wrong", f"{count} sessions altered") if count else ("clear", "read right")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "_"))
def test_damage_is_refused_or_harmless(case: Damage, results: dict[str, dict]) -> None:
    assert results["sound"]["code"] == 0, results["sound"]["text"]
    outcome = record(
        Outcome("malformed input", case.name, *judge(results[case.name], results["sound"]))
    )
    assert outcome.verdict == "clear", outcome


def judge_input(case: Malformed, result: dict, plain: dict) -> tuple[Verdict, str]:
    """Verdict on an input of which it is known what has to become of it."""
    if case.outcome == "refused":
        return judge_refusal(result["code"], result["text"], case.words)
    if "Traceback (most recent call last)" in result["text"]:
        return "traceback", result["text"][-400:]
    if result["code"] != 0:
        return "wrong", f"refused: {refusal(result['text'])[:300]}"
    wanted = [case.words] if case.outcome == "set aside" else []
    if result["set_aside"] != wanted:
        return "wrong", f"set aside for {result['set_aside']}, not for {wanted}"
    if case.outcome == "read" and result["rows"] != plain["rows"]:
        return "wrong", f"{altered(rows(result), rows(plain))} sessions altered"
    return "clear", case.outcome


@pytest.mark.parametrize("case", INPUTS, ids=lambda case: case.name.replace(" ", "_"))
def test_input_is_read_right_or_refused(case: Malformed, results: dict[str, dict]) -> None:
    plain = results["plain"]
    assert (plain["code"], plain["set_aside"]) == (0, []), plain["text"]
    outcome = record(
        Outcome("malformed input", case.name, *judge_input(case, results[case.name], plain))
    )
    assert outcome.verdict == "clear", outcome


def test_there_are_enough_inputs() -> None:
    assert len({case.name for case in (*CASES, *INPUTS)}) >= 200
