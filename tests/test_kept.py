"""Results that are kept are never those of something else."""

import gc
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DatasetError

from soyoil import runner
from soyoil.base.errors import ContractError
from soyoil.base.kept import SETTLED_NS, Kept, file_state
from soyoil.datasets.schemas import FrameValidator
from soyoil.datasets.snapshot import SnapshotDataset
from soyoil.runner import settled_objects
from soyoil.splits.snapshot import MATRIX_FILE, Snapshot


def _age(path: Path) -> None:
    """Make a file look as if it was written before the time that cannot tell changes apart."""
    past = time.time_ns() - 2 * SETTLED_NS
    os.utime(path, ns=(past, past))


def test_what_was_asked_for_lately_is_kept() -> None:
    kept: Kept[int] = Kept(2)
    made: list[str] = []

    def ask(key: str) -> int:
        return kept.get(key, lambda: made.append(key) or len(made))  # type: ignore[func-returns-value]

    assert [ask(key) for key in "abacab"] == [1, 2, 1, 3, 1, 4]
    assert made == ["a", "b", "c", "b"]


def test_a_failure_is_not_kept() -> None:
    kept: Kept[float] = Kept(2)
    with pytest.raises(ZeroDivisionError):
        kept.get("a", lambda: 1 / 0)
    assert kept.get("a", lambda: 1.0) == 1.0


def test_the_state_of_a_file_tells_of_every_write(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("one")
    assert file_state(file) is None, "a further write could leave the same time"
    _age(file)
    state = file_state(file)
    assert state is not None
    assert state == file_state(file)
    other = tmp_path / "b"
    other.write_text("two")
    _age(other)
    os.utime(other, ns=(file.stat().st_mtime_ns,) * 2)
    other.replace(file)
    assert file_state(file) != state, "another file of the same size and time"
    file.write_text("six")
    assert file_state(file) is None
    assert file_state(file, tmp_path / "missing") is None


def _snapshot(close: float = 47.0) -> Snapshot:
    matrix = pd.DataFrame(
        {
            "data_date": pd.to_datetime(["2024-01-02", "2024-01-03"]),
            "market_data.close": [close, 48.0],
        }
    )
    regimes = pd.DataFrame({"regime_name": ["a"], "start_date": pd.to_datetime(["2000-01-01"])})
    return Snapshot(matrix, regimes, "ZL", "observed", {"t": "h"})


def _settle(folder: Path) -> None:
    for file in folder.rglob("*"):
        _age(file)


def test_a_snapshot_is_read_once_and_each_load_is_a_frame_of_its_own(tmp_path: Path) -> None:
    dataset = SnapshotDataset(str(tmp_path))
    dataset.save(_snapshot())
    _settle(tmp_path)
    first = dataset.load()
    first.matrix.loc[0, "market_data.close"] = 1.0
    first.matrix["more"] = 0
    second = SnapshotDataset(str(tmp_path)).load()
    assert second.content_hash == _snapshot().content_hash
    pd.testing.assert_frame_equal(second.matrix, _snapshot().matrix, check_dtype=False)


def test_a_snapshot_that_was_written_meanwhile_is_read(tmp_path: Path) -> None:
    dataset = SnapshotDataset(str(tmp_path))
    for close in (47.0, 46.0, 47.0):
        dataset.save(_snapshot(close))
        _settle(tmp_path)
        assert dataset.load().matrix["market_data.close"].tolist() == [close, 48.0]


def test_a_snapshot_that_was_changed_after_it_was_read_is_refused(tmp_path: Path) -> None:
    dataset = SnapshotDataset(str(tmp_path))
    dataset.save(_snapshot())
    _settle(tmp_path)
    dataset.load()
    (matrix,) = tmp_path.rglob(MATRIX_FILE)
    _snapshot(46.0).matrix.to_parquet(matrix, index=False)
    with pytest.raises(DatasetError, match="was changed after writing"):
        dataset.load()
    matrix.unlink()
    with pytest.raises(DatasetError, match=f"{MATRIX_FILE} is missing"):
        dataset.load()


def test_a_frame_that_was_right_is_checked_again_once_it_changed() -> None:
    days = pd.bdate_range("2020-01-01", periods=20, unit="us")
    frame = pd.DataFrame(
        {
            "fold": 0, "role": pd.Series(["train"] * 20, dtype="str"), "data_date": days,
            "weight": 1.0,
        }
    )  # fmt: skip
    check = FrameValidator("1w.sample_weights")
    for _ in range(2):
        check.validate(frame)
    frame.loc[3, "weight"] = -1.0
    for _ in range(2):
        with pytest.raises(ContractError, match="weight: not above 0"):
            check.validate(frame)


def _fail_after_a_freeze(counts: list[int]) -> None:
    with settled_objects():
        counts.append(gc.get_freeze_count())
        raise RuntimeError


@pytest.fixture
def thawed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No object is out of garbage collection, as in a process that starts."""
    monkeypatch.setattr(runner._Settled, "active", False)
    gc.unfreeze()
    yield
    gc.freeze()


@pytest.mark.usefixtures("thawed")
def test_objects_are_collected_again_after_a_run_that_failed() -> None:
    counts: list[int] = []
    with pytest.raises(RuntimeError):
        _fail_after_a_freeze(counts)
    assert counts[0] > 0
    assert gc.get_freeze_count() == 0


@pytest.mark.usefixtures("thawed")
def test_objects_that_the_caller_settled_stay_so() -> None:
    with settled_objects():
        before = gc.get_freeze_count()
        with settled_objects():
            assert gc.get_freeze_count() == before
        assert gc.get_freeze_count() == before
    assert gc.get_freeze_count() == 0
