"""The ledger: exact, append-only, whole after a torn write, shared by processes."""

import json
import multiprocessing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from soyoil.base.errors import SoyoilError
from soyoil.base.lines import damage as damage_of
from soyoil.sweep.ledger import FILE, SCHEMA, Ledger, StudyKey, Trial, from_line, to_line

KEY = StudyKey("1w_lightgbm_a", "1w", 5, "lightgbm", "snap1", "span1", "uniform.skill_mae", True)


def trial(number: int, key: StudyKey = KEY, **changes: object) -> Trial:
    rng = np.random.default_rng(number)
    fields: dict[str, object] = {
        "study": key,
        "number": number,
        "state": "complete",
        "params": {"lightgbm.num_leaves": 3, "fit.shrink": True, "lightgbm.lambda_l2": 0.1 + 0.2},
        "value": 1 / 3,
        "fold_values": (0.1, -0.2),
        "fold_seconds": (0.5, 0.25),
        "seconds": 0.8,
        "ended": 1.7e9,
        "origins": np.arange("2015-01-01", "2015-02-10", dtype="datetime64[D]"),
        "differences": {"pinball": rng.normal(size=40), "mae": rng.normal(size=40)},
    }
    return Trial(**(fields | changes))  # type: ignore[arg-type]


def write(folder: Path, numbers: list[int]) -> None:
    ledger = Ledger(folder)
    for number in numbers:
        ledger.append(trial(number))


def test_a_line_gives_back_the_trial_exactly() -> None:
    for one in (
        trial(3),
        trial(4, state="pruned", value=-0.0),
        trial(
            5,
            state="failed",
            value=None,
            fold_values=(),
            fold_seconds=(),
            error='ModelError: x\n"y"',
            origins=np.empty(0, dtype="datetime64[D]"),
            differences={},
        ),
    ):
        line = to_line(one)
        assert line.count(b"\n") == 1
        found = from_line(line)
        assert replace(found, origins=one.origins, differences=one.differences) == one
        assert np.array_equal(found.origins, one.origins)
        for metric, values in one.differences.items():
            assert found.differences[metric].tobytes() == values.tobytes()


def test_nothing_written_is_ever_changed(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    before = b""
    for number in range(5):
        ledger.append(trial(number))
        content = ledger.path.read_bytes()
        assert content.startswith(before)
        before = content
    assert [t.number for t in ledger.read([KEY.name])] == list(range(5))
    assert set(ledger.of_study(KEY.name)) == set(range(5))


def test_a_torn_line_is_skipped_and_costs_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, [0, 1])
    path = tmp_path / FILE
    path.write_bytes(path.read_bytes()[:-30])
    assert [t.number for t in Ledger(tmp_path).read([KEY.name])] == [0]
    write(tmp_path, [1, 2])
    assert [t.number for t in Ledger(tmp_path).read([KEY.name])] == [0, 1, 2]
    assert "line 2: it is not whole" in caplog.text


def _old_line(number: int) -> bytes:
    """As version 1 wrote it, without a checksum."""
    content = json.loads(to_line(trial(number)))
    del content["crc32"]
    return json.dumps({**content, "schema": 1}).encode() + b"\n"


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("damage", ["blank", "cut", "flipped"])
def test_a_damaged_line_is_named_and_costs_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str, old: bool
) -> None:
    lines = [_old_line(n) if old else to_line(trial(n)) for n in range(4)]
    line = lines[2]
    half = len(line) // 2
    lines[2] = {
        "blank": b"\n",
        "cut": line[:half] + b"\n",
        # In the middle of the packed numbers for a line with a checksum, else of the JSON.
        "flipped": b"[" + line[1:] if old else line.replace(b'"number":2', b'"number":9'),
    }[damage]
    (tmp_path / FILE).write_bytes(b"".join(lines))
    ledger = Ledger(tmp_path)
    for _ in range(2):
        assert [t.number for t in ledger.read([KEY.name])] == [0, 1, 3]
    (record,) = caplog.records
    assert f"{FILE}, line 3: it" in record.getMessage()
    assert "all other lines are kept" in record.getMessage()


def test_every_flipped_byte_is_noticed(tmp_path: Path) -> None:
    line = to_line(trial(0))
    for at in range(len(line) - 1):
        flipped = line[:at] + bytes([line[at] ^ 1]) + line[at + 1 :]
        # A higher number of the schema is refused as that of a later version.
        assert damage_of(flipped, SCHEMA) or json.loads(flipped)["schema"] > 2, flipped
    assert damage_of(line, SCHEMA) is None
    assert damage_of(_old_line(0), SCHEMA) is None


def test_processes_append_at_the_same_time(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    parts = [list(range(start, 60, 2)) for start in range(2)]
    workers = [spawn.Process(target=write, args=(tmp_path, part)) for part in parts]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert sorted(t.number for t in Ledger(tmp_path).read([KEY.name])) == list(range(60))


def test_a_tail_gives_each_trial_once(tmp_path: Path) -> None:
    tail = Ledger(tmp_path).tail([KEY.name])
    assert list(tail.read()) == []
    write(tmp_path, [0, 1])
    Ledger(tmp_path).append(trial(0, replace(KEY, name="1w_lightgbm_b")))
    assert [t.number for t in tail.read()] == [0, 1]
    path = tmp_path / FILE
    line = to_line(trial(2))
    with path.open("ab") as file:
        file.write(line[:50])
    assert list(tail.read()) == []
    with path.open("ab") as file:
        file.write(line[50:])
    assert [t.number for t in tail.read()] == [2]
    assert list(tail.read()) == []


def test_every_look_at_the_same_rows_counts_once(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    keys = {
        "mine": KEY,
        "deleted study": replace(KEY, name="1w_lightgbm_deleted"),
        "other model": replace(KEY, name="1w_xgboost_c", model="xgboost"),
        "later snapshot, same rows": replace(KEY, name="1w_lightgbm_d", snapshot="snap2"),
        "same snapshot, longer span": replace(KEY, name="1w_lightgbm_e", training_span="span2"),
        "other rows": replace(KEY, name="x", snapshot="snap3", training_span="span3"),
        "other horizon": replace(KEY, name="1m_lightgbm_f", horizon="1m", sessions=21),
    }
    for key in keys.values():
        ledger.append(trial(0, key))
    ledger.append(trial(0))
    ledger.append(trial(1, state="pruned"))
    found = {(t.study.name, t.number) for t in ledger.against(KEY)}
    counted = [keys[name].name for name in list(keys)[:5]]
    assert found == {*((name, 0) for name in counted), (KEY.name, 1)}


def test_a_later_schema_is_refused(tmp_path: Path) -> None:
    content = json.loads(to_line(trial(0)))
    (tmp_path / FILE).write_text(json.dumps({**content, "schema": 3}) + "\n")
    with pytest.raises(SoyoilError, match="schema 3"):
        Ledger(tmp_path).read([KEY.name])
