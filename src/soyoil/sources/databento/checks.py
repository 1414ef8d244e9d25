"""What all files that count must have in common."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from soyoil.base.errors import SourceError
from soyoil.sources.base import SourceConfig
from soyoil.sources.databento.file import VendorFile
from soyoil.sources.databento.market import US_NS, Market
from soyoil.sources.databento.symbols import DAY_NS, RULES, Continuous

logger = logging.getLogger(__name__)

MAX_SILENCE_NS = 6 * DAY_NS
"""Longest time without a bar of a root that is passed over without a warning."""

ANEW = "start anew from the files at source.path alone with --params=source.replace=everything"


class MarketChecks:
    """Checks of all bars that count, made before any of them is used or stored.

    Parameters
    ----------
    market
        The bars.
    read
        Files that were just read, whose bars are in `market`.
    source
        The configured roots.
    """

    def __init__(self, market: Market, read: Sequence[VendorFile], source: SourceConfig) -> None:
        self._market = market
        self._read = read
        self._roots = tuple(sorted(source.symbols))

    def run(self, path: Path) -> None:
        """Refuse files that do not go together.

        Parameters
        ----------
        path
            Where the files at hand lie.

        Raises
        ------
        SourceError
            Two schemas, two roll rules of a root, two encodings of one time, or a configured
            root without a bar.
        """
        self._check_roll_rules()
        self._check_stored()
        self._check_encodings()
        self._check_presence(path)

    def _check_roll_rules(self) -> None:
        """One roll rule per root: a series that changes its rule changes its contracts."""
        seen: dict[str, tuple[Continuous, Path]] = {}
        for file in self._read:
            for symbol in sorted(file.symbols):
                if symbol.rank or symbol.root not in self._roots:
                    continue
                other, where = seen.setdefault(symbol.root, (symbol, file.path))
                if other != symbol:
                    raise SourceError(
                        f"{symbol.root} occurs under two roll rules: {other} "
                        f"({RULES[other.rule]}) in {where}, {symbol} ({RULES[symbol.rule]}) in "
                        f"{file.path.name}. Keep the files of one rule, best by volume "
                        f"({symbol.root}.v.0)."
                    )

    def _check_stored(self) -> None:
        """Schema and roll rules of the files are those of the files loaded before."""
        files = self._market.files
        if files["source_schema"].nunique() > 1:
            old, new = self._sides(files, "source_schema")
            raise SourceError(
                f"{self._market.place(new['file'])} is {new['source_schema']}, but the warehouse "
                f"was made from {old['source_schema']} bars (such as "
                f"{self._market.place(old['file'])}): one warehouse, one schema. Load "
                f"{old['source_schema']} files, or {ANEW}."
            )
        for root, rows in files.dropna(subset="roll_rule").groupby("symbol"):
            if rows["roll_rule"].nunique() > 1:
                old, new = self._sides(rows, "roll_rule")
                raise SourceError(
                    f"{root} rolls by {new['roll_rule']} in {self._market.place(new['file'])}, "
                    f"but by {old['roll_rule']} in the files loaded before (such as "
                    f"{self._market.place(old['file'])}): a series that changes its rule changes "
                    f"its contracts. Load files that roll by {old['roll_rule']}, or {ANEW}."
                )

    def _sides(self, rows: pd.DataFrame, column: str) -> tuple[pd.Series, pd.Series]:
        """First row of a stored file, and first of a new one that differs from it."""
        hashes = [h for h, path in self._market.paths.items() if path in self._new_paths]
        is_new = rows["file_hash"].isin(hashes)
        old = rows[~is_new].iloc[0] if (~is_new).any() else rows.iloc[0]
        others = rows[rows[column] != old[column]]
        return old, others.iloc[0]

    @property
    def _new_paths(self) -> frozenset[Path]:
        return frozenset(file.path for file in self._read)

    def _check_encodings(self) -> None:
        """DBN and CSV of one period are the same data twice; which counts is not ours to say."""
        market = self._market
        if market.files["encoding"].nunique() < 2:
            return
        encoding = market.files.drop_duplicates("file").set_index("file")["encoding"]
        spans = market.ranges()
        spans["encoding"] = encoding.reindex(spans["file"]).to_numpy()
        for _, rows in spans.groupby("root"):
            dbn, text = (rows[rows["encoding"] == name] for name in ("dbn", "csv"))
            overlap = (dbn["first"].to_numpy()[:, None] <= text["last"].to_numpy()) & (
                text["first"].to_numpy() <= dbn["last"].to_numpy()[:, None]
            )
            if overlap.any():
                i, j = np.argwhere(overlap)[0]
                one, other = dbn["file"].iloc[i], text["file"].iloc[j]
                raise SourceError(
                    f"{market.place(one)} (DBN) and {market.names[other]} (CSV) cover the same "
                    "time. Keep one encoding per period, best the DBN files."
                )

    def _check_presence(self, path: Path) -> None:
        files = self._market.files
        present = set(files.loc[files["n_bars"] > 0, "symbol"])
        missing = [root for root in self._roots if root not in present]
        if not missing:
            return
        symbols = frozenset[Continuous]().union(*(file.symbols for file in self._read))
        held = sorted({s.root for s in symbols if s.rank == 0})
        ranked = sorted(
            str(s) for s in symbols if s.rank and s.root in missing and s.root not in held
        )
        silent = [root for root in missing if root in held]
        parts = [f"No bar of {', '.join(missing)} in {path}."]
        if ranked:
            parts.append(f"Only {', '.join(ranked)} is there, which is not the front (rank 0).")
        if silent:
            parts.append(f"{', '.join(silent)} has a symbol mapping, but no record.")
        listed = ", ".join(root for root in held if root not in silent) or "none"
        wanted = ", ".join(f"{root}.v.0" for root in missing)
        parts.append(
            f"Roots there: {listed}. Download {wanted} with stype_in=continuous, or leave "
            f"{', '.join(missing)} out of source.symbols."
        )
        raise SourceError(" ".join(parts))

    def warn_of_silence(self, bars: pd.DataFrame) -> None:
        """Name long gaps: a file that is missing, or cut off between two of its zstd frames.

        Parameters
        ----------
        bars
            Sound bars, with ``symbol`` and ``ts_event``, sorted.
        """
        symbol = bars["symbol"].to_numpy()
        time = bars["ts_event"].dt.tz_localize(None).to_numpy().astype("int64") * US_NS
        ends = self._market.files["end_time"].dropna()
        until = int(ends.max().value) if len(ends) else None
        for root in self._market.roots:
            own = time[symbol == root]
            edges = np.append(own, until) if until is not None and len(own) else own
            gaps = np.diff(edges)
            count = int((gaps > MAX_SILENCE_NS).sum())
            if count:
                i = int(gaps.argmax())
                start, end = (
                    pd.Timestamp(t, tz="UTC").strftime("%F %H:%M") for t in edges[i : i + 2]
                )
                logger.warning(
                    "%s: silent for more than %d days (%d times), longest %s to %s UTC: is a file "
                    "missing or cut off?",
                    *(root, MAX_SILENCE_NS // DAY_NS, count, start, end),
                )
