"""Append-only files of JSON lines, each with a checksum.

What must never be changed or lost afterwards, such as how often one has looked at the same rows,
is written a line at a time: locked, whole, and on disk before the caller goes on.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

logger = logging.getLogger(__name__)


def with_checksum(content: Mapping[str, Any]) -> bytes:
    """Content as one line of JSON that ends with a checksum of what stands before it."""
    return _closed(json.dumps(content, separators=(",", ":")).encode()[:-1])


def _closed(text: bytes) -> bytes:
    return text + b',"crc32":"%08x"}\n' % zlib.crc32(text)


_CHECKSUM_LENGTH: Final = len(_closed(b""))


def damage(line: bytes, schema: int) -> str | None:
    """What is wrong with a line; None if nothing is.

    Parameters
    ----------
    line
        With its end.
    schema
        The newest one known: a line of a later one is for its reader to refuse, and one of an
        earlier one may have no checksum.
    """
    if not line.strip():
        return "it is blank"
    text = line[:-_CHECKSUM_LENGTH]
    if _closed(text) == line:
        return None
    try:
        found = json.loads(line)["schema"]
    except (ValueError, KeyError, TypeError):
        return "it is not whole"
    is_older = found != schema and b'"crc32":' not in line
    return None if is_older or found > schema else "its checksum does not fit"


class CheckedLines:
    """One file of lines.

    Parameters
    ----------
    path
        The file; it and its folder are made by the first append.
    schema
        Schema of the lines that this version writes.
    what
        What a line is, for messages.
    """

    def __init__(self, path: Path, schema: int, what: str) -> None:
        self.path = path
        self._schema = schema
        self._what = what
        self._reported: set[int] = set()

    @contextmanager
    def _locked(self) -> Iterator[int]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Readable as well: the last byte and the keys are looked up under the same lock.
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)

    def append(self, line: bytes) -> None:
        """Write a line and wait until it is on disk."""
        with self._locked() as descriptor:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                # A machine that lost power left half a line; it is skipped when read.
                line = b"\n" + line
            while line:
                line = line[os.write(descriptor, line) :]
            os.fsync(descriptor)

    def lines(self, words: Sequence[str], start: int = 0) -> Iterator[tuple[int, bytes]]:
        """End and text of the whole lines that hold one of some words; the text of others is empty.

        Damaged lines are told of, once, and have no text.
        """
        if not self.path.exists():
            return
        wanted = [word.encode() for word in words]
        with self.path.open("rb") as file:
            file.seek(start)
            end = start
            for line in file:
                if not line.endswith(b"\n"):
                    return
                problem = damage(line, self._schema)
                if problem is not None:
                    self._report(end, problem)
                end += len(line)
                is_wanted = problem is None and any(word in line for word in wanted)
                yield end, line if is_wanted else b""

    def _report(self, start: int, problem: str) -> None:
        """Tell of a damaged line, once."""
        if start in self._reported:
            return
        self._reported.add(start)
        with self.path.open("rb") as file:
            number = file.read(start).count(b"\n") + 1
        logger.warning(
            "%s, line %d: %s. That %s is not counted; all other lines are kept. Restore the "
            "file from a backup to count it",
            self.path,
            number,
            problem,
            self._what,
        )
