"""What decides results beside data and parameters: code, libraries, machine."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Final

from soyoil.base import code
from soyoil.base.handover import text_hash

_DRIVER: Final = Path("/proc/driver/nvidia/version")
_VARIABLES: Final = ("CUDA_VISIBLE_DEVICES",)


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
            code.code_hash(),
            libraries(),
            sys.version,
            platform.platform(),
            driver,
            {name: os.environ.get(name) for name in _VARIABLES},
        ]
    )
