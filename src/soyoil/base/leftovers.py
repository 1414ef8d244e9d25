"""Temporary files of this project, and the removal of those that killed processes left behind."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from soyoil.base.process import lives

logger = logging.getLogger(__name__)

UNFINISHED: Final = ".unfinished-"
"""Beginning of names in the data folder of what is still being written."""
SCRATCH: Final = "soyoil-scratch-"
_LOCK: Final = "lock"
_OWNER: Final = re.compile(rf"{re.escape(UNFINISHED)}(\d+)-")
# joblib's worker pools name theirs after the process that made them.
_SEMAPHORE: Final = re.compile(r"sem\.loky-(\d+)-")
_SEMAPHORES: Final = Path("/dev/shm")
# Threads of one process may make the same file at once.
_numbers: Final = itertools.count()


def unfinished(path: Path) -> Path:
    """Where something is written before it is moved to `path`, beside it; no name comes twice."""
    return path.with_name(f"{UNFINISHED}{os.getpid()}-{next(_numbers)}-{path.name}")


@contextmanager
def scratch() -> Iterator[Path]:
    """Empty folder outside the project, removed at the end.

    The kernel frees its lock however the process ends, so that the next start can tell a folder
    in use from one that a killed process left, in a container of its own as well.
    """
    folder = Path(tempfile.mkdtemp(prefix=SCRATCH))
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        files = folder / "files"
        files.mkdir()
        yield files
    finally:
        os.close(descriptor)
        shutil.rmtree(folder, ignore_errors=True)


def remove_unfinished(data: Path) -> int:
    """Remove what killed processes left in a data folder; returns how many.

    Parameters
    ----------
    data
        Data folder; its lock is held by the caller.
    """
    return _removed(abandoned_unfinished(data))


def abandoned_unfinished(folder: Path, *, deep: bool = True) -> list[Path]:
    """What killed processes left unfinished in a folder, and below it if `deep`."""
    pattern = f"{UNFINISHED}*"
    found = folder.rglob(pattern) if deep else folder.glob(pattern)
    owners = ((path, _OWNER.match(path.name)) for path in found)
    return [path for path, owner in owners if owner and not lives(int(owner[1]))]


def abandoned_scratch() -> list[Path]:
    """Scratch folders of killed processes."""
    return [f for f in Path(tempfile.gettempdir()).glob(f"{SCRATCH}*") if _is_abandoned(f)]


def remove_scratch() -> int:
    """Remove the scratch folders and semaphores of killed processes; returns how many."""
    dead = abandoned_scratch()
    semaphores = _SEMAPHORES.glob("sem.loky-*") if _SEMAPHORES.is_dir() else ()
    for path in semaphores:
        owner = _SEMAPHORE.match(path.name)
        if owner and not lives(int(owner[1])) and path.stat().st_uid == os.getuid():
            dead.append(path)
    return _removed(dead)


def _is_abandoned(folder: Path) -> bool:
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False  # another user's, or made this very moment
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)


def _removed(paths: list[Path]) -> int:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink()
        logger.info("removed %s, left by a process that was killed", path)
    return len(paths)
