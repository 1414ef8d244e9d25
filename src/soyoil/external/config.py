"""Which outside sources are on, and where their files lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from soyoil.base.config import Config
from soyoil.base.suggest import did_you_mean
from soyoil.external.api.config import ApiConfig, PublicDataConfig, check_url
from soyoil.external.releases import NEVER, SERIES_RULES
from soyoil.external.stations import STATIONS, Region

if TYPE_CHECKING:
    import pandas as pd

Origin = Literal["files", "api", "bigquery", "synthetic"]


class OutsideSection(Config):
    """What every outside source is told.

    Attributes
    ----------
    origin
        ``files``: what lies at `path`. ``api``: the publisher's own service. ``bigquery``: a public
        data set of BigQuery. ``synthetic``: the twin that belongs to the synthetic market.
    path
        File or folder; with ``files``, None turns the source off, and its features are NULL.
    required
        Whether a source that cannot be read fails the run. Otherwise the run warns and uses what
        the warehouse holds.
    """

    ORIGINS: ClassVar[tuple[Origin, ...]] = ("files", "synthetic")
    """What there is for the source."""

    origin: Origin = "files"
    path: str | None = None
    required: bool = False

    @field_validator("origin")
    @classmethod
    def _check_origin(cls, value: Origin) -> Origin:
        if value not in cls.ORIGINS:
            raise ValueError(f"this source has none; {' or '.join(cls.ORIGINS)} is allowed")
        return value

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

    @property
    def is_asked(self) -> bool:
        """Whether its rows are asked of somebody's service, not read or made here."""
        return self.origin in ("api", "bigquery")

    def prepare(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Rows of the table with what the section says of their series, for features."""
        return rows


class ServedSection(OutsideSection):
    """A source whose publisher has a service, `soyoil.external.api`.

    Attributes
    ----------
    url
        Address of the service; None is the publisher's own.
    refresh
        Whether everything is asked for again, not what is newer than the newest stored value.
    api
        Patience with the service.
    """

    ORIGINS: ClassVar[tuple[Origin, ...]] = ("files", "api", "synthetic")

    url: str | None = None
    refresh: bool = False
    api: ApiConfig = ApiConfig()

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: str | None) -> str | None:
        return None if value is None else check_url(value)

    @model_validator(mode="after")
    def _check_service(self) -> Self:
        if self.origin != "api" and self.url is not None:
            raise ValueError(f"url needs origin: api, not {self.origin}")
        if self.refresh and not self.is_asked:
            asked = [name for name in self.ORIGINS if name not in ("files", "synthetic")]
            raise ValueError(f"refresh needs origin: {' or '.join(asked)}, not {self.origin}")
        return self


class CftcConfig(ServedSection):
    """Commitments of Traders: a CSV file or a folder of them, or the CFTC's service."""


class FredConfig(ServedSection):
    """FRED series, one CSV each, or FRED's service.

    Attributes
    ----------
    series
        Series to load; each needs a rule that says when its values are known.
    vintages
        Of which series the service is asked for every vintage: ``revised`` are those that are
        revised in earnest, all but market prices and rates; the others come as they stand.
    """

    vintages: Literal["revised", "all", "none"] = "revised"
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


class StationConfig(Config):
    """A weather station that is used.

    Attributes
    ----------
    region
        Growing region that it stands for.
    weight
        Weight among the stations of its region; weights need not sum to 1.
    """

    region: Region
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)


class EiaConfig(ServedSection):
    """Monthly biofuels: CSV files, or the EIA's service."""


class WeatherConfig(ServedSection):
    """Daily weather of stations.

    Attributes
    ----------
    station
        Name of the station of files that have no column of it.
    bigquery
        With ``origin: bigquery``, where GSOD is read and who pays.
    stations
        Region and weight by station; others are loaded and not used.
    """

    ORIGINS: ClassVar[tuple[Origin, ...]] = ("files", "api", "bigquery", "synthetic")

    station: str | None = None
    bigquery: PublicDataConfig = PublicDataConfig()
    stations: dict[str, StationConfig] = Field(
        default_factory=lambda: {
            name: StationConfig(region=region, weight=weight)
            for name, (region, weight) in STATIONS.items()
        }
    )

    def prepare(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Rows of the stations that are used, with ``region`` and ``weight``."""
        used = rows[rows["station_id"].isin(list(self.stations))]
        said = {name: station.model_dump() for name, station in self.stations.items()}
        return used.assign(
            **{
                column: used["station_id"].map({name: said[name][column] for name in said})
                for column in StationConfig.model_fields
            }
        )


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
        Commitments of Traders: the legacy report, futures only, a CSV file or a folder of them, or
        the service.
    cftc_disaggregated
        The disaggregated report, futures only, as `cftc`.
    fred
        A folder of FRED's CSV files, or the service.
    usda
        WASDE: a Parquet file of all its releases.
    export_sales
        Weekly export sales of the USDA: a CSV or Parquet file, or a folder of them.
    weather
        Daily weather of stations: a CSV file or a folder of them, or NOAA's service.
    eia
        Monthly biofuels of the EIA: a CSV file or a folder of them, or the service.
    palm
        Palm oil: the Pink Sheet or daily prices, a CSV file or a folder of both.
    policy
        Policy events or daily fields: a CSV or Parquet file, or a folder of them.
    volatility
        Implied volatility: a CSV file or a folder of them.
    curve
        Back months of soybean oil: a DBN, CSV or Parquet file, or a folder of them.
    """

    planted: PlantedConfig | None = None
    cftc: CftcConfig = CftcConfig()
    cftc_disaggregated: CftcConfig = CftcConfig()
    fred: FredConfig = FredConfig()
    palm: OutsideSection = OutsideSection()
    policy: OutsideSection = OutsideSection()
    usda: OutsideSection = OutsideSection()
    export_sales: OutsideSection = OutsideSection()
    weather: WeatherConfig = WeatherConfig()
    eia: EiaConfig = EiaConfig()
    volatility: OutsideSection = OutsideSection()
    curve: OutsideSection = OutsideSection()

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
