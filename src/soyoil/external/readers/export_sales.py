"""Weekly export sales of the USDA's FAS: soybeans, meal and oil, all destinations together."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import BoolArray, DayArray, IntArray
from soyoil.base.errors import SourceError
from soyoil.external.base import (
    IMPLAUSIBLE,
    NO_DAY,
    NO_NUMBER,
    UNDATED,
    UNIT,
    Reading,
    no_rejects,
    quarantine,
    reference_days_or_american,
)
from soyoil.external.config import OutsideSection
from soyoil.external.readers.files import PARQUET, cut_lines, files_at, joined, read_text, sift
from soyoil.external.readers.usda import FIRST_MONTH
from soyoil.external.releases import WEEK, export_sales_known_at

NAME: Final = "export_sales"
VALUES: Final = ("value",)
OWNED: Final = (f"{NAME}.",)
WHAT: Final = (
    "weekly export sales of the FAS: a row per commodity, week and country, or per commodity and "
    "week"
)

FIGURES: Final = (
    "weekly_exports", "accumulated_exports", "outstanding_sales", "net_sales",
    "next_outstanding_sales", "next_net_sales",
)  # fmt: skip
"""Of the marketing year in which the week ends, and of the one after it (``next_``)."""
CODES: Final = {"801": "soybeans", "901": "soybean_meal", "902": "soybean_oil"}
"""The FAS's codes of commodities."""

NO_THURSDAY: Final = "week_ends_on_another_day"
ANOTHER_YEAR: Final = "another_marketing_year"
COMMITMENT: Final = "commitments_do_not_add_up"
COUNTRIES: Final = "countries_do_not_add_up"
INCOMPLETE: Final = "a_country_is_missing"

_COLUMNS: Final = {
    "week": ("weekEndingDate", "weekending", "date"),
    "commodity": ("commodityCode", "commodity", "commodityname"),
    "country": ("countryCode", "country", "countryname", "destination"),
    "year": ("marketYear", "marketingyear", "my"),
    "unit": ("unitId", "unit", "units", "unitofmeasure", "unitdescription", "unitname"),
    "commitment": ("currentMYTotalCommitment", "totalcommitment", "totalcommitments"),
    "weekly_exports": ("weeklyExports",),
    "accumulated_exports": ("accumulatedExports",),
    "outstanding_sales": ("outstandingSales",),
    "net_sales": ("currentMYNetSales", "netsales"),
    "next_outstanding_sales": ("nextMYOutstandingSales", "nextmarketingyearoutstandingsales"),
    "next_net_sales": ("nextMYNetSales", "nextmarketingyearnetsales"),
}
"""Names of columns, the FAS's first; case, spaces and signs do not count."""
_NAMES: Final = {
    **{name.replace("_", ""): name for name in CODES.values()},
    "soybeancakemeal": "soybean_meal",
    "soybeancakeandmeal": "soybean_meal",
}
_TONS: Final = ("1", "metrictons", "metrictonnes", "mt")
_TOTAL: Final = ("", "total", "grandtotal", "world", "allcountries", "totalknownunknown")
_ROUNDING: Final = 2.0
"""Tons that a sum of two whole numbers may be off."""
_THURSDAY: Final = 3
_GROUP: Final = ["commodity", "event_time"]


def marketing_years(commodity: pd.Series, days: pd.Series) -> pd.Series:
    """Calendar year in which the marketing year of each day ends, ``float64``; NaN without a day.

    Parameters
    ----------
    commodity
        A key of `FIRST_MONTH`.
    days
        ``datetime64[us, UTC]``.
    """
    first = commodity.map(FIRST_MONTH).astype("float64")
    years: pd.Series = days.dt.year + (days.dt.month >= first).astype("float64")
    return years


def first_weeks(starts: IntArray, month: int) -> DayArray:
    """First Thursday of marketing years.

    Parameters
    ----------
    starts
        Calendar years in which they begin.
    month
        Month that they begin with.
    """
    months = (starts - 1970) * 12 + month - 1
    days = np.asarray(months.astype("datetime64[M]").astype("datetime64[D]"))
    # 1970-01-01 was a Thursday.
    return np.asarray(days + (-days.astype("int64") % WEEK).astype("timedelta64[D]"))


def read(config: OutsideSection) -> Reading:
    """Read the weeks, each summed over its countries.

    Series are ``export_sales.<commodity>.<figure>``, reference days the Thursdays that end the
    weeks. What the first report of a marketing year says of the last days of the year before is
    left out, as are other commodities.

    Parameters
    ----------
    config
        ``path`` is a CSV or Parquet file or a folder of them: the fields of the FAS's service
        (``commodityCode``, ``weekEndingDate``, ``outstandingSales``, ...) by country, or totals
        (no country, or one named ``TOTAL``), with ``marketYear`` where it is known.

    Raises
    ------
    SourceError
        A file is not there, lacks a column, holds none of the commodities, or is one by country
        that was cut or has rows without a day: no sum of its weeks can be told to be whole.
    """
    path = Path(str(config.path))
    parts, rejected = [], [no_rejects()]
    for file in files_at(path, WHAT, (".csv", PARQUET)):
        rows, bad = _read_file(file)
        parts.append(rows)
        rejected.append(bad)
    every = pd.concat(parts, ignore_index=True)
    kept, bad = joined(NAME, path, [every[~every["is_bad"]]], FIGURES)
    rejected.append(bad)
    weeks, bad = _totals(path, kept, _damaged(every, kept))
    rejected.append(bad)
    long = weeks.melt(["commodity", "event_time"], list(FIGURES), "figure", "value")
    long["series_id"] = (f"{NAME}." + long["commodity"] + "." + long["figure"]).astype("str")
    long = long.sort_values(["series_id", "event_time"], kind="stable").reset_index(drop=True)
    days = long["event_time"].dt.tz_localize(None).to_numpy(dtype="datetime64[D]")
    long = long.assign(known_at=export_sales_known_at(days).array, vintage=UNDATED)
    names = ["series_id", "event_time", "known_at", "vintage", *VALUES]
    return Reading(long[names], pd.concat(rejected, ignore_index=True))


def _plain(names: pd.Series) -> pd.Series:
    """Words without case, spaces and signs."""
    return names.str.lower().str.replace(r"[^a-z0-9]", "", regex=True)


def _read_file(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of the wanted commodities, those to be set aside marked ``is_bad``; and why they are."""
    text, broken = read_text(path, WHAT)
    rows = _parsed(_named(path, text))
    by_country = not rows["is_total"].all()
    if by_country and len(broken):
        raise SourceError(
            f"{path} was cut, or has lines of another length: a country of its weeks may be "
            "missing. Download it again; a whole file ends with a line break."
        )
    if by_country and rows["event_time"].isna().any():
        raise SourceError(
            f"{path} has {int(rows['event_time'].isna().sum())} rows of a country without a week "
            "(2023-09-07 or 09/07/2023): no sum of its weeks can be told to be whole."
        )
    rows = rows[~_closes_year(rows)].reset_index(drop=True)
    sold = rows["accumulated_exports"] + rows["outstanding_sales"]
    checks = {
        NO_DAY: rows["event_time"].isna(),
        NO_THURSDAY: rows["event_time"].dt.dayofweek != _THURSDAY,
        ANOTHER_YEAR: rows["year"] != rows["own_year"],
        UNIT: rows["is_other_unit"],
        NO_NUMBER: rows[list(FIGURES)].isin([np.nan, np.inf, -np.inf]).any(axis=1),
        COMMITMENT: (rows["commitment"] - sold).abs() > _ROUNDING,
    }
    left, bad = sift(NAME, path, rows[["series", "event_time", *FIGURES]], checks, FIGURES)
    names = ["series", "event_time"]
    good = rows[names].merge(left[names], on=names, how="left", indicator=True)["_merge"] == "both"
    for found in checks.values():
        good &= ~found
    wanted = [*names, "commodity", "is_total", *FIGURES]
    rejected = pd.concat([cut_lines(NAME, path, broken), bad], ignore_index=True)
    return rows[wanted].assign(is_bad=~good), rejected


def _named(path: Path, text: pd.DataFrame) -> pd.DataFrame:
    """Columns of `_COLUMNS` as text, "" where a file has none, of the wanted commodities."""
    names = dict(zip(_plain(pd.Series(text.columns)), text.columns, strict=True))
    found = {
        name: next((names[o.lower()] for o in others if o.lower() in names), None)
        for name, others in _COLUMNS.items()
    }
    missing = [_COLUMNS[n][0] for n in ("week", "commodity", *FIGURES) if found[n] is None]
    if missing:
        raise SourceError(
            f"{path} lacks the columns {', '.join(missing)}: it should hold {WHAT}. It has "
            f"{', '.join(text.columns[:8])}."
        )
    raw = pd.DataFrame(
        {name: text[column] if column else "" for name, column in found.items()},
        index=text.index,
        dtype="str",
    )
    code = raw["commodity"].str.removesuffix(".0")
    commodity = code.map(CODES).fillna(_plain(raw["commodity"]).map(_NAMES))
    raw = raw.assign(commodity=commodity)[commodity.notna()].reset_index(drop=True)
    if raw.empty:
        said = ", ".join(f"{number} ({name})" for number, name in CODES.items())
        raise SourceError(f"{path} holds none of the commodities {said}.")
    return raw.astype({"commodity": "str"})


def _parsed(raw: pd.DataFrame) -> pd.DataFrame:
    week = reference_days_or_american(raw["week"])
    own = marketing_years(raw["commodity"], week)
    # The service names a marketing year by the year in which it ends, others as 2023/24.
    parts = raw["year"].str.extract(r"^(\d{4})(?:\.0)?(?:[/-](\d{2}|\d{4}))?$")
    named = pd.to_numeric(parts[0], errors="coerce") + parts[1].notna()
    # A column of numbers with gaps is one of floats in Parquet.
    country, unit = (_plain(raw[name].str.removesuffix(".0")) for name in ("country", "unit"))
    is_total = country.isin(_TOTAL)
    numbers = {
        name: pd.to_numeric(raw[name].str.replace(",", ""), errors="coerce").astype("float64")
        for name in (*FIGURES, "commitment")
    }
    rows = pd.DataFrame(
        {
            "commodity": raw["commodity"],
            "event_time": week,
            "year": named.astype("float64").where(raw["year"] != "", own),
            "own_year": own,
            "is_total": is_total,
            "is_other_unit": (unit != "") & ~unit.isin(_TONS),
            **numbers,
        }
    )
    label = rows["commodity"] + "." + country.mask(is_total, "total")
    return rows.assign(series=label.astype("str"))


def _closes_year(rows: pd.DataFrame) -> BoolArray:
    """Rows about the last days of a marketing year, in the week in which the next begins.

    They bear the Thursday of that week and the year that has ended, or its last day.
    """
    ahead = rows["event_time"] + pd.Timedelta(days=1)
    last_day = marketing_years(rows["commodity"], ahead) > rows["own_year"]
    week_before = rows["event_time"] - pd.Timedelta(days=WEEK)
    begins = marketing_years(rows["commodity"], week_before) < rows["own_year"]
    earlier = begins & (rows["year"] == rows["own_year"] - 1)
    stub = last_day & (rows["event_time"].dt.dayofweek != _THURSDAY)
    return np.asarray(earlier | stub, dtype=np.bool_)


def _damaged(every: pd.DataFrame, kept: pd.DataFrame) -> pd.DataFrame:
    """Commodities and weeks of which a row was set aside, `_GROUP`.

    A row of a country on another day is missing in the week that holds the day.
    """
    names = ["series", "event_time"]
    there = every[names].merge(kept[names], on=names, how="left", indicator=True)["_merge"]
    lost = every["is_bad"].to_numpy(dtype=bool) | (there == "left_only").to_numpy()
    own = every[lost & every["event_time"].notna().to_numpy()]
    ahead = (_THURSDAY - own["event_time"].dt.dayofweek).where(~own["is_total"], 0) % WEEK
    week = own["event_time"] + pd.to_timedelta(ahead, unit="D")
    return own.assign(event_time=week.dt.as_unit("us"))[_GROUP].drop_duplicates()


def _totals(
    path: Path, rows: pd.DataFrame, damaged: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Figures of each commodity and week, and weeks that are set aside."""
    figures = list(FIGURES)
    given = rows[rows["is_total"]].set_index(_GROUP)[figures]
    of_countries = rows[~rows["is_total"]].groupby(_GROUP)[figures]
    summed, count = of_countries.sum(), of_countries.size()
    both = given.index.intersection(summed.index)
    # Each row is rounded to a ton.
    off = (given.loc[both] - summed.loc[both]).abs().gt(count.loc[both], axis=0).any(axis=1)
    weeks = pd.concat([given, summed.drop(index=both)]).reset_index()
    weeks = weeks.sort_values(_GROUP, kind="stable").reset_index(drop=True)
    place = pd.MultiIndex.from_frame(weeks[_GROUP])
    stocks = ["accumulated_exports", "outstanding_sales", "next_outstanding_sales"]
    left = weeks
    rejected = []
    for reason, found in (
        (INCOMPLETE, place.isin(pd.MultiIndex.from_frame(damaged))),
        (COUNTRIES, place.isin(off[off].index)),
        (IMPLAUSIBLE, (weeks[stocks] < 0).any(axis=1).to_numpy()),
    ):
        bad = weeks[found & weeks.index.isin(left.index)].rename(columns={"commodity": "series"})
        rejected.append(quarantine(NAME, reason, path, bad))
        left = left[~left.index.isin(bad.index)]
    return left.reset_index(drop=True), pd.concat(rejected, ignore_index=True)
