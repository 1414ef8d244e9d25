"""Bars from a folder of Databento files.

What the files are supposed to be is checked before anything else is made of them: one schema,
one roll rule per root, every configured root present. Bars that fail a check are set aside with
the reason (`soyoil.sources.quarantine`).
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from soyoil.errors import SourceError
from soyoil.market.instruments import check_roots
from soyoil.sources.base import (
    BAR_COLUMNS,
    QUARANTINE_COLUMNS,
    Advance,
    BarBatch,
    SourceConfig,
    empty_quarantine,
    no_progress,
)
from soyoil.sources.databento_csv import read_csv
from soyoil.sources.databento_dbn import read_dbn
from soyoil.sources.databento_file import WANTED, VendorFile, empty_raw
from soyoil.sources.databento_symbols import DAY_NS, RULES, Continuous
from soyoil.sources.quarantine import (
    BarRules,
    refuse_if_defective,
    split_defective,
    split_duplicates,
)

logger = logging.getLogger(__name__)

DBN_SUFFIXES = (".dbn.zst", ".dbn")
CSV_SUFFIXES = (".csv", ".csv.zst", ".csv.gz")
CONDITION_FILE = "condition.json"
MAX_SILENCE_NS = 6 * DAY_NS
"""Longest time without a bar of a root that is passed over without a warning."""


@dataclass(frozen=True)
class _Span:
    """First and last bar of the configured roots in one file, nanoseconds since 1970."""

    file: VendorFile
    first: int
    last: int


@dataclass
class _Reading:
    """What has been read so far; `files` without their bars, which are in `sound`."""

    roots: tuple[str, ...]
    present: set[int] = field(default_factory=set)
    spans: list[_Span] = field(default_factory=list)
    files: list[VendorFile] = field(default_factory=list)
    sound: list[pd.DataFrame] = field(default_factory=list)
    rejected: list[pd.DataFrame] = field(default_factory=list)


def read_folder(source: SourceConfig, advance: Advance = no_progress) -> BarBatch:
    """Read the configured roots from Databento files.

    Parameters
    ----------
    source
        ``path`` is a folder of DBN or CSV files, not searched below its top level, or one
        file; ``symbols`` are the roots to keep. Other files in the folder are ignored, but for
        ``condition.json`` (degraded days) and ``symbology.json`` (names for CSV without a
        ``symbol`` column).
    advance
        Called with (files done, files in all) after each file.

    Returns
    -------
    BarBatch
        Observed bars, sorted by symbol, time and contract.

    Raises
    ------
    SourceError
        A file or the folder as a whole is not what it claims to be; the message names the
        file, what is wrong and the remedy.
    ConfigError
        A configured root is unknown to soyoil.
    """
    check_roots(source.symbols)
    if not source.path:
        raise SourceError(f"source.path is not set; {WANTED}.")
    path = Path(source.path).expanduser()
    files = list_files(path)
    # In alphabetical order, so that sorting by code sorts by symbol.
    reading = _Reading(tuple(sorted(source.symbols)))
    for done, file in enumerate(files, start=1):
        _read_file(file, reading)
        advance(done, len(files))
    _check_roll_rules(reading)
    _check_encodings(reading)
    _check_presence(reading, path)
    bars, quarantine = _assemble(reading)
    _warn_of_silence(bars, reading)
    return BarBatch(
        bars=_public(bars, reading).reset_index(drop=True)[list(BAR_COLUMNS)],
        quarantine=quarantine,
        schema=reading.files[0].schema,
        provenance="observed",
        degraded_days=degraded_days(path if path.is_dir() else path.parent),
    )


def list_files(path: Path) -> list[Path]:
    """Databento files at `path`, sorted by name.

    Raises
    ------
    SourceError
        There is nothing at `path`, it may not be read, or no file there has a known suffix.
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
    files = [p for p in entries if p not in folders and _has_suffix(p, DBN_SUFFIXES + CSV_SUFFIXES)]
    if files:
        return files
    found = ", ".join(p.name + "/" * (p in folders) for p in entries[:3]) or "nothing"
    more = f" and {len(entries) - 3} more" if len(entries) > 3 else ""
    hint = " Subfolders are not searched: name the one that holds the files." if folders else ""
    raise SourceError(f"No Databento file at {path}, only {found}{more}; {WANTED}.{hint}")


def _has_suffix(path: Path, suffixes: tuple[str, ...]) -> bool:
    return path.name.lower().endswith(suffixes)


def _read_file(path: Path, reading: _Reading) -> None:
    read = read_dbn if _has_suffix(path, DBN_SUFFIXES) else read_csv
    file = read(path, reading.roots)
    if reading.files and file.schema != reading.files[0].schema:
        first = reading.files[0]
        raise SourceError(
            f"{first.path} is {first.schema}, {path.name} is {file.schema}: one folder, one "
            "schema. Keep the ohlcv-1h files and move the others elsewhere."
        )
    rules = BarRules(file.schema, reading.roots, file.start, file.end)
    sound, rejected = split_defective(file.bars, rules)
    position = len(reading.files)
    reading.sound.append(sound.drop(columns="mapped").assign(file=np.int32(position)))
    if len(rejected):
        reading.rejected.append(rejected.assign(file=np.int32(position)))
    facts = replace(file, bars=empty_raw())
    reading.files.append(facts)
    if len(file.bars):
        reading.present.update(file.bars["root"].unique().tolist())
        time = file.bars["ts_event"]
        reading.spans.append(_Span(facts, int(time.min()), int(time.max())))


def _check_roll_rules(reading: _Reading) -> None:
    """One roll rule per root: a series that changes its rule changes its contracts."""
    seen: dict[str, tuple[Continuous, Path]] = {}
    for file in reading.files:
        for symbol in sorted(file.symbols):
            if symbol.rank or symbol.root not in reading.roots:
                continue
            other, where = seen.setdefault(symbol.root, (symbol, file.path))
            if other != symbol:
                raise SourceError(
                    f"{symbol.root} occurs under two roll rules: {other} ({RULES[other.rule]}) in "
                    f"{where}, {symbol} ({RULES[symbol.rule]}) in {file.path.name}. Keep the "
                    f"files of one rule, best by volume ({symbol.root}.v.0)."
                )


def _check_encodings(reading: _Reading) -> None:
    """DBN and CSV of one period are the same data twice; which one counts is not ours to say."""
    dbn, text = ([s for s in reading.spans if s.file.encoding == e] for e in ("dbn", "csv"))
    for one in dbn:
        for other in text:
            if one.first <= other.last and other.first <= one.last:
                raise SourceError(
                    f"{one.file.path} (DBN) and {other.file.path.name} (CSV) cover the same time. "
                    "Keep one encoding per period, best the DBN files."
                )


def _check_presence(reading: _Reading, path: Path) -> None:
    missing = [r for code, r in enumerate(reading.roots) if code not in reading.present]
    if not missing:
        return
    symbols = frozenset[Continuous]().union(*(file.symbols for file in reading.files))
    held = sorted({s.root for s in symbols if s.rank == 0})
    ranked = sorted(str(s) for s in symbols if s.rank and s.root in missing and s.root not in held)
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


def _assemble(reading: _Reading) -> tuple[pd.DataFrame, pd.DataFrame]:
    bars = pd.concat(reading.sound, ignore_index=True)
    reading.sound.clear()
    bars, duplicates = split_duplicates(bars)
    if len(duplicates):
        reading.rejected.append(duplicates)
    quarantine = _quarantine(reading)
    total = bars["root"].value_counts().rename(index=dict(enumerate(reading.roots)))
    refused = quarantine.loc[quarantine["reason"] != "duplicate_bar", "symbol"].value_counts()
    refuse_if_defective(total.add(refused, fill_value=0).astype("int64"), quarantine)
    order = np.lexsort((bars["instrument_id"], bars["ts_event"], bars["root"]))
    return bars.iloc[order], quarantine


def _quarantine(reading: _Reading) -> pd.DataFrame:
    if not reading.rejected:
        return empty_quarantine()
    rejected = pd.concat(reading.rejected, ignore_index=True)
    rejected = rejected.sort_values(["root", "ts_event", "instrument_id", "file"], kind="stable")
    names = np.array([file.path.name for file in reading.files])
    out = _public(rejected, reading).assign(
        reason=rejected["reason"], file=pd.array(names[rejected["file"]], dtype="str")
    )
    return out.reset_index(drop=True)[list(QUARANTINE_COLUMNS)]


def _public(bars: pd.DataFrame, reading: _Reading) -> pd.DataFrame:
    """Raw bars in the shape of `BarBatch`, on the same index."""
    time = pd.to_datetime(bars["ts_event"], unit="ns", utc=True).dt.as_unit("us")
    symbol = pd.Categorical.from_codes(
        bars["root"].to_numpy(), pd.Index(list(reading.roots))
    ).astype("str")
    return bars.assign(ts_event=time, symbol=symbol)


def _warn_of_silence(bars: pd.DataFrame, reading: _Reading) -> None:
    """Name long gaps: a file that is missing, or cut off between two of its zstd frames."""
    codes, time = bars["root"].to_numpy(), bars["ts_event"].to_numpy()
    ends = [file.end for file in reading.files if file.end is not None]
    for code, root in enumerate(reading.roots):
        own = time[codes == code]
        edges = np.append(own, max(ends)) if ends and len(own) else own
        gaps = np.diff(edges)
        count = int((gaps > MAX_SILENCE_NS).sum())
        if count:
            i = int(gaps.argmax())
            start, end = (pd.Timestamp(t, tz="UTC").strftime("%F %H:%M") for t in edges[i : i + 2])
            logger.warning(
                "%s: silent for more than %d days (%d times), longest %s to %s UTC: is a file "
                "missing or cut off?",
                *(root, MAX_SILENCE_NS // DAY_NS, count, start, end),
            )


def degraded_days(folder: Path) -> tuple[dt.date, ...]:
    """UTC days that Databento marks as degraded, ascending.

    Parameters
    ----------
    folder
        Its ``condition.json``, if it has one, adds to the days that come with soyoil.

    Raises
    ------
    SourceError
        ``condition.json`` is there but not a list of days with their condition.
    """
    packaged = resources.files("soyoil.sources").joinpath("databento_degraded.csv")
    with packaged.open(encoding="utf-8") as stream:
        known = pd.read_csv(stream, comment="#")["date"].map(dt.date.fromisoformat).tolist()
    return tuple(sorted({*known, *_conditions(folder / CONDITION_FILE)}))


def _conditions(path: Path) -> Sequence[dt.date]:
    if not path.is_file():
        return []
    try:
        days = json.loads(path.read_text(encoding="utf-8"))
        return [dt.date.fromisoformat(d["date"]) for d in days if d["condition"] == "degraded"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(
            f"{path} is not Databento's list of days with their condition "
            f"({type(error).__name__}: {error}). Download it again or remove it."
        ) from error
