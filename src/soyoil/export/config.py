"""Parameters of the export."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from soyoil.base.config import Config
from soyoil.targets.horizons import HORIZONS


class ExportConfig(Config):
    """What is exported, and where to.

    Attributes
    ----------
    path
        Folder, relative to the data folder, or a URI of one that fsspec knows, such as
        ``gs://bucket/folder``; the files of an export replace those of the one before.
    format
        ``parquet`` or ``csv``.
    horizon
        Name of a horizon, several joined by ``+``, or ``all``.
    """

    path: str = Field(default="10_export", min_length=1)
    format: Literal["parquet", "csv"] = "parquet"
    horizon: str = "all"

    @field_validator("horizon")
    @classmethod
    def _known(cls, value: str) -> str:
        unknown = [name for name in value.split("+") if name not in HORIZONS]
        if value != "all" and unknown:
            raise ValueError(
                f"no horizon {unknown[0]!r}; known: {', '.join(HORIZONS)}, joined by +, or all"
            )
        return value

    @property
    def horizons(self) -> tuple[str, ...]:
        """Names of the horizons, shortest first."""
        chosen = HORIZONS if self.horizon == "all" else self.horizon.split("+")
        return tuple(name for name in HORIZONS if name in chosen)
