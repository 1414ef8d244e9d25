"""A log for machines: a file of JSON lines, each written whole, that is rotated by size."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from soyoil.base.redact import redact_values

MAX_BYTES: Final = 10_000_000
"""Size at which a file is put aside."""
KEPT: Final = 5
"""Files put aside that are kept; ``<name>.1`` is the newest."""


class JsonLog:
    """Lines of JSON, appended by any number of processes at a time.

    Parameters
    ----------
    path
        The file; it and its folder are made by the first line.
    max_bytes
        A line that would make the file larger goes into a new one.
    kept
        Files put aside that are kept.
    """

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES, kept: int = KEPT) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._kept = kept

    def check(self) -> None:
        """Open the file for writing.

        Raises
        ------
        OSError
            It cannot be.
        """
        with self._locked():
            pass

    def write(self, content: Mapping[str, Any]) -> None:
        """Append a line, without the secrets that its values hold.

        Parameters
        ----------
        content
            Plain data; numbers that are none (NaN, infinite) are refused.

        Raises
        ------
        OSError
            It cannot be written.
        ValueError
            It is no plain data.
        """
        shown = redact_values(content)
        line = json.dumps(shown, separators=(",", ":"), allow_nan=False).encode() + b"\n"
        with self._locked() as descriptor:
            size = os.fstat(descriptor).st_size
            if size and size + len(line) > self._max_bytes:
                self._rotate()
                with self._locked() as fresh:
                    _append(fresh, line)
            else:
                _append(descriptor, line)

    def _rotate(self) -> None:
        """Put the file aside, and the oldest away; whoever waits for its lock opens the new one."""
        names = [self.path, *(self._aside(n) for n in range(1, self._kept + 1))]
        for older, newer in reversed(list(zip(names[1:], names[:-1], strict=True))):
            if newer.exists():
                newer.replace(older)
        if not self._kept:
            self.path.unlink()

    def _aside(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    @contextmanager
    def _locked(self) -> Iterator[int]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            descriptor = os.open(self.path, flags, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                # Another process may have put the file aside meanwhile.
                if self._is_current(descriptor):
                    yield descriptor
                    return
            finally:
                os.close(descriptor)

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self.path.stat())
        except FileNotFoundError:
            return False


def _append(descriptor: int, line: bytes) -> None:
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        # A machine that lost power left half a line: it must not spoil this one.
        line = b"\n" + line
    while line:
        line = line[os.write(descriptor, line) :]
