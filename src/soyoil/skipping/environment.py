"""What decides results beside data and parameters: code, libraries, machine."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
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
    files = sorted(
        path
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    )
    stats = [path.stat() for path in files]
    state = tuple(
        (str(path), stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        for path, stat in zip(files, stats, strict=True)
    )

    def read() -> str:
        digest = hashlib.sha256()
        for path in files:
            digest.update(f"{path.relative_to(package)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()

    return _codes.get(state, read)


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
