"""What decides results beside data and parameters: code, libraries, machine."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import soyoil
from soyoil.base.handover import text_hash
from soyoil.base.kept import Kept

_PACKAGE: Final = Path(soyoil.__file__).parent
_DRIVER: Final = Path("/proc/driver/nvidia/version")
_VARIABLES: Final = ("CUDA_VISIBLE_DEVICES",)

_codes: Kept[str] = Kept(1)


def code_hash(package: Path = _PACKAGE) -> str:
    """SHA-256 (hex) of every file of the package: code, contracts and tables that come with it."""
    found = sorted(_files(str(package)))

    def read() -> str:
        digest = hashlib.sha256()
        for path in (Path(name) for name, _ in found):
            digest.update(f"{path.relative_to(package)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()

    return _codes.get(tuple(found), read)


def _files(folder: str) -> Iterator[tuple[str, tuple[int, int, int, int]]]:
    """Files below a folder with what changes when they do; asked for after each part of a run."""
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


def libraries() -> list[str]:
    """Every installed distribution with its version, as the names of their folders tell."""
    found: set[str] = set()
    for entry in map(Path, sys.path):
        if entry.is_dir():
            found.update(path.name for path in entry.glob("*.dist-info"))
    return sorted(found)


def environment_hash() -> str:
    """SHA-256 (hex) of code, libraries, interpreter, machine and GPU driver."""
    driver = _DRIVER.read_text() if _DRIVER.is_file() else ""
    return text_hash(
        [
            code_hash(),
            libraries(),
            sys.version,
            platform.platform(),
            driver,
            {name: os.environ.get(name) for name in _VARIABLES},
        ]
    )
