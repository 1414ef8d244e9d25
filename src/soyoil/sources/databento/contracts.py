"""Bars of single contracts from DBN files by contract: ``ZL.FUT`` as stype ``parent``.

Such a file holds every outright and every spread of a root. Its metadata name them by the
exchange's own symbols, each with the instrument ids that it had, by UTC day.
Source: https://databento.com/docs/standards-and-conventions/symbology
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from soyoil.base.errors import SourceError
from soyoil.market.conventions import BarSchema
from soyoil.sources.databento.dbn import Records, asked_as, open_dbn, quoted
from soyoil.sources.databento.file import WANTED_CONTRACTS
from soyoil.sources.databento.symbols import ContractMap
from soyoil.sources.quarantine import MAX_DEFECTIVE_SHARE, OUTSIDE

logger = logging.getLogger(__name__)

UNMAPPED: Final = "unmapped_date"
"""Reason of a bar whose instrument has no symbol on its day."""
AMBIGUOUS: Final = "two_contracts"
"""Reason of a bar whose instrument has the symbols of two contracts on its day."""

BAR_TYPES: Final = {
    "ts_event": "int64",
    "symbol": "str",
    "close": "float64",
    "reason": "str",
}
"""Columns of bars: nanoseconds since 1970 (UTC), symbol of the contract, price in quoted units (NaN
if undefined), and why the bar cannot be used, empty if it can. The symbol of a bar whose instrument
is in no mapping at all is that of the instrument, ``instrument 123``."""


@dataclass(frozen=True)
class ContractFile:
    """Bars of the contracts of one root in one file.

    Attributes
    ----------
    path
        The file.
    schema
        Schema of all its records.
    bars
        Columns of `BAR_TYPES`.
    records
        Number of records of all symbols.
    start, end
        Half-open range that the file claims to cover, nanoseconds since 1970; None where it does
        not say.
    """

    path: Path
    schema: BarSchema
    bars: pd.DataFrame
    records: int
    start: int | None
    end: int | None


def read_contracts(path: Path, root: str) -> ContractFile:
    """Read the bars of a root's single contracts from one DBN file by contract.

    Parameters
    ----------
    path
        The file, zstd-compressed or plain.
    root
        The root; its spreads and other roots are left out.

    Raises
    ------
    SourceError
        The file cannot be read, is no DBN, is cut off or altered, is not by contract, names no
        symbol, or is of another schema or dataset.
    """
    with open_dbn(path, _check_by_contract) as file:
        contracts = file.symbols(lambda mappings: ContractMap(mappings, root))
        _check_names(path, file.metadata, root)
        parts = [_empty(), *(_select(records, contracts) for records in file.chunks())]
    bars = pd.concat(parts, ignore_index=True)
    lost = int((bars["reason"] == UNMAPPED).sum())
    if lost > MAX_DEFECTIVE_SHARE * file.records:
        raise SourceError(
            f"{path}: {lost:,} of its {file.records:,} bars are of instruments that its symbol "
            "mappings do not name on their day: they are of another request. Download it again."
        )
    request = file.request
    outside = bars["ts_event"] < (request.start or 0)
    if request.end is not None:
        outside |= bars["ts_event"] >= request.end
    bars["reason"] = bars["reason"].mask(outside, OUTSIDE)
    return ContractFile(path, file.schema, bars, file.records, request.start, request.end)


def _check_by_contract(metadata: Any, path: Path) -> None:
    stype = str(metadata.stype_in)
    if stype in ("parent", "raw_symbol"):
        return
    what = (
        "front months, which belong in the folder of source.path"
        if stype == "continuous"
        else "instruments without their symbols"
    )
    raise SourceError(f"{path} was requested as {asked_as(metadata)}: {what}. {WANTED_CONTRACTS}")


def _check_names(path: Path, metadata: Any, root: str) -> None:
    """Refuse a file without symbols, or without those of the root that it was asked for.

    Symbols found on a part of the range only are no surprise: contracts come and expire.
    """
    lost = [s for s in metadata.not_found if s == f"{root}.FUT"]
    if lost:
        raise SourceError(
            f"{path}: {lost[0]} was not found by the vendor. Check the range of the request and "
            "download it again."
        )
    if not metadata.mappings:
        raise SourceError(
            f"{path} names no contract: its metadata have no symbol mappings, so its instruments "
            f"have no symbols. Download it again. {WANTED_CONTRACTS}"
        )
    if metadata.not_found:
        names = ", ".join(sorted(metadata.not_found)[:5])
        logger.warning("%s: %s were not found by the vendor", path, names)


def _empty() -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in BAR_TYPES.items()})


def _select(records: Records, contracts: ContractMap) -> pd.DataFrame:
    # An undefined time wraps to -1, which lies outside every range.
    time = records["ts_event"].astype(np.int64)
    number = records["instrument_id"].astype(np.int64)
    found = contracts.assign(time, number)
    row = found["row"].to_numpy()
    double = found.duplicated("row", keep=False).to_numpy()
    names = np.array(contracts.names, dtype=object)
    known = pd.DataFrame(
        {
            "row": row,
            "symbol": names[found["code"].to_numpy(dtype=np.int64)],
            "reason": np.select(
                [double, ~found["mapped"].to_numpy(dtype=bool)], [AMBIGUOUS, UNMAPPED], ""
            ),
        }
    )
    strange = np.flatnonzero(~np.isin(number, contracts.known_ids))
    unknown = pd.DataFrame(
        {
            "row": strange,
            "symbol": "instrument " + pd.Series(number[strange]).astype("str"),
            "reason": UNMAPPED,
        }
    )
    out = pd.concat([known, unknown], ignore_index=True).sort_values("row", kind="stable")
    kept = out["row"].to_numpy(dtype=np.int64)
    out = out.assign(ts_event=time[kept], close=quoted(records["close"][kept]))
    return out[list(BAR_TYPES)].astype(BAR_TYPES).reset_index(drop=True)
