"""What of this installation decides the numbers of an engine."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from soyoil import __version__
from soyoil.base.code import code_hash
from soyoil.models.engines import ENGINES

_MODELS = Path(__file__).resolve().parents[1]


def models_hash() -> str:
    """Hash of the modules that turn rows into forecasts, those of sub-packages among them."""
    return code_hash(_MODELS)


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
        "code of soyoil.models": models_hash()[:12],
        **library_versions(engine),
    }
