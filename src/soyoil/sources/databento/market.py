"""All Databento bars that count: those that the warehouse holds, and those just read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from soyoil.base.arrays import IntArray
from soyoil.base.errors import SourceError
from soyoil.market.conventions import BarSchema
from soyoil.sources.base import BAR_COLUMNS, QUARANTINE_COLUMNS, empty_quarantine
from soyoil.sources.databento.file import PRICE_COLUMNS, RAW_TYPES, VendorFile
from soyoil.sources.databento.overlaps import UNFINISHED, last_of_file, split_unfinished
from soyoil.sources.databento.plausibility import split_implausible
from soyoil.sources.databento.symbols import RULES
from soyoil.sources.quarantine import (
    CONFLICT,
    DUPLICATE,
    GRID_NS,
    OUTSIDE,
    BarRules,
    refuse_if_defective,
    split_defective,
    split_duplicates,
)
from soyoil.sources.vendor_store import BAR_TYPES, FILE_TYPES, empty_bars, empty_files

US_NS: Final = 1_000
"""Nanoseconds of a microsecond."""


@dataclass(frozen=True)
class NewFile:
    """A file that was read, and what it is known by."""

    file_hash: str
    file: VendorFile
    roots: tuple[str, ...]


def file_rows(new: Sequence[NewFile], degraded: str) -> pd.DataFrame:
    """Rows of `vendor_store.FILES` for files that were read.

    Parameters
    ----------
    new
        The files.
    degraded
        Value of ``degraded_days``.
    """
    rows = []
    for item in new:
        file = item.file
        counts = file.bars["root"].value_counts()
        rules = {s.root: RULES[s.rule] for s in file.symbols if s.rank == 0}
        for code, root in enumerate(item.roots):
            rows.append(
                {
                    "file_hash": item.file_hash,
                    "symbol": root,
                    "name": file.path.name,
                    "encoding": file.encoding,
                    "source_schema": file.schema,
                    "roll_rule": rules.get(root),
                    "start_time": None if file.start is None else file.start // US_NS,
                    # Rounded up, so that no bar of the range falls out of it.
                    "end_time": None if file.end is None else -(-file.end // US_NS),
                    "records": file.records,
                    "n_bars": int(counts.get(code, 0)),
                    "degraded_days": degraded,
                    "is_retired": False,
                }
            )
    if not rows:
        return empty_files()
    frame = pd.DataFrame(rows)
    for name in ("start_time", "end_time"):
        micros = frame[name].astype("Int64")
        stamps = pd.to_datetime(micros, unit="us", utc=True)
        frame[name] = stamps.dt.as_unit("us")
    return frame.astype(FILE_TYPES)


def bar_rows(new: Sequence[NewFile]) -> pd.DataFrame:
    """Rows of `vendor_store.BARS` for files that were read."""
    parts = []
    for item in new:
        bars = item.file.bars
        if bars.empty:
            continue
        time = bars["ts_event"].to_numpy()
        stamps = pd.Series((time // US_NS).astype("datetime64[us]"), index=bars.index)
        parts.append(
            pd.DataFrame(
                {
                    "file_hash": item.file_hash,
                    "symbol": np.array(item.roots)[bars["root"].to_numpy()],
                    "position": bars.groupby("root").cumcount(),
                    "ts_event": stamps.dt.tz_localize("UTC"),
                    "ts_nanoseconds": time % US_NS,
                    "instrument_id": bars["instrument_id"],
                    **{name: bars[name] for name in PRICE_COLUMNS},
                    "volume": bars["volume"],
                    "is_unmapped": ~bars["mapped"],
                }
            )
        )
    if not parts:
        return empty_bars()
    return pd.concat(parts, ignore_index=True).astype(BAR_TYPES)


class Market:
    """Bars of all files that count.

    Parameters
    ----------
    files
        Rows of `vendor_store.FILES` that count.
    bars
        Frames in the layout of `vendor_store.BARS`; rows of other files are left out.
    paths
        Where the files at hand lie, by hash.

    Attributes
    ----------
    roots
        Symbols of `files`, in alphabetical order; positions are the codes in ``root``.
    files
        Rows of `files` by name, hash and symbol, with the code ``file``.
    bars
        Raw bars (`databento_file.RAW_TYPES`) with the code of their ``file``.
    """

    def __init__(
        self, files: pd.DataFrame, bars: Sequence[pd.DataFrame], paths: Mapping[str, Path]
    ) -> None:
        # By name and content, so that the order of loads decides nothing.
        files = files.sort_values(["name", "file_hash", "symbol"], ignore_index=True)
        self.hashes = pd.Index(files["file_hash"].unique())
        self.files = files.assign(file=self.hashes.get_indexer(pd.Index(files["file_hash"])))
        self.roots = tuple(sorted(files["symbol"].unique()))
        self.paths = paths
        self._root_codes = {root: code for code, root in enumerate(self.roots)}
        parts = [self._raw(empty_bars()), *map(self._raw, bars)]
        # In the order of the files, whichever were stored before.
        self.bars = pd.concat(parts).sort_values("file", kind="stable", ignore_index=True)

    @cached_property
    def _per_file(self) -> pd.DataFrame:
        return self.files.drop_duplicates("file").set_index("file")

    @cached_property
    def names(self) -> npt.NDArray[np.object_]:
        """Name of every file, by code."""
        return self._per_file["name"].to_numpy(dtype=object)

    @property
    def schema(self) -> BarSchema:
        """Schema of the bars."""
        return "ohlcv-1d" if self.files["source_schema"].iloc[0] == "ohlcv-1d" else "ohlcv-1h"

    def place(self, file: int) -> str:
        """Path of a file at hand, else its name."""
        path = self.paths.get(self.hashes[file])
        return f"{self.names[file]} (in the warehouse)" if path is None else str(path)

    def _cells(self) -> IntArray:
        """Number of every file and symbol, in the order of `files`."""
        root = self.files["symbol"].map(self._root_codes).to_numpy()
        return np.asarray(self.files["file"].to_numpy() * len(self.roots) + root, dtype=np.int64)

    def _raw(self, bars: pd.DataFrame) -> pd.DataFrame:
        file = self.hashes.get_indexer(bars["file_hash"].cat.categories)
        symbols = bars["symbol"].cat.categories
        root = np.array([self._root_codes.get(name, -1) for name in symbols], dtype=np.int64)
        files = file[bars["file_hash"].cat.codes.to_numpy()] if len(bars) else file[:0]
        roots = root[bars["symbol"].cat.codes.to_numpy()] if len(bars) else root[:0]
        known = (files >= 0) & (roots >= 0)
        known &= np.isin(files * len(self.roots) + roots, self._cells())
        micros = bars["ts_event"].dt.tz_localize(None).to_numpy().astype("int64")
        columns = {
            "ts_event": micros * US_NS + bars["ts_nanoseconds"].to_numpy(),
            "root": roots,
            "instrument_id": bars["instrument_id"],
            **{name: bars[name] for name in PRICE_COLUMNS},
            "volume": bars["volume"],
            "mapped": ~bars["is_unmapped"].astype("bool"),
        }
        raw = pd.DataFrame(columns).astype(RAW_TYPES)
        kept: pd.DataFrame = raw.assign(file=files.astype("int32"))[known]
        return kept

    def ranges(self) -> pd.DataFrame:
        """First and last bar of every symbol in every file: ``root``, ``file``, both in ns."""
        grouped = self.bars.groupby(["root", "file"], as_index=False)
        return grouped.agg(first=("ts_event", "min"), last=("ts_event", "max"))

    def coverage(self) -> pd.DataFrame:
        """What the files speak for, see `soyoil.market.bars.BarOrigin`."""
        held = self.files[self.files["roll_rule"].notna() | (self.files["n_bars"] > 0)]
        found = self.ranges()
        # What a file holds of any root tells when it was made.
        of_file = found.groupby("file")
        found = found.assign(
            first=of_file["first"].transform("min"), last=of_file["last"].transform("max")
        )
        bounds = pd.DataFrame(
            {
                "symbol": np.array(self.roots, dtype=object)[found["root"]],
                "file": found["file"],
                "first": pd.to_datetime(found["first"], unit="ns", utc=True),
                "last": pd.to_datetime(found["last"] + GRID_NS[self.schema], unit="ns", utc=True),
            }
        )
        held = held.merge(bounds, on=["symbol", "file"], how="left")
        declared = held["start_time"].notna() & held["end_time"].notna()
        start = held["start_time"].where(declared, held["first"].dt.as_unit("us"))
        end = held["end_time"].where(declared, held["last"].dt.as_unit("us"))
        out = pd.DataFrame(
            {
                "symbol": held["symbol"].astype("str"),
                "start": start.astype("datetime64[us, UTC]"),
                "end": end.astype("datetime64[us, UTC]"),
                "declared": declared.astype("bool"),
            }
        )
        return out.dropna().sort_values(["symbol", "start", "end"], ignore_index=True)

    def assemble(self, new: frozenset[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Split all bars into those to use and those to set aside.

        Parameters
        ----------
        new
            Hashes of the files that were just read.

        Returns
        -------
        tuple
            Bars in the shape of `BarBatch`, and the quarantine.

        Raises
        ------
        SourceError
            Too many bars of a root are defective, its level shifts for good, or a new file
            contradicts a stored one of the same name.
        """
        sound, outside = self._split_outside()
        rules = BarRules(self.schema, self.roots)
        sound, defective = split_defective(sound, rules)
        sound = sound.drop(columns="mapped")
        sound, unfinished = split_unfinished(sound, last_of_file(sound))
        sound, duplicates = split_duplicates(sound)
        self._refuse_contradiction(duplicates, new)
        sound, implausible = split_implausible(sound, self.schema, self.roots)
        parts = (outside, defective, unfinished, duplicates, implausible)
        rejected = [part for part in parts if len(part)]
        quarantine = self._quarantine(rejected)
        refused = quarantine[~quarantine["reason"].isin((DUPLICATE, UNFINISHED))]
        total = sound["root"].value_counts().rename(index=dict(enumerate(self.roots)))
        total = total.add(refused["symbol"].value_counts(), fill_value=0)
        refuse_if_defective(total.astype("int64"), refused)
        order = np.lexsort((sound["instrument_id"], sound["ts_event"], sound["root"]))
        bars = self._public(sound.iloc[order])
        return bars.reset_index(drop=True)[list(BAR_COLUMNS)], quarantine

    def _split_outside(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Bars within and outside the range that their file claims to cover."""
        time, file = self.bars["ts_event"].to_numpy(), self.bars["file"].to_numpy()
        outside = np.zeros(len(time), dtype=bool)
        for name, late in (("start_time", False), ("end_time", True)):
            stated = self._per_file[name]
            known = stated.notna().to_numpy()[file]
            micros = stated.dt.tz_localize(None).fillna(pd.Timestamp(0)).to_numpy()
            bound = micros.astype("datetime64[us]").astype("int64")[file] * US_NS
            outside |= known & ((time >= bound) if late else (time < bound))
        rejected = self.bars[outside].assign(reason=OUTSIDE)
        return self.bars[~outside], rejected

    def _refuse_contradiction(self, duplicates: pd.DataFrame, new: frozenset[str]) -> None:
        """A name that stands for other bars than before: its user must say which are right."""
        conflicts = duplicates[duplicates["reason"] == CONFLICT]
        if conflicts.empty or not new:
            return
        conflicts = conflicts.assign(
            name=self.names[conflicts["file"]],
            is_new=self.hashes[conflicts["file"]].isin(new),
        )
        key = ["name", "root", "ts_event", "instrument_id"]
        sides = conflicts.groupby(key, as_index=False).agg(
            any_new=("is_new", "any"), any_old=("is_new", lambda flags: not flags.all())
        )
        both = sides[sides["any_new"] & sides["any_old"]].sort_values(key[:3])
        if both.empty:
            return
        name = str(both["name"].iloc[0])
        rows = both[both["name"] == name]
        first = pd.Timestamp(rows["ts_event"].iloc[0], tz="UTC")
        raise SourceError(
            f"{name} was loaded before with other bars: {len(rows):,} of "
            f"{self.roots[int(rows['root'].iloc[0])]} differ, the first at {first:%F %H:%M} UTC. "
            "If the file is right now, let it take the place of the old one with "
            "--params=source.replace=same_name; if both are right, give one another name."
        )

    def _quarantine(self, rejected: list[pd.DataFrame]) -> pd.DataFrame:
        if not rejected:
            return empty_quarantine()
        bars = pd.concat(rejected, ignore_index=True)
        bars = bars.sort_values(["root", "ts_event", "instrument_id", "file"], kind="stable")
        out = self._public(bars).assign(
            reason=bars["reason"], file=pd.array(self.names[bars["file"]], dtype="str")
        )
        return out.reset_index(drop=True)[list(QUARANTINE_COLUMNS)]

    def _public(self, bars: pd.DataFrame) -> pd.DataFrame:
        """Raw bars in the shape of `BarBatch`, on the same index."""
        time = pd.to_datetime(bars["ts_event"], unit="ns", utc=True).dt.as_unit("us")
        symbol = pd.Categorical.from_codes(
            bars["root"].to_numpy(), pd.Index(list(self.roots))
        ).astype("str")
        return bars.assign(ts_event=time, symbol=symbol)
