"""Arrays that workers of one machine share by mapping them into memory."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from soyoil.models.base import HorizonArrays

ARRAYS: Final = ("X", "y", "scale", "dates")


def save_arrays(arrays: HorizonArrays, folder: Path) -> None:
    """Write arrays where workers map them into memory."""
    for name in ARRAYS:
        np.save(folder / f"{name}.npy", getattr(arrays, name))
    (folder / "features.txt").write_text("\n".join(arrays.feature_names))


@lru_cache(maxsize=1)
def load_arrays(folder: Path) -> HorizonArrays:
    """Map arrays that `save_arrays` wrote; read-only, shared by all workers."""
    mapped = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ARRAYS}
    names = tuple((folder / "features.txt").read_text().split("\n"))
    return HorizonArrays(feature_names=names, **mapped)
