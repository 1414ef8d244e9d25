"""WASDE, the USDA's monthly balance of soybeans, oil and meal, every release of it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.errors import SourceError
from soyoil.external.base import (
    CONFLICT,
    NO_DAY,
    NO_NUMBER,
    Reading,
    no_rejects,
    quarantine,
    without_conflicts,
)
from soyoil.external.config import OutsideSection
from soyoil.external.releases import wasde_known_at

NAME: Final = "usda"
VALUES: Final = ("value",)
NEEDED: Final = (
    "commodity", "attribute", "marketing_year", "forecast_month", "value", "release_datetime",
)  # fmt: skip
FIRST_MONTH: Final = {"soybeans": "09", "soybean_oil": "10", "soybean_meal": "10"}
"""Month in which the marketing year begins."""
OWNED: Final = tuple(f"{commodity}." for commodity in FIRST_MONTH)


def read(config: OutsideSection) -> Reading:
    """Read the releases.

    A release gives the running year as it saw it the month before and as it sees it now; the
    latter counts. Series are ``<commodity>.<attribute>``, reference days first days of marketing
    years, vintages days of release.

    Parameters
    ----------
    config
        ``path`` is the Parquet file.

    Raises
    ------
    SourceError
        The file is not there, cannot be read, lacks a column or holds no row.
    """
    path = Path(str(config.path))
    raw = _table(path)
    released = pd.to_datetime(raw["release_datetime"], errors="coerce")
    year = raw["marketing_year"].astype("str").str.extract(r"^(\d{4})/\d{2}$")[0]
    month = raw["commodity"].map(FIRST_MONTH)
    start = pd.to_datetime(year + "-" + month + "-01", errors="coerce", utc=True)
    rows = pd.DataFrame(
        {
            "series_id": (raw["commodity"] + "." + raw["attribute"]).astype("str"),
            "event_time": start.dt.as_unit("us"),
            "value": pd.to_numeric(raw["value"], errors="coerce").astype("float64"),
            "released": released.dt.normalize(),
        }
    )
    rejected = [no_rejects()]
    # Other commodities of a whole report are not wanted, and no defect.
    keep = month.notna() & _is_current(raw, released)
    for reason, found in (
        (NO_DAY, rows["event_time"].isna() | rows["released"].isna()),
        (NO_NUMBER, ~np.isfinite(rows["value"])),
    ):
        bad = rows[keep & found].rename(columns={"series_id": "series"})
        # The USDA leaves cells of years before a use was counted empty.
        if reason == NO_DAY:
            rejected.append(quarantine(NAME, reason, path, bad))
        keep &= ~found
    key = ["series_id", "event_time", "released"]
    rows, conflicts = without_conflicts(rows[keep], key, VALUES)
    bad = conflicts.rename(columns={"series_id": "series"})
    rejected.append(quarantine(NAME, CONFLICT, path, bad))
    days = rows["released"].to_numpy(dtype="datetime64[D]")
    rows = rows.assign(
        known_at=wasde_known_at(days).array, vintage=rows["released"].dt.strftime("%Y-%m-%d")
    )
    return Reading(
        rows.drop(columns="released").astype({"vintage": "str"}),
        pd.concat(rejected, ignore_index=True),
    )


def _table(path: Path) -> pd.DataFrame:
    what = "the releases of WASDE as Parquet"
    if not path.is_file():
        raise SourceError(f"{path} is not there: it should hold {what}.")
    try:
        raw = pd.read_parquet(path)
    except Exception as error:
        # Damaged bytes end up in the reader's own notes, where any exception may come of them.
        problem = (str(error) or type(error).__name__).splitlines()[0]
        raise SourceError(f"{path} cannot be read as {what}: {problem}.") from error
    missing = [name for name in NEEDED if name not in raw.columns]
    if missing:
        raise SourceError(
            f"{path} lacks the columns {', '.join(missing)}: it does not hold {what}, or its form "
            "has changed."
        )
    if raw.empty:
        raise SourceError(f"{path} holds no row: it should hold {what}.")
    return raw


def _is_current(raw: pd.DataFrame, released: pd.Series) -> pd.Series:
    """Whether a row is what the release itself says, not what it repeats of the one before."""
    forecast = raw["forecast_month"].astype("object")
    named = forecast.notna() & (forecast.astype("str").str.strip() != "")
    own = forecast.astype("str").str.strip().str.slice(0, 3) == released.dt.strftime("%b")
    current: pd.Series = ~named | own
    return current
