"""Which outside sources are on, and where their files lie."""

from __future__ import annotations

from typing import Final, Literal, Self

from pydantic import field_validator, model_validator

from soyoil.base.config import Config
from soyoil.base.suggest import did_you_mean
from soyoil.external.releases import NEVER, SERIES_RULES

Origin = Literal["files", "api", "synthetic"]


class OutsideSection(Config):
    """What every outside source is told.

    Attributes
    ----------
    origin
        ``files``: what lies at `path`. ``api``: the publisher's own service. ``synthetic``: the
        twin that belongs to the synthetic market.
    path
        File or folder; with ``files``, None turns the source off, and its features are NULL.
    required
        Whether a source that cannot be read fails the run. Otherwise the run warns and uses what
        the warehouse holds.
    """

    origin: Origin = "files"
    path: str | None = None
    required: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.required and not self.is_on:
            raise ValueError("required: true needs a path, or another origin than files")
        if self.path is not None and self.origin != "files":
            raise ValueError(f"origin: {self.origin} reads no path; leave one of the two out")
        return self

    @property
    def is_on(self) -> bool:
        """Whether the source is used at all."""
        return self.path is not None or self.origin != "files"


class FredConfig(OutsideSection):
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
    palm
        Palm oil: the Pink Sheet or daily prices, a CSV file or a folder of both.
    policy
        Policy events or daily fields: a CSV or Parquet file, or a folder of them.
    usda
        WASDE: a Parquet file of all its releases.
    volatility
        Implied volatility: a CSV file or a folder of them.
    """

    cftc: OutsideSection = OutsideSection()
    fred: FredConfig = FredConfig()
    palm: OutsideSection = OutsideSection()
    policy: OutsideSection = OutsideSection()
    usda: OutsideSection = OutsideSection()
    volatility: OutsideSection = OutsideSection()

    def of(self, source: str) -> OutsideSection:
        """Section of one source."""
        found: OutsideSection = getattr(self, source)
        return found

    def on(self) -> tuple[str, ...]:
        """Sources that are on."""
        return tuple(name for name in type(self).model_fields if self.of(name).is_on)


ALL_OFF: Final = ExternalConfig()
"""A run without outside sources."""
