"""Several files and folders replaced together: all of them, or none.

Each is renamed away and its successor renamed into its place. A journal that is on disk before
the first rename says how to go back; whoever finds it goes back first.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from soyoil.base.errors import SoyoilError
from soyoil.base.leftovers import abandoned_unfinished, unfinished
from soyoil.base.process import lives
from soyoil.upkeep.files import remove, sync_folder

if TYPE_CHECKING:
    from soyoil.upkeep.places import Places

JOURNAL: Final = ".restore.json"
"""In the data folder, while files are being replaced."""
REPLACED: Final = ".replaced-"
_OWNER: Final = re.compile(rf"{re.escape(REPLACED)}(\d+)-")
_numbers: Final = itertools.count()


@dataclass(frozen=True)
class Change:
    """What takes the place of a file or folder.

    Attributes
    ----------
    target
        What is replaced; it need not be there.
    stage
        Its successor, beside it; None if it has none and only goes.
    """

    target: Path
    stage: Path | None


@dataclass(frozen=True)
class _Step:
    target: str
    stage: str | None
    aside: str
    existed: bool


def _there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _aside(path: Path) -> Path:
    return path.with_name(f"{REPLACED}{os.getpid()}-{next(_numbers)}-{path.name}")


def swap(changes: Sequence[Change], data: Path) -> None:
    """Make changes, all or none.

    Parameters
    ----------
    changes
        Successors stand beside what they replace.
    data
        Data folder; its lock is held by the caller.
    """
    steps = [
        _Step(
            str(change.target),
            None if change.stage is None else str(change.stage),
            str(_aside(change.target)),
            _there(change.target),
        )
        for change in changes
    ]
    _write_journal(data / JOURNAL, steps)
    try:
        for step in steps:
            if step.existed:
                Path(step.target).rename(step.aside)
            if step.stage is not None:
                Path(step.stage).rename(step.target)
        for folder in {Path(step.target).parent for step in steps}:
            sync_folder(folder)
    except BaseException:
        undo_broken_restore(data)
        raise
    # From here on the new state is the one that counts.
    (data / JOURNAL).unlink()
    sync_folder(data)
    for step in steps:
        remove(Path(step.aside))


def _write_journal(path: Path, steps: Sequence[_Step]) -> None:
    draft = unfinished(path)
    with draft.open("w", encoding="utf-8") as out:
        json.dump([asdict(step) for step in steps], out)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def undo_broken_restore(data: Path) -> bool:
    """Put back what a restore had replaced when it was broken off.

    Parameters
    ----------
    data
        Data folder; its lock is held by the caller.

    Returns
    -------
    bool
        Whether there was anything to put back.

    Raises
    ------
    SoyoilError
        The journal cannot be read.
    """
    journal = data / JOURNAL
    if not journal.exists():
        return False
    try:
        steps = [_Step(**step) for step in json.loads(journal.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError) as error:
        raise SoyoilError(
            f"A restore was broken off, and its journal {journal} cannot be read ({error}). What "
            f"it replaced stands beside its place under {REPLACED}*: rename it back, then remove "
            "the journal."
        ) from error
    for step in reversed(steps):
        target, aside = Path(step.target), Path(step.aside)
        if _there(aside):
            remove(target)
            aside.rename(target)
        elif not step.existed and step.stage is not None and not _there(Path(step.stage)):
            remove(target)
        if step.stage is not None:
            remove(Path(step.stage))
    journal.unlink()
    sync_folder(data)
    return True


def _beside(places: Places) -> set[Path]:
    """Folders in which a restore puts things beside others."""
    files = [places.artifacts, *(file.path for file in places.warehouse)]
    files += [places.store] if places.store is not None else []
    return {places.root, places.data, *(path.parent for path in files)}


def replaced_files(places: Places) -> list[Path]:
    """What restores that were killed left beside its place, and nobody needs.

    What stands in the data folder under the names of `soyoil.base.leftovers` is not among it.
    """
    if (places.data / JOURNAL).exists():
        return []
    found: list[Path] = []
    for folder in sorted(folder for folder in _beside(places) if folder.is_dir()):
        owners = ((path, _OWNER.match(path.name)) for path in folder.glob(f"{REPLACED}*"))
        found += [path for path, owner in owners if owner and not lives(int(owner[1]))]
        if not folder.is_relative_to(places.data):
            found += abandoned_unfinished(folder, deep=False)
    return found
