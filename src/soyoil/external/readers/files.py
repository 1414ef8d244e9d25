"""Files of sources that come in more than one form, and rows of them that are set aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from soyoil.base.errors import SourceError
from soyoil.external.base import (
    CONFLICT,
    CUT,
    quarantine,
    read_csv,
    without_conflicts,
)

PARQUET: Final = ".parquet"


def files_at(path: Path, what: str, kinds: Sequence[str] = (".csv",)) -> tuple[Path, ...]:
    """Files that a source is to read, in the order of their names.

    Parameters
    ----------
    path
        A file, or a folder of files.
    what
        What it should hold, for messages.
    kinds
        Endings that count in a folder.

    Raises
    ------
    SourceError
        A folder holds no such file.
    """
    if not path.is_dir():
        return (path,)
    found = tuple(
        sorted(
            p
            for p in path.iterdir()
            # A leading dot marks what is still being written, and droppings of the file system.
            if p.name.lower().endswith(tuple(kinds)) and p.name[0] != "." and p.is_file()
        )
    )
    if not found:
        raise SourceError(f"{path} holds no {' or '.join(kinds)} file: it should hold {what}.")
    return found


def read_text(path: Path, what: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A CSV or Parquet file as text.

    Parameters
    ----------
    path
        The file; Parquet by its ending.
    what
        What it should be, for messages.

    Returns
    -------
    tuple
        All columns as ``str``, stripped, "" where there is no value; and an empty frame with one
        row per line that was left out.

    Raises
    ------
    SourceError
        There is no such file, it cannot be read or holds no row.
    """
    if path.suffix.lower() != PARQUET:
        raw, broken = read_csv(path, (), what)
        return raw.apply(lambda column: column.str.strip()), pd.DataFrame(index=range(broken))
    if not path.is_file():
        raise SourceError(f"{path} is not there: it should hold {what}.")
    try:
        frame = pd.read_parquet(path)
    except Exception as error:
        # Damaged bytes end up in the reader's own notes, where any exception may come of them.
        problem = (str(error) or type(error).__name__).splitlines()[0]
        raise SourceError(f"{path} cannot be read as {what}: {problem}.") from error
    if frame.empty:
        raise SourceError(f"{path} holds no row: it should hold {what}.")
    # Databento's own writer makes the time of a bar the index.
    if frame.index.name is not None:
        frame = frame.reset_index()
    text = {
        str(name): frame[name].astype("str").mask(frame[name].isna(), "").str.strip()
        for name in frame.columns
    }
    return pd.DataFrame(text, dtype="str"), pd.DataFrame()


def sift(
    source: str,
    path: Path,
    rows: pd.DataFrame,
    checks: Mapping[str, pd.Series],
    values: Sequence[str],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Set aside what is defective.

    Parameters
    ----------
    source, path
        Named in the quarantine.
    rows
        The column of the series first, ``event_time`` and values; ``file_name`` where
        they are of several files.
    checks
        By reason, the rows that have it; the first reason of a row counts.
    values
        Value columns.

    Returns
    -------
    tuple
        Rows that are left, one per series and reference day; and the quarantine. Of a day with
        several values none is left.
    """
    series = str(rows.columns[0])
    rejected = []
    keep = pd.Series(data=True, index=rows.index)
    for reason, found in checks.items():
        bad = rows[keep & found].rename(columns={series: "series"})
        rejected.append(quarantine(source, reason, path, bad))
        keep &= ~found
    left, conflicts = without_conflicts(rows[keep], [series, "event_time"], values)
    bad = conflicts.rename(columns={series: "series"})
    rejected.append(quarantine(source, CONFLICT, path, bad))
    return left, pd.concat(rejected, ignore_index=True)


def joined(
    source: str, path: Path, parts: Sequence[pd.DataFrame], values: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of all files of a source: what several files say alike is one row.

    Parameters
    ----------
    source, path
        Named in the quarantine.
    parts
        What `sift` left of each file.
    values
        Value columns.

    Returns
    -------
    tuple
        Rows, one per series and reference day; and the quarantine of days of which two files say
        two things.
    """
    rows = pd.concat(parts, ignore_index=True)
    series = str(rows.columns[0])
    left, conflicts = without_conflicts(rows, [series, "event_time"], values)
    bad = conflicts.rename(columns={series: "series"})
    return left, quarantine(source, CONFLICT, path, bad)


def cut_lines(source: str, path: Path, broken: pd.DataFrame) -> pd.DataFrame:
    """Quarantine of lines that `read_text` left out."""
    return quarantine(source, CUT, path, broken)
