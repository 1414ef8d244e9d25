"""How a service is asked, and what each service is."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from soyoil.base.config import Config


class ApiConfig(Config):
    """Patience with a service.

    Attributes
    ----------
    connect_seconds
        Wait for a connection.
    read_seconds
        Wait for the next bytes of an answer.
    tries
        Requests for one answer; 1 never tries again.
    backoff_seconds
        Pause before the second try; each further pause is twice as long, and all are drawn between
        half and one and a half of that.
    total_seconds
        For all that is asked of the service in one load, pauses included.
    proxy
        Address of a proxy; None takes ``HTTPS_PROXY`` and ``NO_PROXY`` of the environment, where
        one with a password belongs.
    """

    connect_seconds: float = Field(default=10.0, gt=0, le=600)
    read_seconds: float = Field(default=60.0, gt=0, le=600)
    tries: int = Field(default=5, ge=1, le=20)
    backoff_seconds: float = Field(default=1.0, ge=0, le=600)
    total_seconds: float = Field(default=900.0, gt=0, le=86_400)
    proxy: str | None = None

    @field_validator("proxy")
    @classmethod
    def _check_proxy(cls, value: str | None) -> str | None:
        if value is not None:
            parts = urlsplit(value)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("write http://host:port")
            if "@" in value:
                raise ValueError("a proxy with a password belongs in HTTPS_PROXY")
        return value


class PublicDataConfig(Config):
    """Which public data set of BigQuery is read, and who pays.

    Attributes
    ----------
    project
        Project that queries run in and that pays; None takes ``GOOGLE_CLOUD_PROJECT``.
    dataset
        ``project.dataset`` that holds a table ``gsod<year>`` per year.
    location
        Where it lies; queries run there.
    since
        First year.
    maximum_gb
        Gigabytes (10**9 bytes) that one load may read; more is refused before anything is read.
    endpoint
        ``http://host:port`` of another server than Google's, neither encrypted nor authenticated.
    """

    project: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$")
    dataset: str = Field(
        default="bigquery-public-data.noaa_gsod", pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]\.\w+$"
    )
    location: str = Field(default="US", min_length=1)
    since: int = Field(default=1990, ge=1929, le=2100)
    maximum_gb: float = Field(default=20.0, gt=0, le=1e6)
    endpoint: str | None = Field(default=None, pattern=r"^https?://[^/@]+/?$")


def check_url(value: str) -> str:
    """Address of a service without its last slash.

    Raises
    ------
    ValueError
        It is no address, holds more than an address, or would send a key in the clear.
    """
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("write https://host/path")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("leave out user, password, ? and #")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError("http is allowed for this machine alone; write https")
    return value.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True)
class Key:
    """A service's key, which comes from the environment alone.

    Attributes
    ----------
    variable
        Environment variable.
    name
        Parameter or header that carries it.
    where
        Where one gets a key, for messages.
    in_header
        Whether `name` is a header.
    required
        Whether the service answers nobody without.
    """

    variable: str
    name: str
    where: str
    in_header: bool = False
    required: bool = True

    @property
    def value(self) -> str:
        """The key, empty if there is none."""
        return os.environ.get(self.variable, "").strip()


@dataclass(frozen=True)
class Service:
    """A publisher's service.

    Attributes
    ----------
    source
        Section of the parameters, ``external.<source>``.
    url
        Its address.
    per_minute
        Requests in any 60 seconds.
    key
        None where nobody needs one.
    """

    source: str
    url: str
    per_minute: int
    key: Key | None = None


_CFTC: Final = Service(
    "cftc",
    "https://publicreporting.cftc.gov/resource",
    60,
    Key(
        "CFTC_APP_TOKEN",
        "X-App-Token",
        "https://publicreporting.cftc.gov",
        in_header=True,
        required=False,
    ),
)

SERVICES: Final = {
    service.source: service
    for service in (
        _CFTC,
        replace(_CFTC, source="cftc_disaggregated"),
        Service(
            "fred",
            "https://api.stlouisfed.org/fred",
            120,
            Key("FRED_API_KEY", "api_key", "https://fredaccount.stlouisfed.org/apikeys"),
        ),
        # 5 in a second and 9,000 in an hour are safe (eia.gov/opendata/faqs.php).
        Service(
            "eia",
            "https://api.eia.gov/v2",
            120,
            Key("EIA_API_KEY", "api_key", "https://www.eia.gov/opendata/register.php"),
        ),
        Service(
            "weather",
            "https://www.ncei.noaa.gov/data/global-historical-climatology-network-daily/access",
            60,
        ),
    )
}
"""Services by source. Limits: FRED's own 120; the others leave theirs to judgement."""
