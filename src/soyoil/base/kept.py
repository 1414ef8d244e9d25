"""Results that are kept within a process, and when a file is still the one that was read."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Final, Generic, TypeVar

T = TypeVar("T")

SETTLED_NS: Final = 1_000_000_000
"""Age of a file's last change from which its times tell a further change apart, ns."""


class Kept(Generic[T]):
    """The last results of something that is asked for again and again.

    Parameters
    ----------
    size
        Number of results that are kept; those not asked for longest go first.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._found: dict[Hashable, T] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The result under a key, made if it is not there.

        Parameters
        ----------
        key
            Everything that decides the result.
        make
            Makes it; what it raises comes through, and nothing is kept.
        """
        try:
            value = self._found.pop(key)
        except KeyError:
            value = make()
        self._found[key] = value
        while len(self._found) > self._size:
            self._found.pop(next(iter(self._found)), None)
        return value


def file_state(*paths: Path) -> tuple[tuple[str, int, int, int], ...] | None:
    """Names, inodes, sizes and times of files: equal as long as nobody wrote to them.

    Returns
    -------
    tuple or None
        None if a file is missing, or was changed so lately that a further change might leave the
        same time.
    """
    try:
        stats = [path.stat() for path in paths]
    except OSError:
        return None
    if max(stat.st_mtime_ns for stat in stats) > time.time_ns() - SETTLED_NS:
        return None
    return tuple(
        (str(path), stat.st_ino, stat.st_size, stat.st_mtime_ns)
        for path, stat in zip(paths, stats, strict=True)
    )
