"""Commitments of Traders, futures only, as the CFTC's public API and its yearly files give them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from soyoil.base.arrays import DayArray
from soyoil.base.errors import SourceError
from soyoil.external.base import (
    CUT,
    IMPLAUSIBLE,
    NO_DAY,
    NO_NUMBER,
    REPORT,
    UNDATED,
    Reading,
    no_rejects,
    quarantine,
    read_csv,
    reference_days_or_american,
)
from soyoil.external.config import OutsideSection
from soyoil.external.readers.files import files_at, joined, sift
from soyoil.external.releases import cot_known_at, disaggregated_known_at

DAY: Final = "report_date_as_yyyy_mm_dd"
CODE: Final = "cftc_contract_market_code"
KIND: Final = "futonly_or_combined"
"""Which of two reports with the same columns a row is of; not every file has it."""
FUTURES_ONLY: Final = "futonly"
SIDES: Final = ("long", "short")
_KINDS: Final = (".csv", ".txt")
_OLD_DAY: Final = "report_date_as_mm_dd_yyyy"
"""Name of `DAY` in the yearly files up to 2012, whose days have the same form all the same."""


@dataclass(frozen=True)
class Report:
    """A weekly report of the CFTC.

    Attributes
    ----------
    name
        Source, and section of the parameters.
    what
        The report in words, for messages.
    dataset
        What the CFTC's service calls it.
    columns
        Counts of contracts as the CFTC spells them, and ours: ``open_interest``, and per kind of
        trader ``<kind>_long``, ``<kind>_short`` and, of those that may hold both at once,
        ``<kind>_spread``.
    markets
        The CFTC's code of the market of each root that the report has.
    known_at
        When the reports of some days could be known.
    """

    name: str
    what: str
    dataset: str
    columns: Mapping[str, str]
    markets: Mapping[str, str]
    known_at: Callable[[DayArray], pd.Series]

    @property
    def values(self) -> tuple[str, ...]:
        """Our columns."""
        return tuple(self.columns.values())

    def side(self, side: str) -> tuple[str, ...]:
        """Columns that add up to the open interest: those of one side, and spreads, held on both.

        Examples
        --------
        >>> LEGACY.side("long")
        ('noncommercial_long', 'noncommercial_spread', 'commercial_long', 'nonreportable_long')
        """
        return tuple(name for name in self.values if name.endswith((f"_{side}", "_spread")))

    def read(self, config: OutsideSection) -> Reading:
        """Read the files of the report.

        Parameters
        ----------
        config
            ``path`` is a CSV file, or a folder of them (``.csv``, ``.txt``): what the service gives
            as CSV, an export of its pages, or yearly files, which name some columns otherwise.

        Raises
        ------
        SourceError
            There is no file; it is empty or not this report, or one of a folder is and the source
            is required; or all are.
        """
        folder = Path(str(config.path))
        parts, rejected, failed = [], [no_rejects()], []
        for path in files_at(folder, self.what, _KINDS):
            try:
                rows, bad = self._of_file(path)
            except SourceError as error:
                failed.append(str(error))
                continue
            parts.append(rows)
            rejected.append(bad)
        if not parts or (failed and config.required):
            raise SourceError(" ".join(failed))
        rows, conflicts = joined(self.name, folder, parts, self.values)
        whole = pd.concat([*rejected, conflicts], ignore_index=True)
        return Reading(self._known(rows), whole, tuple(failed))

    def parse(self, raw: pd.DataFrame, path: Path) -> Reading:
        """Rows of the report, as the service gives them.

        Parameters
        ----------
        raw
            `DAY`, `CODE` and `columns`, ``str``; a count that is not there is missing. `KIND` where
            it is there.
        path
            Where they are from, for the quarantine.
        """
        rows, rejected = self._checked(raw, path)
        return Reading(self._known(rows), rejected)

    def _of_file(self, path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
        names = {plain(name): name for name in (DAY, CODE, KIND, *self.columns)}
        names[_OLD_DAY] = DAY
        needed = [DAY, CODE, *self.columns]
        raw, broken = read_csv(
            path, needed, self.what, (*needed, KIND), lambda name: names.get(plain(name), name)
        )
        if KIND in raw and not _is_futures_only(raw[KIND]).any():
            raise SourceError(
                f"{path} is of futures and options combined: download {self.what} in its place."
            )
        rows, bad = self._checked(raw, path)
        cut = quarantine(self.name, CUT, path, pd.DataFrame(index=range(broken)))
        return rows, pd.concat([cut, bad], ignore_index=True)

    def _checked(self, raw: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
        rows = pd.DataFrame(
            {
                # Some exports have lost the leading zeros of the code.
                "market_code": raw[CODE].str.strip().str.zfill(6),
                "event_time": reference_days_or_american(raw[DAY].str.strip()),
            }
        )
        for theirs, ours in self.columns.items():
            rows[ours] = pd.to_numeric(raw[theirs], errors="coerce").astype("float64")
        kind = raw[KIND] if KIND in raw else pd.Series("", index=raw.index, dtype="str")
        checks = {
            REPORT: ~_is_futures_only(kind),
            NO_DAY: rows["event_time"].isna(),
            NO_NUMBER: rows[list(self.values)].isna().any(axis=1),
            IMPLAUSIBLE: self._implausible(rows),
        }
        return sift(self.name, path, rows, checks, self.values)

    def _implausible(self, rows: pd.DataFrame) -> pd.Series:
        """Negative or broken counts, no open interest, or sides that are not the open interest.

        Open interest is the sum of all long positions and of all short ones, spreads counted on
        both sides (CFTC, Explanatory Notes).
        """
        values = rows[list(self.values)]
        wrong = (values < 0).any(axis=1) | (values % 1 != 0).any(axis=1)
        wrong |= rows["open_interest"] <= 0
        for side in SIDES:
            wrong |= rows[list(self.side(side))].sum(axis=1) != rows["open_interest"]
        out: pd.Series = wrong
        return out

    def _known(self, rows: pd.DataFrame) -> pd.DataFrame:
        days = rows["event_time"].dt.tz_localize(None).to_numpy(dtype="datetime64[D]")
        rows = rows.astype(dict.fromkeys(self.values, "int64"))
        return rows.assign(known_at=self.known_at(days).array, vintage=UNDATED)


def plain(name: str) -> str:
    """Name of a column of all crop years, however it is spelled.

    The service has ``prod_merc_positions_long`` and ``swap__positions_short_all`` where its pages
    and the yearly files have ``Prod_Merc_Positions_Long_All`` and ``Swap__Positions_Short_All``.
    Those of one crop year end in ``_old``, ``_other``, ``_1`` or ``_2`` and stay another name.

    Examples
    --------
    >>> plain("M_Money_Positions_Spread_ALL") == plain("m_money_positions_spread")
    True
    >>> plain("Report_Date_as_YYYY-MM-DD")
    'report_date_as_yyyy_mm_dd'
    """
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).removesuffix("_all")


def _is_futures_only(kind: pd.Series) -> pd.Series:
    text = kind.str.strip().str.lower()
    return text.isin([FUTURES_ONLY, ""]) | text.isna()


MARKETS: Final = {
    "ZL": "007601", "ZS": "005602", "ZM": "026603", "ZC": "002602", "CL": "067651", "HO": "022651",
    "RB": "111659", "NG": "023651", "GC": "088691", "HG": "085692", "ES": "13874A", "ZN": "043602",
    "6E": "099741", "6L": "102741",
}  # fmt: skip
"""The CFTC's code of the market of each root."""
FINANCIAL: Final = ("ES", "ZN", "6E", "6L")
"""Roots that the disaggregated report lacks: they are in that of traders in financial futures."""

LEGACY: Final = Report(
    name="cftc",
    what="the legacy report of the CFTC",
    dataset="6dca-aqww",
    # Spelled as the CFTC spells them, ``postions`` included.
    columns={
        "open_interest_all": "open_interest",
        "noncomm_positions_long_all": "noncommercial_long",
        "noncomm_positions_short_all": "noncommercial_short",
        "noncomm_postions_spread_all": "noncommercial_spread",
        "comm_positions_long_all": "commercial_long",
        "comm_positions_short_all": "commercial_short",
        "nonrept_positions_long_all": "nonreportable_long",
        "nonrept_positions_short_all": "nonreportable_short",
    },
    markets=MARKETS,
    known_at=cot_known_at,
)

DISAGGREGATED: Final = Report(
    name="cftc_disaggregated",
    what="the disaggregated report of the CFTC, futures only",
    dataset="72hh-3qpy",
    # Spelled as the CFTC spells them: two underscores after ``swap``, and ``_all`` now and then.
    columns={
        "open_interest_all": "open_interest",
        "prod_merc_positions_long": "producer_long",
        "prod_merc_positions_short": "producer_short",
        "swap_positions_long_all": "swap_dealer_long",
        "swap__positions_short_all": "swap_dealer_short",
        "swap__positions_spread_all": "swap_dealer_spread",
        "m_money_positions_long_all": "managed_money_long",
        "m_money_positions_short_all": "managed_money_short",
        "m_money_positions_spread": "managed_money_spread",
        "other_rept_positions_long": "other_reportable_long",
        "other_rept_positions_short": "other_reportable_short",
        "other_rept_positions_spread": "other_reportable_spread",
        "nonrept_positions_long_all": "nonreportable_long",
        "nonrept_positions_short_all": "nonreportable_short",
    },
    markets={root: code for root, code in MARKETS.items() if root not in FINANCIAL},
    known_at=disaggregated_known_at,
)
