"""Which files are known from earlier loads, by content."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa

from soyoil.base.errors import SourceError
from soyoil.sources.base import SourceConfig
from soyoil.sources.databento.csv.read import SYMBOLOGY_FILE, has_symbol_column
from soyoil.sources.databento.file import refuse_non_file
from soyoil.sources.vendor_store import empty_files

logger = logging.getLogger(__name__)

_KEY: Final = ["file_hash", "symbol"]


def fingerprint(path: Path) -> str:
    """SHA-256 (hex) of all that decides what is read from a file.

    That is the file itself and, for a CSV whose rows have no symbol, the ``symbology.json``
    beside it.

    Raises
    ------
    SourceError
        It is no file, or may not be read.
    """
    try:
        refuse_non_file(path)
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256")
        names = path.parent / SYMBOLOGY_FILE
        if _needs(path, names):
            digest.update(names.read_bytes())
    except OSError as error:
        raise SourceError(
            f"Cannot read {path}: {error.strerror or error}. Check that the file is there and "
            "that you may read it."
        ) from error
    return digest.hexdigest()


def _needs(path: Path, symbology: Path) -> bool:
    if ".csv" not in path.name.lower() or not symbology.is_file():
        return False
    try:
        return not has_symbol_column(path)
    except (SourceError, pa.ArrowInvalid, OSError):
        return False  # reading it will tell what is wrong


def fingerprints(paths: Sequence[Path]) -> dict[str, Path]:
    """Files by content; of equal ones the first."""
    found: dict[str, Path] = {}
    for path in paths:
        first = found.setdefault(fingerprint(path), path)
        if first != path:
            logger.info("%s is a copy of %s and not read", path.name, first.name)
    return found


def join_days(days: Iterable[dt.date]) -> str:
    """Days as one text, ascending: ``2024-01-08,2024-01-09``."""
    return ",".join(day.isoformat() for day in sorted(days))


def split_days(listed: Iterable[str]) -> frozenset[dt.date]:
    """All days of such texts."""
    texts = {text for text in listed if text}
    return frozenset(dt.date.fromisoformat(day) for text in texts for day in text.split(","))


class KnownFiles:
    """Files of earlier loads beside those at ``source.path``.

    Parameters
    ----------
    rows
        Rows of `vendor_store.FILES`.
    at_path
        Files at ``source.path`` by hash.
    source
        Roots, and what the files at ``source.path`` take the place of.

    Attributes
    ----------
    all
        `rows`.
    """

    def __init__(
        self, rows: pd.DataFrame, at_path: Mapping[str, Path], source: SourceConfig
    ) -> None:
        self.all = rows
        self.at_path = dict(at_path)
        self._source = source

    @cached_property
    def _is_here(self) -> pd.Series:
        """Whether a row is of a file at hand and a configured root."""
        return self.all["file_hash"].isin(self.at_path) & self.all["symbol"].isin(
            self._source.symbols
        )

    @cached_property
    def _counts(self) -> pd.Series:
        """Whether the bars of a row count in this load."""
        kept = ~self.all["is_retired"]
        if self._source.replace == "everything":
            kept &= False
        elif self._source.replace == "same_name":
            names = {path.name for path in self.at_path.values()}
            kept &= ~self.all["name"].isin(names) | self.all["file_hash"].isin(self.at_path)
        return kept | self._is_here

    def unread(self, stored: pd.DataFrame) -> dict[str, tuple[str, ...]]:
        """Roots to read from the files at hand, by hash, in alphabetical order.

        Parameters
        ----------
        stored
            Rows of `vendor_store.BARS`.

        Raises
        ------
        SourceError
            Stored bars of a file that is not at hand are gone or were altered.
        """
        there = stored.groupby(_KEY, observed=True).size().rename("there").reset_index()
        rows = self.all[self._counts].merge(there.astype(dict.fromkeys(_KEY, "str")), "left", _KEY)
        whole = rows["there"].fillna(0) == rows["n_bars"]
        lost = rows[~whole & ~rows["file_hash"].isin(self.at_path)]
        if not lost.empty:
            row = lost.iloc[0]
            raise SourceError(
                f"Bars of {len(lost)} files are no longer in the warehouse as they were read, such "
                f"as {row['symbol']} of {row['name']} ({row['n_bars']:,}): load these files again."
            )
        have = set(pd.MultiIndex.from_frame(rows.loc[whole, _KEY]))
        partly = pd.MultiIndex.from_frame(rows.loc[~whole, _KEY])
        needed = {(file_hash, root) for file_hash in self.at_path for root in self._source.symbols}
        missing: dict[str, list[str]] = {}
        for file_hash, root in sorted((needed | set(partly)) - have):
            missing.setdefault(file_hash, []).append(root)
        return {file_hash: tuple(roots) for file_hash, roots in missing.items()}

    def changed(self, new: pd.DataFrame, degraded: frozenset[dt.date]) -> pd.DataFrame:
        """Rows that are new or differ from what is stored.

        Parameters
        ----------
        new
            Rows of the files that were read.
        degraded
            Degraded days of the folder.
        """
        rows = self.all.copy()
        rows["is_retired"] = ~self._counts
        # A day that was degraded stays so for the content that the file had then.
        rows.loc[self._is_here, "degraded_days"] = rows.loc[self._is_here, "degraded_days"].map(
            lambda text: join_days(split_days([text]) | degraded)
        )
        differs = (rows["is_retired"] != self.all["is_retired"]) | (
            rows["degraded_days"] != self.all["degraded_days"]
        )
        again = pd.MultiIndex.from_frame(rows[_KEY]).isin(pd.MultiIndex.from_frame(new[_KEY]))
        parts = [part for part in (rows[differs & ~again], new) if len(part)]
        return pd.concat(parts, ignore_index=True) if parts else empty_files()

    def counted(self, changed: pd.DataFrame) -> pd.DataFrame:
        """Rows that count, those of this load included."""
        old = pd.MultiIndex.from_frame(self.all[_KEY])
        kept = self.all[~old.isin(pd.MultiIndex.from_frame(changed[_KEY]))]
        parts = [part for part in (kept, changed) if len(part)]
        rows = pd.concat(parts, ignore_index=True) if parts else empty_files()
        return rows[~rows["is_retired"]]
