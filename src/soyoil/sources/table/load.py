"""Bars from a table of the user's own, which is read and never changed.

The table holds daily bars: by UTC day, Sunday stubs among them, or by trade date. What soyoil makes
of it is a function of the rows that are there, so it does not matter when they came.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

from soyoil.base.errors import MissingTableError, SourceError
from soyoil.base.suggest import nearest
from soyoil.market.conventions import BarSchema, Rolls
from soyoil.market.instruments import check_roots
from soyoil.market.rolls import ROLLS_UNKNOWN
from soyoil.market.sessions import UTC_US
from soyoil.sources.base import (
    BAR_COLUMNS,
    QUARANTINE_COLUMNS,
    BarBatch,
    SourceConfig,
    empty_quarantine,
)
from soyoil.sources.databento.plausibility import split_implausible
from soyoil.sources.quarantine import (
    DUPLICATE,
    BarRules,
    refuse_if_defective,
    split_defective,
    split_duplicates,
)
from soyoil.sources.table.guess import ColumnMap, map_columns
from soyoil.sources.table.symbols import choose_series, parse_all
from soyoil.sources.table.values import contract_numbers, flags, instants, lots, numbers, texts
from soyoil.sources.vendor_store import VendorStore, refuse_other_provenance
from soyoil.warehouse.foreign import Beginnings, ForeignTable, ForeignTables, OpenTables

logger = logging.getLogger(__name__)

SCHEMA: Final[BarSchema] = "ohlcv-1d"
PROVENANCE: Final = "observed"
MAX_UNDATED_SHARE: Final = 0.05
"""Share of rows without a readable date above which the column is taken for no date."""
YEARS: Final = (np.datetime64("1980-01-01"), np.datetime64("2100-01-01"))
"""What lies outside is no date of a bar: ``9999-12-31`` stands for none in many a warehouse."""
SHOWN: Final = 12
MAX_CONTRACT_LIFE: Final = pd.Timedelta(days=400)
"""No root keeps one front contract for longer; they change several times a year."""
MIN_SESSIONS_PER_ROLL: Final = 5
"""Rolls with flips back and forth are rarer than one in so many sessions, by far."""
PRICES: Final = ("open", "high", "low", "close")

_DAY_NS: Final = 86_400_000_000_000
_SUNDAY: Final = 6


@dataclass(frozen=True)
class _Rows:
    """Rows of the configured roots.

    Attributes
    ----------
    raw
        As `soyoil.sources.quarantine` takes them; ``root`` is a code, beside ``kind``.
    roots
        Roots by code, in alphabetical order.
    left_out
        Number of rows that are of no use, by what they are.
    """

    raw: pd.DataFrame
    roots: tuple[str, ...]
    left_out: dict[str, int]


def read_table(
    source: SourceConfig,
    open_tables: OpenTables,
    store: VendorStore,
    now: dt.datetime | None = None,
) -> BarBatch:
    """Read the bars of the configured roots from ``source.table``.

    Parameters
    ----------
    source
        Table, columns and roots.
    open_tables
        Opens the warehouse that holds the table.
    store
        What the warehouse holds of other sources, whose sessions may not be mixed with these.
    now
        Time of the load, UTC: the bar of a day that is not over yet is not taken.

    Returns
    -------
    BarBatch
        Daily bars, one per contract and day, of the roots that the table holds. A root that it
        lacks is named in a warning.

    Raises
    ------
    SourceError
        There is no such table, it holds none of the roots, its columns cannot be told, or too many
        of its rows are defective.
    ConfigError
        A configured root is unknown to soyoil.
    ContractError
        The warehouse holds sessions of another provenance.
    """
    check_roots(source.symbols)
    refuse_other_provenance(store.sessions(), PROVENANCE)
    tables = open_tables(source.path)
    table = _find(tables, source)
    columns = map_columns(table, source.columns)
    rows = _read(tables, table, columns, source)
    bars, quarantine = _sound(rows, table.name)
    bars, rolls = told_rolls(bars)
    _tell(table.name, columns, rows, source, len(bars))
    for root in sorted(set(rows.roots) - set(bars["symbol"])):
        logger.warning("%s: no bar of %s is sound, all are in the quarantine", table.name, root)
    unknown = [root for root, state in rolls.items() if state == "unknown"]
    if unknown:
        logger.warning("%s: %s", ", ".join(unknown), ROLLS_UNKNOWN)
    return BarBatch(
        bars=bars,
        quarantine=quarantine,
        schema=SCHEMA,
        provenance=PROVENANCE,
        coverage=_coverage(bars, now or dt.datetime.now(dt.UTC)),
        rolls=rolls,
        facts={"source_table": table.name, "source_columns": str(columns)},
    )


def _find(tables: ForeignTables, source: SourceConfig) -> ForeignTable:
    try:
        table = tables.find(source.table)
    except MissingTableError as error:
        raise SourceError(
            f"{error}, in which source.table={source.table} would be: set source.path to the file "
            "that holds your bars, or `warehouse.path` in globals.yml."
        ) from error
    if table is not None:
        return table
    names = tables.names()
    near = nearest(source.table, names, n=3) or names[:SHOWN]
    there = f"There are {', '.join(near)}" if near else "It holds no table"
    raise SourceError(
        f"source.table={source.table} is not in {tables.place}. {there}. Name yours with "
        "--params=source.table=<dataset>.<table>, or a DuckDB file of yours with "
        "source.path=<file>."
    )


def _read(
    tables: ForeignTables, table: ForeignTable, columns: ColumnMap, source: SourceConfig
) -> _Rows:
    names = dict(columns.columns)
    by = names.get("root") or names["symbol"]
    wanted = Beginnings(by, tuple(sorted(source.symbols)))
    found = tables.read(table, list(dict.fromkeys(names.values())), wanted)
    frame = _frame(found, names, source.symbols)
    frame = frame[frame["kind"] != "unwanted"]
    if frame.empty:
        raise SourceError(_no_row(tables, table, by, source.symbols))
    kept, left_out = _chosen(frame, table.name, names["date"])
    roots = tuple(sorted(kept["root"].unique()))
    raw = kept.assign(
        ts_event=kept["at"].to_numpy().astype("datetime64[ns]").astype("int64"),
        root=pd.Index(roots).get_indexer(pd.Index(kept["root"])).astype("int16"),
        mapped=True,
    )
    return _Rows(raw.drop(columns=["at", "day", "symbol", "rank"]), roots, left_out)


def _frame(found: pa.Table, names: Mapping[str, str], wanted: Sequence[str]) -> pd.DataFrame:
    """Typed rows with what their symbols stand for."""
    count = found.num_rows
    blank = pd.Series("", index=range(count), dtype="str")
    symbol, root = (texts(found[names[n]]) if n in names else blank for n in ("symbol", "root"))
    parsed = parse_all(pd.DataFrame({"symbol": symbol, "root": root}), wanted)
    spread = flags(found[names["is_spread"]]) if "is_spread" in names else np.zeros(count, bool)
    contract = parsed["contract"].to_numpy()
    if "contract" in names:
        own = contract_numbers(found[names["contract"]])
        contract = np.where((parsed["kind"] == "contract") | (own == 0), contract, own)
    at = instants(found[names["date"]])
    at[(at < YEARS[0]) | (at >= YEARS[1])] = np.datetime64("NaT")
    return parsed.assign(
        symbol=symbol.to_numpy(),
        kind=parsed["kind"].mask(spread & (parsed["kind"] != "unwanted"), "spread"),
        at=at,
        day=at.astype("datetime64[D]").astype("datetime64[us]"),
        instrument_id=contract,
        **{name: numbers(found[names[name]]) for name in PRICES},
        volume=lots(found[names["volume"]]),
    ).drop(columns="contract")


def _chosen(frame: pd.DataFrame, name: str, column: str) -> tuple[pd.DataFrame, dict[str, int]]:
    """Rows of fronts and contracts, and how many others there are.

    Raises
    ------
    SourceError
        Too many rows have no date, or a root has none but symbols that say nothing.
    """
    undated = frame["at"].isna()
    if undated.mean() > MAX_UNDATED_SHARE:
        raise SourceError(
            f"{undated.sum():,} of {len(frame):,} rows of {name} have no date that can be read in "
            f"{column}: name another column with --params=source.columns.date=<column>."
        )
    counted = {
        "without a date": undated,
        "spreads": frame["kind"] == "spread",
        "back months of continuous series": frame["kind"] == "back",
    }
    usable = frame[~undated & ~frame["kind"].isin(("spread", "back"))]
    keep = choose_series(usable)
    kept = usable[keep]
    lost = sorted(set(usable["root"]) - set(kept["root"]))
    if lost or kept.empty:
        rows = usable[usable["root"].isin(lost)] if lost else frame
        examples = ", ".join(repr(s) for s in rows["symbol"].drop_duplicates()[:3])
        raise SourceError(
            f"The rows of {', '.join(lost) or 'the configured roots'} in {name} have symbols that "
            f"name no front contract, such as {examples}: neither contract codes (ZLZ24) nor a "
            "continuous series (ZL.v.0, ZL.c.0, ZL). Name another column with "
            "--params=source.columns.symbol=<column>."
        )
    left_out = {what: int(rows.sum()) for what, rows in counted.items() if rows.any()}
    if len(kept) < len(usable):
        left_out["of other series of the same root"] = len(usable) - len(kept)
    return kept, left_out


def _sound(rows: _Rows, name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bars to use, the front contract of each session alone, and bars that were set aside."""
    sound, defective = split_defective(rows.raw, BarRules(SCHEMA, rows.roots))
    # A back contract without a trade is no defect.
    elsewhere = pd.MultiIndex.from_frame(sound[["root", "ts_event"]])
    idle = (defective["kind"] == "contract") & (defective["reason"] == "no_volume")
    idle &= pd.MultiIndex.from_frame(defective[["root", "ts_event"]]).isin(elsewhere)
    sound, duplicates = split_duplicates(sound.drop(columns="mapped"))
    sound = sound[_is_front(sound)]
    sound, implausible = split_implausible(sound, SCHEMA, rows.roots)
    rejected = [part for part in (defective[~idle], duplicates, implausible) if len(part)]
    quarantine = _quarantine(rejected, rows.roots, name)
    refused = quarantine[quarantine["reason"] != DUPLICATE]
    total = sound["root"].value_counts().rename(index=dict(enumerate(rows.roots)))
    total = total.add(refused["symbol"].value_counts(), fill_value=0).astype("int64")
    refuse_if_defective(
        total, refused, "Look at these rows, or name other columns with source.columns."
    )
    order = np.lexsort((sound["instrument_id"], sound["ts_event"], sound["root"]))
    bars = _public(sound.iloc[order], rows.roots)
    return bars.reset_index(drop=True)[list(BAR_COLUMNS)], quarantine


def _is_front(bars: pd.DataFrame) -> pd.Series:
    """Bars of the contract with the most volume in its session; a Sunday belongs to Monday."""
    day = bars["ts_event"] // _DAY_NS
    weekday = (day + 3) % 7  # 1970-01-01 was a Thursday
    session = day + (_SUNDAY + 1 - weekday).where(weekday >= _SUNDAY - 1, 0)
    keyed = bars[["root", "instrument_id", "volume"]].assign(session=session)
    key = ["root", "session", "instrument_id"]
    volume = keyed.groupby(key)["volume"].sum().reset_index()
    front = volume.sort_values(
        ["root", "session", "volume", "instrument_id"], ascending=[True, True, False, True]
    ).drop_duplicates(["root", "session"])
    found = pd.MultiIndex.from_frame(keyed[key]).isin(pd.MultiIndex.from_frame(front[key]))
    return pd.Series(found, index=bars.index)


def told_rolls(bars: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, Rolls]]:
    """Whether the numbers of contracts tell rolls, by symbol; where they do not, they are 0.

    A column that is called a contract may lack values, hold one for all years, or another one for
    every row: then it tells nothing.

    Parameters
    ----------
    bars
        ``symbol``, ``ts_event`` and ``instrument_id`` of the front contract, sorted.
    """
    changes = bars["instrument_id"] != bars.groupby("symbol")["instrument_id"].shift()
    found = bars.assign(changes=changes).groupby("symbol").agg(
        least=("instrument_id", "min"), first=("ts_event", "min"), last=("ts_event", "max"),
        changes=("changes", "sum"), count=("changes", "size"),
    )  # fmt: skip
    never = (found["changes"] <= 1) & (found["last"] - found["first"] > MAX_CONTRACT_LIFE)
    always = found["changes"] > 1 + found["count"] / MIN_SESSIONS_PER_ROLL
    known = (found["least"] > 0) & ~never & ~always
    tells = bars["symbol"].map(known).astype("bool")
    rolls: dict[str, Rolls] = {str(s): "known" if told else "unknown" for s, told in known.items()}
    return bars.assign(instrument_id=bars["instrument_id"].where(tells, 0)), rolls


def _quarantine(rejected: Sequence[pd.DataFrame], roots: Sequence[str], name: str) -> pd.DataFrame:
    if not rejected:
        return empty_quarantine()
    bars = pd.concat(rejected, ignore_index=True)
    bars = bars.sort_values(["root", "ts_event", "instrument_id"], kind="stable")
    out = _public(bars, roots).assign(file=pd.array([name] * len(bars), dtype="str"))
    return out.reset_index(drop=True)[list(QUARANTINE_COLUMNS)]


def _public(bars: pd.DataFrame, roots: Sequence[str]) -> pd.DataFrame:
    """Raw bars in the shape of `BarBatch`, on the same index."""
    time = pd.to_datetime(bars["ts_event"], unit="ns", utc=True).dt.as_unit("us")
    symbol = pd.Categorical.from_codes(bars["root"].to_numpy(), pd.Index(list(roots))).astype("str")
    return bars.assign(ts_event=time, symbol=symbol)


def _coverage(bars: pd.DataFrame, now: dt.datetime) -> pd.DataFrame:
    """Days that the table speaks for; one that is not over yet ends now."""
    held = bars.groupby("symbol", as_index=False).agg(
        start=("ts_event", "min"), end=("ts_event", "max")
    )
    stop = pd.Timestamp(now).as_unit("us")
    held["end"] = held["end"] + pd.Timedelta(days=1)
    held["declared"] = held["end"] > stop
    held["end"] = held["end"].where(~held["declared"], stop)
    return held.astype({"symbol": "str", "start": UTC_US, "end": UTC_US, "declared": "bool"})


def _tell(name: str, columns: ColumnMap, rows: _Rows, source: SourceConfig, count: int) -> None:
    """What was read and how, in a line or two; what is missing or unknown, as warnings."""
    guessed = ", ".join(role for role in columns.columns if role in columns.guessed)
    logger.info("%s: %s%s", name, columns, f" (guessed: {guessed})" if guessed else "")
    others = "; left out: " if rows.left_out else ""
    listed = ", ".join(f"{n:,} {what}" for what, n in rows.left_out.items())
    logger.info("%s: %d bars of %s%s%s", name, count, "+".join(rows.roots), others, listed)
    lacking = [root for root in source.symbols if root not in rows.roots]
    if lacking:
        logger.warning(
            "%s holds no row of %s: features of these markets stay empty", name, ", ".join(lacking)
        )


def _no_row(tables: ForeignTables, table: ForeignTable, column: str, roots: Sequence[str]) -> str:
    there = sorted(set(texts(tables.read(table, [column])[column])))
    shown = ", ".join(there[:SHOWN]) or "none"
    more = f" and {len(there) - SHOWN} more" if len(there) > SHOWN else ""
    return (
        f"{table.name} holds no row of source.symbols={'+'.join(roots)}; its {column} has {shown}"
        f"{more}. Name other roots, or the column that holds them (source.columns.root or "
        "source.columns.symbol)."
    )
