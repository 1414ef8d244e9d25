"""Files copied with their hash, and whole folders of them."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from soyoil.base.errors import SoyoilError
from soyoil.base.leftovers import UNFINISHED

BLOCK: Final = 2**20
SMALL: Final = 2**20
SPARE: Final = 1.05
"""Room that a copy needs, as a share of its size."""


@dataclass(frozen=True)
class Entry:
    """One file of a backup.

    Attributes
    ----------
    path
        Below the backup's folder, parts separated by ``/``.
    sha256
        Of its content, in hexadecimal digits.
    size
        Bytes.
    """

    path: str
    sha256: str
    size: int


def copy_stream(source: IO[bytes], target: Path) -> tuple[str, int]:
    """Write what a stream holds to a new file.

    Large files are on disk afterwards. Small ones, of which there may be ten thousand, are left to
    the system: should it lose power, the backup is still there, and its hashes tell.

    Returns
    -------
    tuple
        SHA-256 and size of what was written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with target.open("xb") as out:
        while block := source.read(BLOCK):
            digest.update(block)
            size += len(block)
            out.write(block)
        if size > SMALL:
            out.flush()
            os.fsync(out.fileno())
    return digest.hexdigest(), size


def copy_file(source: Path, target: Path) -> tuple[str, int]:
    """Copy a file with its time, by which its age is told; see `copy_stream`."""
    with source.open("rb") as stream:
        copied = copy_stream(stream, target)
    times = source.stat()
    os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))
    return copied


def hash_file(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def files_below(folder: Path) -> Iterator[Path]:
    """Files below a folder by name, unfinished ones left out.

    Raises
    ------
    SoyoilError
        A folder in it is a link: whether its content belongs here cannot be known.
    """
    if not folder.is_dir():
        return
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(UNFINISHED))
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        if links:
            raise SoyoilError(
                f"{Path(place) / links[0]} is a link to another folder, which a backup would "
                "either lose or copy without end. Move the folder itself there."
            )
        for name in sorted(names):
            if not name.startswith(UNFINISHED) and (Path(place) / name).is_file():
                yield Path(place) / name


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    if not path.is_dir() or path.is_symlink():
        return path.lstat().st_size if path.exists() or path.is_symlink() else 0
    return sum(found.lstat().st_size for found in path.rglob("*") if not found.is_dir())


def check_room(folder: Path, needed: int, what: str) -> None:
    """Refuse what would fill the disk.

    Raises
    ------
    SoyoilError
        Naming what is needed and what there is.
    """
    place = next(p for p in (folder, *folder.parents) if p.exists())
    free = shutil.disk_usage(place).free
    if needed * SPARE > free:
        raise SoyoilError(
            f"{what} needs {needed / 2**20:,.0f} MiB at {folder}, and {free / 2**20:,.0f} MiB are "
            "free. Make room, or name another disk. Nothing was written."
        )


def remove(path: Path) -> None:
    """Remove a file, a link or a folder; nothing if it is not there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
