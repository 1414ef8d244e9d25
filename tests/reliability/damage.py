"""Damage that a disk, a network or a spreadsheet does to a vendor's file, as named cases."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import zstandard

Writer = Callable[[Path], None]


@dataclass(frozen=True)
class Damage:
    """One damaged input.

    Attributes
    ----------
    name
        What was done.
    write
        Puts the input into a folder.
    """

    name: str
    write: Writer


def zstd(content: bytes) -> bytes:
    """Compressed as the vendor does it, with a checksum in every frame."""
    return zstandard.ZstdCompressor(write_checksum=True).compress(content)


def _file(name: str, content: bytes) -> Writer:
    def write(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return write


def _lines(content: bytes) -> list[bytes]:
    return content.splitlines(keepends=True)


def cut(suffix: str, content: bytes, count: int) -> Iterator[Damage]:
    """The file ends early, at `count` places spread over it."""
    for i, at in enumerate(np.linspace(1, len(content) - 2, count).astype(int)):
        yield Damage(f"{suffix} cut {i}", _file(f"bars{suffix}", content[:at]))


def garbled(suffix: str, content: bytes, count: int, seed: int) -> Iterator[Damage]:
    """A byte is replaced by one that no text holds, at random places."""
    rng = np.random.default_rng(seed)
    for i, at in enumerate(np.sort(rng.integers(0, len(content), count))):
        broken = content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]
        yield Damage(f"{suffix} byte {i}", _file(f"bars{suffix}", broken))


def zeroed(suffix: str, content: bytes, count: int, seed: int) -> Iterator[Damage]:
    """A block of 512 bytes is zero, as a crashed disk leaves it."""
    rng = np.random.default_rng(seed)
    for i, at in enumerate(rng.integers(0, max(1, len(content) - 512), count)):
        broken = content[:at] + bytes(512) + content[at + 512 :]
        yield Damage(f"{suffix} block {i}", _file(f"bars{suffix}", broken))


def reordered(content: bytes, seed: int) -> Iterator[Damage]:
    """Lines of a CSV that come twice, in another order, or not at all."""
    head, *rows = _lines(content)
    rng = np.random.default_rng(seed)
    shuffled = [rows[i] for i in rng.permutation(len(rows))]
    yield Damage(".csv rows shuffled", _file("bars.csv", head + b"".join(shuffled)))
    yield Damage(".csv rows twice", _file("bars.csv", head + b"".join(rows + rows)))
    yield Damage(".csv header twice", _file("bars.csv", head + head + b"".join(rows)))
    yield Damage(".csv header in the middle", _file("bars.csv", head + b"".join(rows[:50]) + head
                                                    + b"".join(rows[50:])))  # fmt: skip
    yield Damage(".csv no header", _file("bars.csv", b"".join(rows)))
    yield Damage(".csv two files glued", _file("bars.csv", content + content[len(head) :]))


def all_damage(content: bytes) -> list[Damage]:
    """Every case, from one sound CSV file."""
    packed, squeezed = zstd(content), gzip.compress(content, mtime=0)
    return [
        *cut(".csv", content, 12),
        *cut(".csv.zst", packed, 12),
        *cut(".csv.gz", squeezed, 12),
        *garbled(".csv", content, 12, 1),
        *garbled(".csv.zst", packed, 12, 2),
        *garbled(".csv.gz", squeezed, 12, 3),
        *zeroed(".csv", content, 6, 4),
        *zeroed(".csv.zst", packed, 6, 5),
        *zeroed(".csv.gz", squeezed, 6, 6),
        *reordered(content, 7),
    ]
