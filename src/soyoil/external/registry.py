"""Registry of outside sources.

Adding one takes a module with a `read` function, a contract of its table, a section in
`soyoil.external.config` and an entry here.
"""

from __future__ import annotations

from typing import Final

from soyoil.external import cftc, fred, usda
from soyoil.external.base import ExternalSource
from soyoil.external.twins.cftc import cftc_twin
from soyoil.external.twins.fred import fred_twin
from soyoil.external.twins.usda import usda_twin

SOURCES: Final[dict[str, ExternalSource]] = {
    source.name: source
    for source in (
        ExternalSource(
            name=cftc.NAME,
            table="raw_intelligence.cftc_positioning",
            series="market_code",
            values=cftc.VALUES,
            read=cftc.read,
            twin=cftc_twin,
            release="Friday 15:30 in New York, or the next business day after a holiday; "
            "shutdowns and the outage of 2023 by a table",
            groups=("positioning",),
            # A report is 13 days old when the next one comes, 16 with a holiday.
            stale_after_days={"": 21},
            fresh_days=21,
        ),
        ExternalSource(
            name=fred.NAME,
            table="raw_intelligence.fred_economic",
            series="series_id",
            values=fred.VALUES,
            read=fred.read,
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
            read=usda.read,
            twin=usda_twin,
            release="day of the release 12:00 in New York, 8:30 before 2013",
            groups=("fundamentals",),
            # None came out in October 2013 and in January 2019: 57 and 59 days without one.
            stale_after_days={"": 65},
            fresh_days=40,
            age_from="known_at",
        ),
    )
}
"""Outside sources by name, in the order in which they are read."""

GROUPS: Final = tuple(group for source in SOURCES.values() for group in source.groups)
"""Feature groups that are NULL where their source is off."""
