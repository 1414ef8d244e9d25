"""What lies in the folder of downloaded files, and how a file gets there whole or not at all."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from soyoil.base.errors import SourceError
from soyoil.sources.databento.contracts import read_contracts
from soyoil.sources.databento.dbn import DATASET, asked_as, read_dbn, read_metadata
from soyoil.sources.databento.download.config import Kind
from soyoil.sources.databento.download.plan import DAY, PREFIX, SYMBOLS, Pull, Span, symbols_of
from soyoil.sources.databento.file import CSV_SUFFIXES, DBN_SUFFIXES, damaged
from soyoil.sources.databento.load import CONDITION_FILE, conditions
from soyoil.sources.databento.symbols import DAY_NS, continuous_symbols

PART: Final = ".{name}.part"
"""Where a file is written before it is checked; the leading dot hides it from loads."""
SCHEMA: Final = "ohlcv-1h"
EPOCH: Final = dt.date(1970, 1, 1)
NAMES: Final[dict[Kind, str]] = {
    "continuous": "source.path",
    "contracts": "source.download.contracts_path",
}
"""Parameter that names the folder."""
HOLDS: Final[dict[Kind, str]] = {"continuous": "front months", "contracts": "contracts"}
UNDATED: Final[dict[Kind, tuple[str, ...]]] = {
    "continuous": CSV_SUFFIXES,
    "contracts": (*CSV_SUFFIXES, ".parquet"),
}
"""Endings of files that loads read and that do not say what days they cover."""


class Folder:
    """The folder of files, which is made when the first of them is pulled.

    Parameters
    ----------
    path
        The folder.
    kind
        What is pulled into it.
    """

    def __init__(self, path: Path, kind: Kind = "continuous") -> None:
        self.path = path
        self.kind: Kind = kind

    @classmethod
    def at(cls, path: Path, kind: Kind = "continuous") -> Folder:
        """The folder of a path that a parameter names.

        Raises
        ------
        SourceError
            It is a file, or holds files that do not say what days they cover.
        """
        if path.exists() and not path.is_dir():
            raise SourceError(
                f"{NAMES[kind]} {path} is a file: what is pulled goes into a folder. Name the "
                "folder."
            )
        folder = cls(path, kind)
        text = [p.name for p in folder.entries() if p.name.lower().endswith(UNDATED[kind])]
        if text:
            raise SourceError(
                f"{path} holds {'CSV' if kind == 'continuous' else 'CSV or Parquet'} files, such "
                f"as {text[0]}, which do not say what days they cover: what is missing cannot be "
                "told. Pull into another folder, or set source.download.mode to null."
            )
        return folder

    def entries(self) -> list[Path]:
        """What lies there, hidden files left out, in the order of names."""
        try:
            if not self.path.is_dir():
                return []
            return sorted(p for p in self.path.iterdir() if not p.name.startswith("."))
        except OSError as error:
            raise SourceError(
                f"Cannot read {NAMES[self.kind]} {self.path}: {error.strerror or error}. Check its "
                "permissions."
            ) from error

    def names(self) -> frozenset[str]:
        """Names that are in use."""
        return frozenset(p.name for p in self.entries())

    def held(self, roots: Sequence[str]) -> dict[str, list[Span]]:
        """Whole days that the files there cover, by root, as their headers say.

        Raises
        ------
        SourceError
            A file cannot be read, or does not go together with what would be pulled: of another
            schema, of front months beside contracts, or under another roll rule.
        """
        found: dict[str, list[Span]] = {root: [] for root in roots}
        for path in self.entries():
            if not path.name.lower().endswith(DBN_SUFFIXES):
                continue
            metadata = read_metadata(path)
            if str(metadata.schema) != SCHEMA:
                raise SourceError(
                    f"{path} is {metadata.schema}, and {SCHEMA} is pulled: one folder, one schema. "
                    "Pull into another folder."
                )
            self._refuse_other_kind(path, metadata)
            span = covered(metadata, self.kind)
            for root in self._held_roots(path, metadata.symbols, roots):
                if span is not None:
                    found[root].append(span)
        return found

    def _held_roots(self, path: Path, symbols: Sequence[str], roots: Sequence[str]) -> list[str]:
        """Roots that a file was requested for."""
        if self.kind == "contracts":
            wanted = zip(roots, symbols_of(roots, self.kind), strict=True)
            return [root for root, symbol in wanted if symbol in symbols]
        found = []
        for symbol in continuous_symbols(symbols):
            if symbol.rank or symbol.root not in roots:
                continue
            if symbol.rule != "v":
                raise SourceError(
                    f"{path} holds {symbol}, and {symbol.root}.v.0 is pulled: a series that "
                    "changes its roll rule changes its contracts. Pull into another folder."
                )
            found.append(symbol.root)
        return found

    def _refuse_other_kind(self, path: Path, metadata: Any) -> None:
        is_front = str(metadata.stype_in) == "continuous"
        if is_front == (self.kind == "continuous"):
            return
        held, pulled = HOLDS["continuous" if is_front else "contracts"], HOLDS[self.kind]
        place = NAMES["continuous" if is_front else "contracts"]
        raise SourceError(
            f"{path} holds {held} (requested as {asked_as(metadata)}), and {pulled} are pulled: "
            f"each has a folder of its own. Move it to that of {place}, or pull into another "
            "folder."
        )

    def parts(self) -> list[Path]:
        """Files that a run that was ended left unchecked."""
        return sorted(self.path.glob(PART.format(name=f"{PREFIX}*")))

    def part(self, name: str) -> Path:
        """Where the file of a name is written before it is checked."""
        return self.path / PART.format(name=name)

    def take(self, part: Path, name: str) -> Path:
        """Give a checked file its name.

        Raises
        ------
        SourceError
            The name is taken.
        """
        target = self.path / name
        if os.path.lexists(target):
            raise SourceError(
                f"{target} is there and does not cover the days of its name: move it away, then "
                "run again. What was pulled in its place is kept."
            )
        with part.open("rb") as stream:
            os.fsync(stream.fileno())
        part.rename(target)
        return target

    def add_conditions(self, days: Iterable[Mapping[str, Any]]) -> None:
        """Add days with their condition to ``condition.json``, in the vendor's form.

        Raises
        ------
        SourceError
            The file that is there is not what it should be.
        """
        path = self.path / CONDITION_FILE
        conditions(self.path)
        old = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        by_day = {day["date"]: dict(day) for day in (*old, *days)}
        new = [by_day[day] for day in sorted(by_day)]
        if new != old:
            write_json(path, new)


def write_json(path: Path, content: Any) -> None:
    """Write JSON beside the old file, then swap them."""
    part = path.with_name(PART.format(name=path.name.lstrip(".")))
    with part.open("w", encoding="utf-8") as stream:
        stream.write(json.dumps(content, indent=2) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    part.rename(path)


def covered(metadata: Any, kind: Kind = "continuous") -> Span | None:
    """Whole UTC days that a file was requested for; None if it does not say, or was limited."""
    whole = (
        metadata.dataset == DATASET
        and str(metadata.stype_in) == SYMBOLS[kind][0]
        and metadata.limit is None
        and metadata.end is not None
        and metadata.end // DAY_NS < 100_000
    )
    if not whole:
        return None
    start, end = -(-metadata.start // DAY_NS), metadata.end // DAY_NS
    return Span(EPOCH + start * DAY, EPOCH + end * DAY) if start < end else None


def check(path: Path, pull: Pull) -> int:
    """Check that a file is what was asked for, and whole.

    Parameters
    ----------
    path
        The file, under whatever name.
    pull
        What was asked for.

    Returns
    -------
    int
        Number of its records.

    Raises
    ------
    DamagedFileError
        It was cut off or altered.
    SourceError
        It is whole and something else than was asked for.
    """
    if not path.stat().st_size:
        raise damaged(path, "it is empty")
    metadata = read_metadata(path)
    found = covered(metadata, pull.kind)
    if found != pull.span or sorted(metadata.symbols) != sorted(pull.symbols):
        days = "other days" if found is None else f"{found.start} to {found.last}"
        raise SourceError(
            f"{path} holds {', '.join(sorted(metadata.symbols)[:8])} of {days}, and asked for were "
            f"{', '.join(pull.symbols)} of {pull.span.start} to {pull.span.last}: the answer is "
            "not to the question."
        )
    return _records(path, pull, pull.roots)


def _records(path: Path, pull: Pull, roots: Sequence[str]) -> int:
    """Number of records of a file that is read as loads will read it."""
    if pull.kind == "continuous":
        return read_dbn(path, roots).records
    files = [read_contracts(path, root) for root in roots]
    for root, file in zip(roots, files, strict=True):
        if file.bars.empty:
            raise SourceError(
                f"{path} holds no bar of a single contract of {root}, such as {root}H4, among its "
                f"{file.records:,} bars."
            )
    return files[0].records


def inspect(path: Path, roots: Sequence[str], kind: Kind = "continuous") -> tuple[Pull, int]:
    """What a file holds whose request is not known any more.

    Parameters
    ----------
    path
        The file.
    roots
        Configured roots, which it must hold whole if it holds them at all.
    kind
        What is pulled into its folder.

    Returns
    -------
    tuple
        The request that it answers, and the number of its records.

    Raises
    ------
    DamagedFileError
        It was cut off or altered.
    SourceError
        It is whole and no file of whole days of what is pulled.
    """
    if not path.stat().st_size:
        raise damaged(path, "it is empty")
    metadata = read_metadata(path)
    span = covered(metadata, kind)
    if span is None or not _is_pulled(metadata.symbols, roots, kind):
        what = "continuous symbols by volume" if kind == "continuous" else "contracts"
        raise SourceError(f"{path} holds no whole days of {what}.")
    pull = Pull(span, tuple(sorted(s.split(".")[0] for s in metadata.symbols)), kind)
    return pull, _records(path, pull, [root for root in pull.roots if root in roots])


def _is_pulled(symbols: Sequence[str], roots: Sequence[str], kind: Kind) -> bool:
    """Whether symbols are such as a pull asks for."""
    if kind == "contracts":
        return sorted(symbols) == sorted(symbols_of(roots, kind))
    named = continuous_symbols(symbols)
    return not any(symbol.rank or symbol.rule != "v" for symbol in named)
