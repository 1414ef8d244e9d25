"""Bars from a folder of Databento files.

What the files are supposed to be is checked before anything else is made of them: one schema,
one roll rule per root, every configured root present. Bars that fail a check are set aside with
the reason (`soyoil.sources.quarantine`).
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Final

import pandas as pd

from soyoil.base.errors import SourceError
from soyoil.market.instruments import check_roots
from soyoil.sources.base import Advance, BarBatch, SourceConfig, no_progress
from soyoil.sources.databento.checks import MarketChecks
from soyoil.sources.databento.csv.read import SYMBOLOGY_FILE, read_csv
from soyoil.sources.databento.dbn import read_dbn
from soyoil.sources.databento.file import (
    CSV_SUFFIXES,
    DBN_SUFFIXES,
    WANTED,
    VendorFile,
    refuse_non_file,
)
from soyoil.sources.databento.known import (
    KnownFiles,
    fingerprint,
    fingerprints,
    join_days,
    split_days,
)
from soyoil.sources.databento.market import Market, NewFile, bar_rows, file_rows
from soyoil.sources.vendor_store import (
    NoStore,
    VendorRecords,
    VendorStore,
    empty_bars,
    refuse_other_provenance,
)

CONDITION_FILE = "condition.json"
BESIDE: Final = (CONDITION_FILE, SYMBOLOGY_FILE)
"""Files that say something of those that hold bars."""
PROVENANCE: Final = "observed"


def read_folder(
    source: SourceConfig, advance: Advance = no_progress, store: VendorStore | None = None
) -> BarBatch:
    """Read the configured roots from Databento files, and what is stored of earlier ones.

    Parameters
    ----------
    source
        ``path`` is a folder of DBN or CSV files, not searched below its top level, or one
        file; ``symbols`` are the roots to keep. Other files in the folder are ignored, but for
        ``condition.json`` (degraded days) and ``symbology.json`` (names for CSV without a
        ``symbol`` column).
    advance
        Called with (files done, files in all) after each file.
    store
        Files that were loaded before; those that are known by their content are not read again.
        None: none were.

    Returns
    -------
    BarBatch
        Observed bars of all files that count, sorted by symbol, time and contract. They depend
        on the files alone, not on the order or number of the loads that they came in.

    Raises
    ------
    SourceError
        A file or the folder as a whole is not what it claims to be, or does not go with the
        stored files; the message names the file, what is wrong and the remedy.
    ConfigError
        A configured root is unknown to soyoil.
    ContractError
        The warehouse holds sessions of another provenance.
    """
    check_roots(source.symbols)
    if not source.path:
        raise SourceError(f"source.path is not set; {WANTED}.")
    path = Path(source.path).expanduser()
    store = NoStore() if store is None else store
    sessions = store.sessions()
    refuse_other_provenance(sessions, PROVENANCE)
    known = KnownFiles(store.files(), fingerprints(list_files(path)), source)
    degraded = conditions(path if path.is_dir() else path.parent)
    stored = store.bars() if len(known.all) else empty_bars()
    new = _read_missing(known, known.unread(stored), advance)
    changed = known.changed(file_rows(new, join_days(degraded)), degraded)
    market = Market(known.counted(changed), [stored, bars := bar_rows(new)], known.at_path)
    checks = MarketChecks(market, [item.file for item in new], source)
    checks.run(path)
    sound, quarantine = market.assemble(frozenset(item.file_hash for item in new))
    checks.warn_of_silence(sound)
    is_first = not len(known.all) and source.replace != "everything"
    return BarBatch(
        bars=sound,
        quarantine=quarantine,
        schema=market.schema,
        provenance=PROVENANCE,
        degraded_days=degraded_days(market.files["degraded_days"]),
        coverage=market.coverage(),
        records=VendorRecords(
            files=changed,
            bars=bars,
            counted=market.files[["file_hash", "symbol"]],
            orphans=sessions[["symbol", "data_date"]].iloc[: None if is_first else 0],
        ),
    )


def _read_missing(
    known: KnownFiles, wanted: Mapping[str, tuple[str, ...]], advance: Advance
) -> list[NewFile]:
    """Read the files of which bars are missing, one schema in all of them."""
    new: list[NewFile] = []
    for done, (file_hash, path) in enumerate(known.at_path.items(), start=1):
        if file_hash in wanted:
            # In alphabetical order, so that sorting by code sorts by symbol.
            new.append(NewFile(file_hash, _read_file(path, wanted[file_hash]), wanted[file_hash]))
            first, file = new[0].file, new[-1].file
            if file.schema != first.schema:
                raise SourceError(
                    f"{first.path} is {first.schema}, {path.name} is {file.schema}: one folder, "
                    "one schema. Keep the ohlcv-1h files and move the others elsewhere."
                )
            if fingerprint(path) != file_hash:
                raise SourceError(f"{path} was written to while it was read: run again.")
        advance(done, len(known.at_path))
    return new


def _read_file(path: Path, roots: tuple[str, ...]) -> VendorFile:
    read = read_dbn if _has_suffix(path, DBN_SUFFIXES) else read_csv
    return read(path, roots)


def list_files(path: Path) -> list[Path]:
    """Databento files at `path`, sorted by name.

    Raises
    ------
    SourceError
        There is nothing at `path`, it may not be read, no file there has a known suffix, or what
        has one is no file but a folder, a pipe or a device.
    """
    try:
        if path.is_dir():
            # A leading dot marks droppings of the file system, such as macOS's `._name`.
            entries = sorted(p for p in path.iterdir() if not p.name.startswith("."))
        elif path.exists():
            entries = [path]
        else:
            raise SourceError(f"source.path {path} does not exist; {WANTED}.")
        folders = [p for p in entries if p.is_dir()]
    except OSError as error:
        raise SourceError(
            f"Cannot read source.path {path}: {error.strerror or error}. Check its permissions."
        ) from error
    files = [p for p in entries if _has_suffix(p, DBN_SUFFIXES + CSV_SUFFIXES)]
    for file in files:
        refuse_non_file(file)
    if files:
        return files
    found = ", ".join(p.name + "/" * (p in folders) for p in entries[:3]) or "nothing"
    more = f" and {len(entries) - 3} more" if len(entries) > 3 else ""
    hint = " Subfolders are not searched: name the one that holds the files." if folders else ""
    raise SourceError(f"No Databento file at {path}, only {found}{more}; {WANTED}.{hint}")


def _has_suffix(path: Path, suffixes: tuple[str, ...]) -> bool:
    return path.name.lower().endswith(suffixes)


def degraded_days(listed: Iterable[str]) -> tuple[dt.date, ...]:
    """UTC days that Databento marks as degraded, ascending.

    Parameters
    ----------
    listed
        Days beside those that come with soyoil, as `join_days` writes them.
    """
    packaged = resources.files("soyoil.sources.databento").joinpath("degraded.csv")
    with packaged.open(encoding="utf-8") as stream:
        known = pd.read_csv(stream, comment="#")["date"].map(dt.date.fromisoformat).tolist()
    return tuple(sorted({*known, *split_days(listed)}))


def conditions(folder: Path) -> frozenset[dt.date]:
    """Degraded days in the ``condition.json`` of a folder; none if it has no such file.

    Raises
    ------
    SourceError
        ``condition.json`` is there but not a list of days with their condition.
    """
    path = folder / CONDITION_FILE
    if not os.path.lexists(path):
        return frozenset()
    refuse_non_file(path)
    try:
        days = json.loads(path.read_text(encoding="utf-8"))
        return frozenset(
            dt.date.fromisoformat(d["date"]) for d in days if d["condition"] == "degraded"
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(
            f"{path} is not Databento's list of days with their condition "
            f"({type(error).__name__}: {error}). Download it again or remove it."
        ) from error
