"""Bars that are set aside, and why.

A bar is checked by itself first, by the first reason of `CONTENT_REASONS` that applies; only
bars that pass are then compared with their duplicates. A defective copy therefore never pushes
out a sound one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from soyoil.base.arrays import BoolArray, FloatArray
from soyoil.base.errors import SourceError
from soyoil.market.conventions import BarSchema
from soyoil.market.instruments import Instrument, get_instrument

OUTSIDE: Final = "outside_file_range"
"""Stamped outside the range that its own file claims to cover, which comes before all others."""

CONTENT_REASONS = {
    "unmapped_date": "its contract stands for no symbol on its day",
    "off_grid": "does not start on a full hour, or for daily bars at midnight UTC",
    "undefined_price": "the vendor's mark for a price that does not exist",
    "non_positive_price": "zero or negative, of a root that cannot be",
    "implausible_price": "beyond all that its root was ever quoted at",
    "ohlc_violation": "high below, or low above, another price of the bar",
    "no_volume": "without a positive volume, although a bar is made of trades",
    "implausible_volume": "several times the volume of the busiest day of its root",
}
"""Reasons that lie in one bar, in order of precedence, with their meaning."""

CONFLICT = "conflicting_duplicate"
"""Same symbol, contract and time with other values: none can be told to be right, all go."""

DUPLICATE = "duplicate_bar"
"""Further copy of a bar, equal in every value, as in a month that was downloaded twice."""

MAX_DEFECTIVE_SHARE = 0.05
"""Share of a root's bars, exact copies not counted, above which the input is refused.

The real files hold none at all in 13 years, so a twentieth is no bad day but other data: bars
of another product, a wrong price scale, a broken export.
"""

GRID_NS: dict[BarSchema, int] = {"ohlcv-1h": 3_600_000_000_000, "ohlcv-1d": 86_400_000_000_000}
"""Length of a bar in nanoseconds; bars start at its multiples."""

SUMMARY_COLUMNS = ("reason", "symbol", "file", "count", "first", "last")
_KEY = ["root", "ts_event", "instrument_id"]
_VALUES = ["open", "high", "low", "close", "volume"]


@dataclass(frozen=True)
class BarRules:
    """What every bar must satisfy.

    Attributes
    ----------
    schema
        Gives the grid.
    roots
        Configured roots, by code.
    """

    schema: BarSchema
    roots: Sequence[str]


def split_defective(bars: pd.DataFrame, rules: BarRules) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split raw bars into sound ones and defective ones.

    Parameters
    ----------
    bars
        Raw bars, see `soyoil.sources.databento.file.RAW_TYPES`.
    rules
        What they must satisfy.

    Returns
    -------
    tuple
        Sound bars, and defective bars with their ``reason`` (`CONTENT_REASONS`).
    """
    time = bars["ts_event"].to_numpy()
    price = bars[["open", "high", "low", "close"]].to_numpy()
    open_, high, low, close = price.T
    code = bars["root"].to_numpy()
    known = [get_instrument(root) for root in rules.roots]
    signed = np.array([i.may_be_negative for i in known], dtype=bool)[code]
    found: dict[str, BoolArray] = {
        "unmapped_date": ~bars["mapped"].to_numpy(),
        "off_grid": time % GRID_NS[rules.schema] != 0,
        "undefined_price": ~np.isfinite(price).all(axis=1),
        "non_positive_price": (price <= 0).any(axis=1) & ~signed,
        "implausible_price": _beyond_prices(price, code, known),
        "ohlc_violation": (high < np.maximum(open_, close))
        | (low > np.minimum(open_, close))
        | (high < low),
        "no_volume": bars["volume"].to_numpy() <= 0,
        "implausible_volume": bars["volume"].to_numpy()
        > np.array([i.max_volume for i in known], dtype=np.int64)[code],
    }
    conditions = [found[reason] for reason in CONTENT_REASONS]
    position = np.select(conditions, range(len(conditions)), default=-1)
    bad = position >= 0
    reason = np.array(list(CONTENT_REASONS))[position[bad]]
    return bars[~bad], bars[bad].assign(reason=pd.array(reason, dtype="str"))


def _beyond_prices(
    price: FloatArray, code: npt.NDArray[np.integer], known: Sequence[Instrument]
) -> BoolArray:
    """Bars with a price outside of `Instrument.prices`.

    Of a root whose prices may be negative only the size is bounded; there a price of less than
    half a tick is none, though zero is.
    """
    low, high, tick = (
        np.array(values, dtype=np.float64)[code][:, None]
        for values in (
            [-i.prices[1] if i.may_be_negative else i.prices[0] for i in known],
            [i.prices[1] for i in known],
            [i.tick for i in known],
        )
    )
    tiny = (price != 0) & (np.abs(price) < tick / 2)
    return np.asarray(((price < low) | (price > high) | tiny).any(axis=1))


def split_duplicates(bars: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Collapse exact duplicates and set conflicting ones aside.

    Parameters
    ----------
    bars
        Sound raw bars of all files, in the order of the files.

    Returns
    -------
    tuple
        Bars that are unique by root, time and contract, and the rest with their ``reason``:
        all copies but the first of a bar (`DUPLICATE`), every copy where any two differ in
        price or volume (`CONFLICT`).
    """
    repeated = bars[bars.duplicated(_KEY, keep=False)]
    variants = repeated.drop_duplicates(_KEY + _VALUES)
    disputed = variants.loc[variants.duplicated(_KEY, keep=False), _KEY].drop_duplicates()
    # Read through a left join, which keeps the order and the length of the left side.
    conflict = (
        repeated[_KEY].merge(disputed, on=_KEY, how="left", indicator=True)["_merge"] == "both"
    )
    is_conflict = conflict.to_numpy()
    is_copy = repeated.duplicated(_KEY).to_numpy() & ~is_conflict
    rejected = pd.concat(
        [
            repeated[is_copy].assign(reason=DUPLICATE),
            repeated[is_conflict].assign(reason=CONFLICT),
        ]
    )
    return bars.drop(index=rejected.index), rejected


def refuse_if_defective(
    total: pd.Series,
    rejected: pd.DataFrame,
    remedy: str = "Look at these files or download them again.",
) -> None:
    """Refuse the input where too many bars of a root are set aside.

    Parameters
    ----------
    total
        Number of bars per symbol, copies of bars not counted.
    rejected
        Bars with ``symbol``, ``reason`` and ``file``.
    remedy
        Sentence that says what to do.

    Raises
    ------
    SourceError
        More than `MAX_DEFECTIVE_SHARE` of the bars of a root, for other reasons than exact
        duplication.
    """
    defective = rejected[rejected["reason"] != DUPLICATE]
    count = defective.groupby("symbol").size()
    share = (count / total.reindex(count.index)).sort_values(ascending=False)
    share = share[share > MAX_DEFECTIVE_SHARE]
    if share.empty:
        return
    lines = []
    for symbol in share.index:
        rows = defective[defective["symbol"] == symbol]
        reasons = ", ".join(f"{r} {n}" for r, n in rows["reason"].value_counts().items())
        files = rows["file"].drop_duplicates()
        more = f" and {len(files) - 3} more" if len(files) > 3 else ""
        lines.append(
            f"{symbol}: {count[symbol]} of {total[symbol]} bars ({reasons}) in "
            f"{', '.join(files.iloc[:3])}{more}"
        )
    raise SourceError(
        f"The bars are not what they claim to be: more than {MAX_DEFECTIVE_SHARE:.0%} of a root "
        f"are defective. {'; '.join(lines)}. {remedy}"
    )


def quarantine_summary(rejected: pd.DataFrame) -> pd.DataFrame:
    """Count bars that were set aside.

    Parameters
    ----------
    rejected
        ``ts_event`` (UTC), ``symbol``, ``reason`` and, where it is known, ``file``.

    Returns
    -------
    DataFrame
        One row per reason, symbol and file, sorted: ``reason``, ``symbol``, ``file`` (``str``,
        empty where no single file is to blame), ``count`` (``int64``), ``first`` and ``last``
        (``datetime64[us, UTC]``, start of the first and last bar).
    """
    file = rejected["file"] if "file" in rejected else pd.Series("", index=rejected.index)
    bars = pd.DataFrame(
        {
            "reason": rejected["reason"].astype("str"),
            "symbol": rejected["symbol"].astype("str"),
            "file": file.astype("str").fillna(""),
            "ts_event": rejected["ts_event"].astype("datetime64[us, UTC]"),
        }
    )
    out = bars.groupby(["reason", "symbol", "file"], as_index=False, sort=True).agg(
        count=("ts_event", "size"), first=("ts_event", "min"), last=("ts_event", "max")
    )
    return out.astype({"count": "int64"})[list(SUMMARY_COLUMNS)]
