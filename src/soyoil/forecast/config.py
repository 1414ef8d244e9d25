"""Parameters of the forecast."""

from __future__ import annotations

import datetime as dt

from soyoil.base.config import SESSIONS, Config, bounded


class ForecastConfig(Config):
    """From when, and from how old data.

    Attributes
    ----------
    asof
        Make the forecast of the evening of this day, from what was known then; nothing is added to
        the ledger. None forecasts from the newest session.
    max_age_sessions
        Sessions that may be missing at the end of the data; with more it is stale and refused.
    allow_stale
        Forecast from stale data all the same.
    """

    asof: dt.date | None = None
    max_age_sessions: int = bounded(3, ge=0, **SESSIONS)
    allow_stale: bool = False
