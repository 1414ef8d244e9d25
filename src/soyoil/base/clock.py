"""The day, for what depends on it: one place, so that it can be looked at and set."""

from __future__ import annotations

import datetime as dt


def today() -> dt.date:
    """The day, UTC."""
    return dt.datetime.now(dt.UTC).date()
