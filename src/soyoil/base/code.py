"""What soyoil's own code is, as a hash: results are of the code that made them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from soyoil.base.kept import Kept

PACKAGE: Final = Path(__file__).resolve().parents[1]

_codes: Final[Kept[str]] = Kept(4)


def code_hash(package: Path = PACKAGE) -> str:
    """SHA-256 (hex) of every file of a package: code, contracts and tables that come with it.

    Files are read again only where one has changed.

    Parameters
    ----------
    package
        Folder of the package; sub-packages are part of it.
    """
    found = sorted(_files(str(package)))

    def read() -> str:
        digest = hashlib.sha256()
        for path in (Path(name) for name, _ in found):
            digest.update(f"{path.relative_to(package)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()

    return _codes.get(tuple(found), read)


def _files(folder: str) -> Iterator[tuple[str, tuple[int, int, int, int]]]:
    """Files below a folder with what changes when they do."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name == "__pycache__" or entry.name.startswith("."):
                continue
            if entry.is_dir():
                yield from _files(entry.path)
            else:
                stat = entry.stat()
                state = (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
                yield entry.path, state
