"""What the symbols of a user's table stand for: contracts, continuous series, spreads."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

import pandas as pd

from soyoil.sources.databento.symbols import parse_continuous

SymbolKind = Literal["series", "back", "contract", "spread", "unknown", "unwanted"]
"""``series``: a front that is rolled by somebody, or one without a name of its own. ``back``: the
second month and later. ``unwanted``: of another root."""

MONTHS: Final = "FGHJKMNQUVXZ"
"""Letters of the delivery months, January first."""

_RANK: Final = ("v", "n", "c", "")
"""Rules of continuous series, the one that soyoil itself would follow first."""
_CODE: Final = re.compile(rf"(?P<root>[A-Z0-9]+?)(?P<month>[{MONTHS}])(?P<year>\d{{4}}|\d{{1,2}})")
_SPREAD: Final = re.compile(r"[-:]")


@dataclass(frozen=True)
class Symbol:
    """What one symbol stands for.

    Attributes
    ----------
    root
        Futures root; empty if none of the wanted ones.
    kind
        See `SymbolKind`.
    contract
        100 x the last digit of the delivery year + the month, 0 for no contract: the same for
        every spelling of a contract, and no other is traded beside it.
    rank
        Order of continuous series, the better ones first.
    """

    root: str
    kind: SymbolKind
    contract: int = 0
    rank: int = len(_RANK)


def parse_symbol(symbol: str, root: str, wanted: frozenset[str]) -> Symbol:
    """What a symbol stands for.

    Parameters
    ----------
    symbol
        As it stands in the table; empty where there is none.
    root
        Root beside it; empty where there is none.
    wanted
        Configured roots.

    Examples
    --------
    >>> parse_symbol("ZLZ4", "", frozenset({"ZL"}))
    Symbol(root='ZL', kind='contract', contract=412, rank=4)
    >>> parse_symbol("ZL.c.1", "", frozenset({"ZL"})).kind
    'back'
    """
    text, root = symbol.strip(), root.strip().upper()
    if root and root not in wanted:
        return Symbol("", "unwanted")
    continuous = parse_continuous(text)
    if continuous is not None:
        own = root or continuous.root
        if own not in wanted or continuous.root != own:
            return Symbol("", "unwanted") if not root else Symbol(root, "unknown")
        rank = _RANK.index(continuous.rule)
        return Symbol(own, "series" if continuous.rank == 0 else "back", rank=rank)
    text = text.upper()
    if text in ("", root) and root:
        return Symbol(root, "series", rank=_RANK.index(""))
    if text in wanted and not root:
        return Symbol(text, "series", rank=_RANK.index(""))
    if _SPREAD.search(text):
        first = root or next((r for r in sorted(wanted, key=len) if text.startswith(r)), "")
        return Symbol(first, "spread" if first else "unwanted")
    code = _CODE.fullmatch(text)
    if code is not None and (code["root"] == root or (not root and code["root"] in wanted)):
        month = MONTHS.index(code["month"]) + 1
        return Symbol(code["root"], "contract", 100 * (int(code["year"]) % 10) + month)
    return Symbol(root, "unknown") if root else Symbol("", "unwanted")


def parse_all(rows: pd.DataFrame, wanted: Iterable[str]) -> pd.DataFrame:
    """What the symbol of every row stands for.

    Parameters
    ----------
    rows
        ``symbol`` and ``root`` (``str``), empty where there is none.
    wanted
        Configured roots.

    Returns
    -------
    DataFrame
        ``root``, ``kind``, ``contract`` and ``rank`` on the index of `rows`.
    """
    roots = frozenset(wanted)
    pairs = rows[["symbol", "root"]].drop_duplicates()
    found = [
        parse_symbol(symbol, root, roots)
        for symbol, root in zip(pairs["symbol"], pairs["root"], strict=True)
    ]
    parsed = pairs.assign(
        own=pd.array([s.root for s in found], dtype="str"),
        kind=pd.array([s.kind for s in found], dtype="str"),
        contract=pd.array([s.contract for s in found], dtype="int64"),
        rank=pd.array([s.rank for s in found], dtype="int64"),
    )
    joined = rows[["symbol", "root"]].merge(parsed, on=["symbol", "root"], how="left")
    joined.index = rows.index
    return joined[["own", "kind", "contract", "rank"]].rename(columns={"own": "root"})


def choose_series(rows: pd.DataFrame) -> pd.Series:
    """Rows to keep of roots that several series, or a series and its contracts, stand for.

    One continuous series of a root is kept, that with the most days; of equal ones that which
    rolls by volume. Contracts are kept where there is no such series. Symbols that say nothing are
    a series if there is but one of them.

    Parameters
    ----------
    rows
        ``day``, ``symbol``, ``root``, ``kind``, ``rank``; neither spreads nor back months.

    Returns
    -------
    Series
        Boolean, on the index of `rows`.
    """
    unknown = rows["kind"] == "unknown"
    alone = ~rows["root"].isin(rows.loc[~unknown, "root"]) & (
        rows.groupby("root")["symbol"].transform("nunique") == 1
    )
    series = (rows["kind"] == "series") | (unknown & alone)
    length = rows[series].groupby(["root", "symbol", "rank"])["day"].nunique().reset_index()
    best = length.sort_values(
        ["root", "day", "rank", "symbol"], ascending=[True, False, True, True]
    ).drop_duplicates("root")
    chosen = rows["root"].map(best.set_index("root")["symbol"])
    kept: pd.Series = (series & (rows["symbol"] == chosen)) | (
        (rows["kind"] == "contract") & chosen.isna()
    )
    return kept
