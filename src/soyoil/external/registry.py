"""Registry of outside sources.

Adding one takes a module with a `read` function, a contract of its table, a section in
`soyoil.external.config` and an entry here.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from soyoil.external.api import cftc as cftc_api
from soyoil.external.api import eia as eia_api
from soyoil.external.api import fred as fred_api
from soyoil.external.api import noaa as noaa_api
from soyoil.external.base import ExternalSource
from soyoil.external.readers import (
    cftc,
    curve,
    eia,
    export_sales,
    fred,
    palm,
    policy,
    usda,
    volatility,
    weather,
)
from soyoil.external.twins.cftc import cftc_twin, disaggregated_twin
from soyoil.external.twins.curve import curve_twin
from soyoil.external.twins.export_sales import export_sales_twin
from soyoil.external.twins.fred import fred_twin
from soyoil.external.twins.monthly import eia_twin, palm_twin
from soyoil.external.twins.policy import policy_twin
from soyoil.external.twins.usda import usda_twin
from soyoil.external.twins.volatility import volatility_twin
from soyoil.external.twins.weather import weather_twin

SOURCES: Final[dict[str, ExternalSource]] = {
    source.name: source
    for source in (
        ExternalSource(
            name=cftc.LEGACY.name,
            table="raw_intelligence.cftc_positioning",
            series="market_code",
            values=cftc.LEGACY.values,
            read=cftc.LEGACY.read,
            fetch=partial(cftc_api.fetch, cftc.LEGACY),
            twin=cftc_twin,
            release="Friday 15:30 in New York, or the next business day after a holiday; "
            "shutdowns and the outage of 2023 by a table",
            groups=("positioning",),
            # A report is 13 days old when the next one comes, 16 with a holiday.
            stale_after_days={"": 21},
            fresh_days=21,
        ),
        ExternalSource(
            name=cftc.DISAGGREGATED.name,
            table="raw_intelligence.cftc_disaggregated",
            series="market_code",
            values=cftc.DISAGGREGATED.values,
            read=cftc.DISAGGREGATED.read,
            fetch=partial(cftc_api.fetch, cftc.DISAGGREGATED),
            twin=disaggregated_twin,
            release="Friday 15:30 in New York, as the legacy report; reports from before September "
            "2009 on 2009-10-20",
            groups=("managed_money",),
            stale_after_days={"": 21},
            fresh_days=21,
        ),
        ExternalSource(
            name=fred.NAME,
            table="raw_intelligence.fred_economic",
            series="series_id",
            values=fred.VALUES,
            read=fred.read,
            fetch=fred_api.fetch,
            twin=fred_twin,
            release="by series: next business day or following Monday 16:15 in New York, monthly "
            "ones by a lag that no release has exceeded",
            groups=("macro",),
            stale_after_days={"": 14, "CPIAUCSL": 110},
            fresh_days=14,
        ),
        ExternalSource(
            name=usda.NAME,
            table="raw_intelligence.usda_granular",
            series="series_id",
            values=usda.VALUES,
            owned=usda.OWNED,
            read=usda.read,
            twin=usda_twin,
            release="day of the release 12:00 in New York, 8:30 before 2013",
            groups=("fundamentals",),
            # None came out in October 2013 and in January 2019: 57 and 59 days without one.
            stale_after_days={"": 65},
            fresh_days=40,
            age_from="known_at",
        ),
        ExternalSource(
            name=export_sales.NAME,
            table="raw_intelligence.usda_granular",
            series="series_id",
            values=export_sales.VALUES,
            owned=export_sales.OWNED,
            read=export_sales.read,
            twin=export_sales_twin,
            release="Thursday after the week 8:30 in New York, or the next business day after a "
            "holiday; shutdowns and the new system of 2022 by a table",
            groups=("export_sales",),
            # A week is 13 days old when the next one comes, 18 where holidays stand on end.
            stale_after_days={"": 21},
            fresh_days=21,
        ),
        ExternalSource(
            name=weather.NAME,
            table="raw_intelligence.weather_segmented",
            series="station_id",
            values=weather.VALUES,
            read=weather.read,
            fetch=noaa_api.fetch,
            twin=weather_twin,
            release="three days after the day, 16:15 in New York",
            groups=("weather",),
            stale_after_days={"": 14},
            fresh_days=14,
            labels=weather.LABELS,
        ),
        ExternalSource(
            name=eia.NAME,
            table="raw_intelligence.eia_biofuels",
            series="series_id",
            values=eia.VALUES,
            read=eia.read,
            fetch=eia_api.fetch,
            twin=eia_twin,
            release="65 days after the end of the month or the next business day, 16:15 in New "
            "York",
            groups=("energy_biofuel",),
            # Counted from the first of the month: 100 days until it is known, 31 to the next.
            stale_after_days={"": 140},
            fresh_days=140,
        ),
        ExternalSource(
            name=palm.NAME,
            table="raw_intelligence.palm_oil_daily",
            series="series_id",
            values=palm.VALUES,
            read=palm.read,
            twin=palm_twin,
            release="a month of the Pink Sheet 10 days after its end, a daily price on the next "
            "business day, 16:15 in New York",
            groups=("vegoils",),
            # A month is known for 10 to 46 days after its end, and its day is its first.
            stale_after_days={"": 80, palm.DAILY: 14},
            fresh_days=80,
        ),
        ExternalSource(
            name=policy.NAME,
            table="raw_intelligence.policy_events",
            series="series_id",
            values=policy.VALUES,
            read=policy.read,
            twin=policy_twin,
            release="an event with its publication, a day of events or of fields at 12:00 UTC of "
            "the next day",
            groups=("policy",),
            stale_after_days={"": 30, policy.DAILY: 7},
            fresh_days=30,
        ),
        ExternalSource(
            name=volatility.NAME,
            table="raw_intelligence.volatility_daily",
            series="series_id",
            values=volatility.VALUES,
            read=volatility.read,
            twin=volatility_twin,
            release="the next business day 16:15 in New York",
            groups=("implied",),
            stale_after_days={"": 14},
            fresh_days=14,
        ),
        ExternalSource(
            name=curve.NAME,
            table="market_data.futures_curve_daily",
            series=curve.SERIES,
            values=curve.VALUES,
            read=curve.read,
            twin=curve_twin,
            release="hourly bars at the scheduled close of their session, settlements and bars of "
            "UTC days at 12:00 UTC of the next day",
            groups=("curve",),
            stale_after_days={"": 7},
            fresh_days=7,
            labels=curve.LABELS,
        ),
    )
}
"""Outside sources by name, in the order in which they are read."""

GROUPS: Final = tuple(group for source in SOURCES.values() for group in source.groups)
"""Feature groups that are NULL where their source is off."""
