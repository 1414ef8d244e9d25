"""The ledger: every forecast that was made, once, in a chain of hashes.

A row carries the hash of the row before it, so that a row that is changed, taken out or put in
between later is found. What a forecast says never depends on the ledger; a second run of a day
adds nothing.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from soyoil.base.errors import SoyoilError
from soyoil.base.handover import text_hash
from soyoil.contracts.contract import load_contract
from soyoil.forecast.outlook import Outlook
from soyoil.market.conventions import QUANTILE_COLUMNS
from soyoil.sources.identity import name_of_market
from soyoil.splits.snapshot import Snapshot

TABLE: Final = "forecasts.zl_predictions"
KEY: Final = ("symbol", "market", "data_date", "horizon", "model_version")
CHAIN: Final = ("sequence", "made_at", "previous_hash", "row_hash")
"""Columns that say when a row was added and after which; the others are the forecast itself."""
START: Final = "0" * 64
"""What the first row has for the hash of the row before it."""

SAME: Final = "same"
ABSENT: Final = "absent"


class LedgerError(SoyoilError):
    """The ledger was changed."""


def market_name(snapshot: Snapshot) -> str:
    """Where the bars of a snapshot are from; an invented market goes on under its name."""
    return name_of_market(snapshot.made_from, snapshot.provenance)


def forecast_rows(
    snapshot: Snapshot, outlooks: Sequence[Outlook], model_version: str, code: str
) -> pd.DataFrame:
    """Forecasts as rows of the ledger, without its chain.

    Parameters
    ----------
    snapshot
        What they were made from.
    outlooks
        One per horizon.
    model_version
        Rule and its parameters.
    code
        Version of the code.
    """
    names = tuple(QUANTILE_COLUMNS)
    rows = [
        {
            "symbol": snapshot.symbol,
            "market": market_name(snapshot),
            "data_date": pd.Timestamp(o.origin),
            "horizon": o.horizon.name,
            "model_version": model_version,
            "target_date": pd.Timestamp(o.target_date),
            "provenance": snapshot.provenance,
            "close": o.close,
            **dict(zip(names, o.quantiles, strict=True)),
            **{f"price_p{10 + 40 * i}": o.price(i) for i in range(3)},
            "probability_higher": o.probability_higher,
            **{f"vol_cone_{name}": value for name, value in zip(names, o.vol_cone, strict=True)},
            **{f"hourly_{name}": value for name, value in zip(names, o.hourly_cone, strict=True)},
            "weights": json.dumps(o.weights, sort_keys=True),
            "snapshot": snapshot.content_hash,
            "code": code,
        }
        for o in outlooks
    ]
    frame = pd.DataFrame(rows)
    dates = ["data_date", "target_date"]
    return frame.astype(dict.fromkeys(dates, "datetime64[us]"))


def _plain(value: Any) -> str:
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    if isinstance(value, float | np.floating):
        # Exact in both directions, whatever the warehouse prints.
        return float(value).hex()
    return str(value)


def row_hash(row: dict[str, Any]) -> str:
    """SHA-256 of a row, of everything but its own hash."""
    plain = {name: _plain(value) for name, value in row.items() if name != "row_hash"}
    return text_hash(plain)


def check_chain(ledger: pd.DataFrame) -> None:
    """Check that no row of the ledger was changed, taken out or put in.

    Raises
    ------
    LedgerError
        Naming the first row that does not fit.
    """
    previous = START
    ordered = ledger[list(load_contract(TABLE).flat_columns())].sort_values("sequence")
    for number, row in enumerate(ordered.to_dict("records")):
        named = {str(name): value for name, value in row.items()}
        where = f"row {named['sequence']} ({named['data_date']:%Y-%m-%d} {named['horizon']})"
        if named["sequence"] != number:
            raise LedgerError(
                f"{TABLE}: row {number} is missing, the next one there is {where}. Restore the "
                "table from a backup; the ledger is never written over."
            )
        if named["previous_hash"] != previous or named["row_hash"] != row_hash(named):
            raise LedgerError(
                f"{TABLE}: {where} was changed after it was written. Restore the table from a "
                "backup; the ledger is never written over."
            )
        previous = named["row_hash"]


def _differences(a: Mapping[Hashable, Any], b: Mapping[Hashable, Any]) -> list[str]:
    """Columns in which two forecasts differ, the code that made them aside."""
    aside = {*CHAIN, "code"}
    return [str(name) for name in a if name not in aside and _plain(a[name]) != _plain(b[name])]


def compare(ledger: pd.DataFrame, rows: pd.DataFrame) -> pd.Series:
    """Whether the ledger holds each forecast, bit by bit.

    Parameters
    ----------
    ledger
        The ledger.
    rows
        As `forecast_rows` gives them.

    Returns
    -------
    Series
        On the index of `rows`: `SAME`, `ABSENT`, or the columns in which the one that stands there
        under the same key differs.
    """
    known = {tuple(map(_plain, (row[k] for k in KEY))): row for row in ledger.to_dict("records")}
    found = []
    for row in rows.to_dict("records"):
        there = known.get(tuple(map(_plain, (row[k] for k in KEY))))
        differs = _differences(row, there) if there is not None else []
        found.append(ABSENT if there is None else ", ".join(differs) or SAME)
    return pd.Series(found, index=rows.index, dtype="str")


def extend(ledger: pd.DataFrame, rows: pd.DataFrame, made_at: pd.Timestamp) -> pd.DataFrame:
    """Rows to add to the ledger, with their place in the chain; none where it holds a forecast.

    Parameters
    ----------
    ledger
        The ledger as it is.
    rows
        As `forecast_rows` gives them.
    made_at
        When they were made, UTC.

    Raises
    ------
    LedgerError
        The ledger was changed.
    """
    check_chain(ledger)
    new = rows[compare(ledger, rows) == ABSENT]
    last = ledger.sort_values("sequence").iloc[-1] if len(ledger) else None
    previous = START if last is None else str(last["row_hash"])
    out = []
    for number, row in enumerate(new.to_dict("records"), start=len(ledger)):
        named = {str(name): value for name, value in row.items()}
        named |= {"sequence": number, "made_at": made_at, "previous_hash": previous}
        previous = row_hash(named)
        out.append({**named, "row_hash": previous})
    columns = list(load_contract(TABLE).flat_columns())
    return pd.DataFrame(out, columns=columns) if out else ledger.iloc[:0][columns].copy()
