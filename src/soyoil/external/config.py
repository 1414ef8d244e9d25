"""Which outside sources are on, and where their files lie."""

from __future__ import annotations

from typing import Final, Self

from pydantic import field_validator, model_validator

from soyoil.base.config import Config
from soyoil.base.suggest import did_you_mean
from soyoil.external.releases import NEVER, SERIES_RULES


class FileSourceConfig(Config):
    """A source that is read from files.

    Attributes
    ----------
    path
        File or folder; None turns the source off, and its features are NULL.
    required
        Whether a source that cannot be read fails the run. Otherwise the run warns and uses what
        the warehouse holds.
    """

    path: str | None = None
    required: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.required and self.path is None:
            raise ValueError("required: true needs a path")
        return self


class FredConfig(FileSourceConfig):
    """FRED series, one CSV each.

    Attributes
    ----------
    series
        Series to load; each needs a rule that says when its values are known.
    """

    series: tuple[str, ...] = ("DGS2", "DGS10", "DTWEXBGS", "CPIAUCSL", "VIXCLS")

    @field_validator("series", mode="before")
    @classmethod
    def _split_series(cls, value: object) -> object:
        # `--params=external.fred.series=DGS2+DGS10`: Kedro's own list separator.
        return tuple(value.split("+")) if isinstance(value, str) else value

    @field_validator("series")
    @classmethod
    def _check_series(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name in NEVER:
                raise ValueError(f"{name} can never be used: {NEVER[name]}")
            if name not in SERIES_RULES:
                raise ValueError(
                    f"no release rule for the series {name!r}.{did_you_mean(name, SERIES_RULES)} "
                    "Add one to SERIES_RULES in soyoil/external/releases.py"
                )
        return value


class ExternalConfig(Config):
    """Every outside source; see `soyoil.external.registry`.

    Attributes
    ----------
    cftc
        Commitments of Traders: the CSV file of the legacy report, futures only.
    fred
        A folder of FRED's CSV files.
    usda
        WASDE: a Parquet file of all its releases.
    """

    cftc: FileSourceConfig = FileSourceConfig()
    fred: FredConfig = FredConfig()
    usda: FileSourceConfig = FileSourceConfig()

    def of(self, source: str) -> FileSourceConfig:
        """Section of one source."""
        found: FileSourceConfig = getattr(self, source)
        return found

    def on(self) -> tuple[str, ...]:
        """Sources that are on."""
        return tuple(name for name in type(self).model_fields if self.is_on(name))

    def is_on(self, source: str) -> bool:
        """Whether a source is on."""
        return self.of(source).path is not None


ALL_OFF: Final = ExternalConfig()
"""A run without outside sources."""
