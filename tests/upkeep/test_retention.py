"""What may go, and above all what may not."""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path

import pytest
from upkeep_project import places_of

from soyoil.base.errors import SoyoilError
from soyoil.upkeep.places import LEDGERS, SNAPSHOTS, Places
from soyoil.upkeep.retention import Keep, Tracked, find_spent, remove_spent
from soyoil.upkeep.swap import JOURNAL

NOW = dt.datetime(2024, 5, 31, tzinfo=dt.UTC)
DEAD = 2**22 + 1
"""No process has such a number: the kernel's own limit is 2**22."""


def aged(path: Path, days: float) -> None:
    moment = NOW.timestamp() - days * 86_400
    os.utime(path, (moment, moment))


def snapshot(places: Places, name: str, days: float) -> Path:
    folder = places.data / SNAPSHOTS / name
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    (folder / "matrix.parquet").write_bytes(b"x" * 100)
    aged(folder / "manifest.json", days)
    return folder


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Snapshots of 100 to 800 days: one current, two of models, three newest, two without use."""
    places = places_of(tmp_path)
    for number, letter in enumerate("abcdefgh", start=1):
        snapshot(places, letter * 16, 100 * number)
    (places.data / SNAPSHOTS / "current.json").write_text(json.dumps({"snapshot": "d" * 16}))
    served = places.data / "06_models/1m/served/model.json"
    served.parent.mkdir(parents=True)
    served.write_text(json.dumps({"snapshot": "e" * 64}))
    for ledger in LEDGERS:
        (places.data / ledger).parent.mkdir(parents=True)
        (places.data / ledger).write_text("a trial\n")
        aged(places.data / ledger, 900)
    return places


def names(places: Places, keep: Keep, tracked: Tracked | None = None) -> list[str]:
    tracked = Tracked(snapshots={"f" * 64}) if tracked is None else tracked
    return [item.path.name for item in find_spent(places, keep, tracked, NOW)]


def test_only_what_is_old_and_not_used_may_go(places: Places) -> None:
    assert names(places, Keep(days=90, last=3)) == ["g" * 16, "h" * 16]
    assert names(places, Keep(days=90, last=1)) == [c * 16 for c in "bcgh"]
    assert names(places, Keep(days=750, last=0)) == ["h" * 16]
    assert names(places, Keep(days=0, last=0)) == [c * 16 for c in "abcgh"]
    assert names(places, Keep(days=0, last=0), Tracked()) == [c * 16 for c in "abcfgh"]


def test_without_the_pointer_or_a_model_nothing_goes(places: Places) -> None:
    pointer = places.data / SNAPSHOTS / "current.json"
    pointer.write_text("{")
    with pytest.raises(SoyoilError, match="which snapshot is the current one"):
        names(places, Keep(90, 3))
    pointer.write_text(json.dumps({"snapshot": "d" * 16}))
    (places.data / "06_models/1m/served/model.json").write_text("{}")
    with pytest.raises(SoyoilError, match="which snapshot its model was fitted on"):
        names(places, Keep(90, 3))


def test_artifacts_and_caches_by_their_age(places: Places, tmp_path: Path) -> None:
    cached = places.data / "07_model_output/panel/one.parquet"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"x")
    aged(cached, 100)
    folders = {name: places.artifacts / name / "artifacts" for name in ("old", "new")}
    far = tmp_path.parent / f"{tmp_path.name}-far"
    for path in (*folders.values(), far):
        path.mkdir(parents=True)
    now = NOW.timestamp()
    tracked = Tracked(
        {"f" * 64},
        [
            (folders["old"], now - 100 * 86_400),
            (folders["new"], now - 10 * 86_400),
            # No folder of this project's, and all of it.
            (far, 0.0),
            (places.artifacts, 0.0),
        ],
    )
    found = find_spent(places, Keep(90, 8), tracked, NOW)
    assert [item.path for item in found] == [cached, folders["old"]]
    assert not find_spent(places, Keep(120, 8), tracked, NOW)


def test_what_is_removed_is_removed_whole_and_nothing_else(places: Places) -> None:
    left = places.data / SNAPSHOTS / f".unfinished-{DEAD}-0-half"
    left.mkdir()
    living = places.data / f".unfinished-{os.getpid()}-0-mine"
    living.write_text("mine")
    found = find_spent(places, Keep(90, 3), Tracked({"f" * 64}), NOW)
    assert remove_spent(found) == 2 * 102
    there = sorted(p.name for p in (places.data / SNAPSHOTS).iterdir() if p.is_dir())
    assert there == [c * 16 for c in "abcdef"]
    assert living.exists()
    assert all((places.data / ledger).exists() for ledger in LEDGERS)


def test_what_a_broken_restore_needs_stays(places: Places) -> None:
    aside = places.root / f".replaced-{DEAD}-0-mlflow.db"
    aside.write_text("the old store")
    (places.data / JOURNAL).write_text("[]")
    assert names(places, Keep(9_000, 0)) == []
    (places.data / JOURNAL).unlink()
    assert names(places, Keep(9_000, 0)) == [aside.name]
