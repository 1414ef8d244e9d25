"""What of this installation decides the numbers of an engine."""

from __future__ import annotations

import hashlib
import sys
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from soyoil import __version__
from soyoil.models.engines import ENGINES

_MODELS = Path(__file__).resolve().parents[1]


@lru_cache(maxsize=1)
def code_hash() -> str:
    """Hash of the modules that turn rows into forecasts, those of sub-packages among them."""
    digest = hashlib.sha256()
    for path in sorted(_MODELS.rglob("*.py")):
        digest.update(path.relative_to(_MODELS).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def library_versions(engine: str) -> dict[str, str]:
    """Versions of NumPy and of the engine's distributions, those that are installed."""
    found = {}
    for name in ("numpy", *ENGINES[engine].distributions):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def installation(engine: str) -> dict[str, str]:
    """What must be equal on every machine that fits a part of one run."""
    return {
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "soyoil": __version__,
        "code of soyoil.models": code_hash()[:12],
        **library_versions(engine),
    }
