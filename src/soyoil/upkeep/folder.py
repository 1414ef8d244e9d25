"""Checks of the data folder: who writes to it, what was left behind, the snapshot."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd

from soyoil.base.data_folder import current_holder
from soyoil.base.leftovers import abandoned_scratch, abandoned_unfinished
from soyoil.regimes.table import regime_hash
from soyoil.sources.identity import identity_differences
from soyoil.splits.snapshot import MANIFEST_FILE, MATRIX_FILE, POINTER_FILE, REGIMES_FILE
from soyoil.upkeep.finding import Finding
from soyoil.upkeep.places import Places
from soyoil.upkeep.swap import JOURNAL, replaced_files

SPLIT: Final = "Run: kedro run --pipeline=split"
TRAIN: Final = "Run: kedro run"
TIDIED: Final = "The next run that writes tidies up; or kedro clean --apply."


def lock_finding(data: Path) -> Finding:
    """Whether a run writes to the data folder now; the lock itself is not touched."""
    if not data.is_dir():
        return Finding("data folder", "warn", f"{data} is not there yet", TRAIN)
    holder = current_holder(data)
    if holder is None:
        return Finding("data folder", "ok", f"{data}, no run writes to it")
    who = f"PID {holder.pid} on {holder.host} since {holder.since}: {holder.command}"
    if holder.is_gone:
        said = f"a run was killed ({who})"
        return Finding("data folder", "warn", said, "The next run takes the lock over.")
    return Finding("data folder", "warn", f"in use by {who}", "Wait for it before a second run.")


def leftover_findings(places: Places) -> Iterator[Finding]:
    """What killed processes left behind.

    Parameters
    ----------
    places
        Where the project keeps things.
    """
    if (places.data / JOURNAL).exists():
        yield Finding(
            "leftovers",
            "fail",
            "a restore was broken off between two steps",
            "Run kedro restore again, or any run: both put back first what was there before.",
        )
    found = [*abandoned_unfinished(places.data), *replaced_files(places)] if places.data else []
    scratch = abandoned_scratch()
    if found or scratch:
        said = f"{len(found)} unfinished in the project, {len(scratch)} scratch folders"
        yield Finding("leftovers", "warn", said, TIDIED)
    elif not (places.data / JOURNAL).exists():
        yield Finding("leftovers", "ok", "none")


def snapshot_findings(
    folder: Path,
    market: Mapping[str, Any],
    regimes: pd.DataFrame,
    newest: dt.date | None,
) -> Iterator[Finding]:
    """Whether the snapshot is what the parameters and the matrix of today would give.

    Parameters
    ----------
    folder
        Folder of the snapshots.
    market
        `soyoil.sources.identity.market_identity` of the parameters.
    regimes
        Regime table of the parameters.
    newest
        Newest session of the target in the matrix of the warehouse; None where there is none.
    """
    try:
        pointer = json.loads((folder / POINTER_FILE).read_text(encoding="utf-8"))
        name = str(pointer["snapshot"])
        manifest = json.loads((folder / name / MANIFEST_FILE).read_text(encoding="utf-8"))
        last = dt.date.fromisoformat(manifest["last"])
        stored = pd.read_parquet(folder / name / REGIMES_FILE)
    except FileNotFoundError as error:
        if not (folder / POINTER_FILE).exists():
            yield Finding("snapshot", "warn", "none yet", SPLIT)
            return
        lost = Path(str(error.filename)).name
        yield Finding("snapshot", "fail", f"{lost} of the current one is missing", SPLIT)
        return
    except (OSError, ValueError, KeyError, TypeError) as error:
        said = f"the current one is damaged ({error or type(error).__name__})"
        yield Finding("snapshot", "fail", said, SPLIT)
        return
    if not (folder / name / MATRIX_FILE).is_file():
        yield Finding("snapshot", "fail", f"{MATRIX_FILE} of the current one is missing", SPLIT)
        return
    problems = identity_differences(pointer.get("made_from") or {}, market)
    if not problems and regime_hash(stored) != regime_hash(regimes):
        problems = ["it was made with other regimes"]
    if problems:
        said = f"{name}: stages after it refuse it: {'; '.join(problems)}"
        yield Finding("snapshot", "warn", said, TRAIN)
    elif newest is not None and newest > last:
        said = f"{name} ends {last}, the matrix {newest}"
        yield Finding("snapshot", "warn", said, SPLIT)
    else:
        yield Finding("snapshot", "ok", f"{name}, to {last}")
