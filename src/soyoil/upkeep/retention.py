"""What may go: old snapshots that nothing uses, cached forecasts, artifacts of failed runs."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from soyoil.base.errors import SoyoilError
from soyoil.base.leftovers import UNFINISHED, abandoned_unfinished, unfinished
from soyoil.splits.snapshot import MANIFEST_FILE, POINTER_FILE
from soyoil.upkeep.files import remove, size_of
from soyoil.upkeep.places import LEDGERS, MODELS, PANEL, SNAPSHOTS, Places
from soyoil.upkeep.swap import JOURNAL, REPLACED, replaced_files

_DAY_S: Final = 86_400.0
_MODEL_FILES: Final = ("model.json", "final.json")


@dataclass(frozen=True)
class Keep:
    """What stays.

    Attributes
    ----------
    days
        Nothing goes that was made in so many days.
    last
        So many snapshots stay, the newest, however old.
    """

    days: int
    last: int


@dataclass(frozen=True)
class Spent:
    """Something that may go.

    Attributes
    ----------
    path
        File or folder.
    what
        What it is, in words.
    size
        Bytes.
    age_days
        Days since it was made.
    """

    path: Path
    what: str
    size: int
    age_days: float


@dataclass(frozen=True)
class Tracked:
    """What the tracking store says of snapshots and artifacts.

    Attributes
    ----------
    snapshots
        Content hashes of the snapshots of registered models, whatever their alias.
    artifacts
        Artifact folders of runs that failed, were killed or are deleted, with the end of the run
        (seconds since the epoch); none that a registered model names.
    """

    snapshots: Collection[str] = ()
    artifacts: Sequence[tuple[Path, float]] = ()


def find_spent(places: Places, keep: Keep, tracked: Tracked, now: dt.datetime) -> list[Spent]:
    """What may go, largest kinds first; nothing is removed.

    Snapshots stay that are current, that a registered or a kept model was fitted on, and the
    newest. Books of trials, warehouse, tracking store and finished runs are never among it.

    Raises
    ------
    SoyoilError
        Which snapshot is current, or which a model was fitted on, cannot be read.
    """
    moment = now.timestamp()
    found = [
        *_snapshots(places, keep, tracked, moment),
        *_cached(places, keep, moment),
        *_artifacts(places, keep, tracked, moment),
        *_leftovers(places, moment),
    ]
    ledgers = [places.data / ledger for ledger in LEDGERS]
    return [s for s in found if not any(book.is_relative_to(s.path) for book in ledgers)]


def _spent(path: Path, what: str, made: float, moment: float) -> Spent:
    return Spent(path, what, size_of(path), (moment - made) / _DAY_S)


def _is_old(made: float, keep: Keep, moment: float) -> bool:
    return moment - made > keep.days * _DAY_S


def _current(folder: Path) -> str | None:
    """Name of the current snapshot; None if there is none."""
    pointer = folder / POINTER_FILE
    if not pointer.exists():
        return None
    try:
        return str(json.loads(pointer.read_text(encoding="utf-8"))["snapshot"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SoyoilError(
            f"{pointer} cannot be read, so nobody knows which snapshot is the current one. Run "
            "`kedro run --pipeline=split` first. Nothing was removed."
        ) from error


def _of_models(folder: Path) -> set[str]:
    """Hashes of the snapshots that kept models were fitted on."""
    found = set()
    for path in (p for name in _MODEL_FILES for p in folder.rglob(name)):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            found.add(str(content["snapshot"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SoyoilError(
                f"{path} cannot be read, so nobody knows which snapshot its model was fitted on. "
                "Run `kedro run --pipeline=fit` first. Nothing was removed."
            ) from error
    return found


def _snapshots(places: Places, keep: Keep, tracked: Tracked, moment: float) -> Iterator[Spent]:
    folder = places.data / SNAPSHOTS
    made = {
        path.parent: path.stat().st_mtime
        for path in folder.glob(f"*/{MANIFEST_FILE}")
        if not path.parent.name.startswith(UNFINISHED)
    }
    if not made:
        return
    used = {*tracked.snapshots, *_of_models(places.data / MODELS)}
    newest = sorted(made, key=lambda path: made[path], reverse=True)[: keep.last]
    current = _current(folder)
    for path in sorted(made):
        is_used = path.name == current or any(name.startswith(path.name) for name in used)
        if not is_used and path not in newest and _is_old(made[path], keep, moment):
            yield _spent(path, "snapshot", made[path], moment)


def _cached(places: Places, keep: Keep, moment: float) -> Iterator[Spent]:
    folder = places.data / PANEL
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        made = path.lstat().st_mtime
        if path.is_file() and UNFINISHED not in path.name and _is_old(made, keep, moment):
            yield _spent(path, "panel forecast, made anew when needed", made, moment)


def _artifacts(places: Places, keep: Keep, tracked: Tracked, moment: float) -> Iterator[Spent]:
    below = places.artifacts.resolve()
    for path, ended in tracked.artifacts:
        own = path.resolve().is_relative_to(below) and path.resolve() != below
        if own and path.is_dir() and _is_old(ended, keep, moment):
            yield _spent(path, "artifacts of a failed or deleted run", ended, moment)


def _leftovers(places: Places, moment: float) -> Iterator[Spent]:
    # A journal needs what stands beside.
    if not places.data.is_dir() or (places.data / JOURNAL).exists():
        return
    for path in [*abandoned_unfinished(places.data), *replaced_files(places)]:
        yield _spent(path, "left by a killed process", path.lstat().st_mtime, moment)


def remove_spent(spent: Sequence[Spent]) -> int:
    """Remove what was found, each whole: it is renamed first, so that no half of it is used.

    The caller holds the lock of the data folder.

    Returns
    -------
    int
        Bytes that were freed.
    """
    freed = 0
    for item in spent:
        if not item.path.exists():
            continue
        gone = item.path
        if not gone.name.startswith((UNFINISHED, REPLACED)):
            gone = item.path.rename(unfinished(item.path))
        remove(gone)
        freed += item.size
    return freed
