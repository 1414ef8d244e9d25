"""Which outside sources are on, and where their files lie."""

from __future__ import annotations

from typing import Final, Literal, Self

from pydantic import Field, field_validator, model_validator

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


class PlantedConfig(Config):
    """What the twin of one source is to know of the target's future; see `soyoil.external.twins`.

    Attributes
    ----------
    source
        Source whose driver series knows it.
    strength
        Correlation of its value with the return of the 21 sessions after it is known; their squares
        for the time before and after must leave room for the series' own noise.
    """

    source: str
    strength: float = Field(default=0.5, ge=0.0, le=0.7)


class ExternalConfig(Config):
    """Every outside source; see `soyoil.external.registry`.

    Attributes
    ----------
    planted
        An effect that the twin of one source carries; None for twins that know nothing.
    cftc
        Commitments of Traders: the CSV file of the legacy report, futures only.
    fred
        A folder of FRED's CSV files.
    usda
        WASDE: a Parquet file of all its releases.
    """

    planted: PlantedConfig | None = None
    cftc: OutsideSection = OutsideSection()
    fred: FredConfig = FredConfig()
    usda: OutsideSection = OutsideSection()

    @model_validator(mode="after")
    def _check_planted(self) -> Self:
        if self.planted is None:
            return self
        source, names = self.planted.source, self.names()
        if source not in names:
            raise ValueError(
                f"planted.source={source!r} is no outside source.{did_you_mean(source, names)} "
                f"Known: {', '.join(names)}"
            )
        if self.of(source).origin != "synthetic":
            raise ValueError(
                f"planted.source={source} needs {source}.origin=synthetic, which is "
                f"{self.of(source).origin}: only a twin can carry a planted effect"
            )
        return self

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Every source."""
        return tuple(name for name in cls.model_fields if name != "planted")

    def of(self, source: str) -> OutsideSection:
        """Section of one source."""
        found: OutsideSection = getattr(self, source)
        return found

    def on(self) -> tuple[str, ...]:
        """Sources that are on."""
        return tuple(name for name in self.names() if self.of(name).is_on)

    def twins(self) -> tuple[str, ...]:
        """Sources whose rows are those of a twin."""
        return tuple(name for name in self.names() if self.of(name).origin == "synthetic")

    def identity(self) -> tuple[str, ...]:
        """Sources that are on, as a market is named by them: twins and what they know differ.

        Examples
        --------
        >>> ExternalConfig(cftc={"origin": "synthetic"}).identity()
        ('cftc(synthetic)',)
        """
        return tuple(self._named(name) for name in self.on())

    def _named(self, source: str) -> str:
        if source not in self.twins():
            return source
        planted = self.planted
        if planted is None or planted.source != source:
            return f"{source}(synthetic)"
        return f"{source}(synthetic, planted {planted.strength:g})"

    def check(self, kind: str) -> None:
        """Refuse twins beside a market that is none of theirs.

        Parameters
        ----------
        kind
            ``source.kind``.

        Raises
        ------
        ValueError
            Naming both parameters.
        """
        twins = self.twins()
        if twins and kind != "synthetic":
            keys = ", ".join(f"external.{name}.origin=synthetic" for name in twins)
            raise ValueError(
                f"{keys} is allowed with source.kind=synthetic only, and source.kind={kind}: made "
                "rows may not stand beside observed bars. Use origin: files or api"
            )


ALL_OFF: Final = ExternalConfig()
"""A run without outside sources."""
