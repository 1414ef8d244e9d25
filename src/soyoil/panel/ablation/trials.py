"""The book of trials: what was tried on a market, written down before it is tried.

Whoever looks often enough finds something. A trial is one group beside one base; its line is on
disk before the first fit, so that one that was broken off counts as well. The same trial on the
same rows is one trial, however often it is run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from soyoil.base.handover import text_hash
from soyoil.base.lines import CheckedLines, with_checksum

SCHEMA: Final = 1
FILE: Final = "ablation.jsonl"
REGISTERED: Final = "registered"
SCORED: Final = "scored"


@dataclass(frozen=True)
class GroupTrial:
    """One group to be tried.

    Attributes
    ----------
    market
        `soyoil.sources.identity.name_of_market` of the bars.
    group
        What is added.
    base
        Groups that are there without it.
    engine
        Engine that is fitted.
    roots
        Roots that it is fitted on.
    inputs
        Hash of the rows of all roots.
    facts
        Hash of everything else that decides the fits: profile, parameters, code.
    """

    market: str
    group: str
    base: tuple[str, ...]
    engine: str
    roots: tuple[str, ...]
    inputs: str
    facts: str

    @property
    def key(self) -> str:
        """Name of the trial: a hash of all of it."""
        return text_hash(asdict(self))[:24]


class TrialBook:
    """Trials of every market of a data folder.

    Parameters
    ----------
    folder
        Folder of the file; made with the first trial.
    """

    def __init__(self, folder: Path) -> None:
        self._file = CheckedLines(folder / FILE, SCHEMA, "trial")

    def _read(self, kind: str) -> list[dict[str, Any]]:
        lines = (line for _, line in self._file.lines([f'"kind":"{kind}"']) if line)
        return [json.loads(line) for line in lines]

    def register(self, trials: Iterable[GroupTrial], now: pd.Timestamp) -> None:
        """Write down trials that are not there yet.

        Parameters
        ----------
        trials
            What will be tried.
        now
            Moment, UTC.
        """
        there = {entry["key"] for entry in self._read(REGISTERED)}
        for trial in trials:
            if trial.key not in there:
                there.add(trial.key)
                self._append(REGISTERED, trial.key, now, {**asdict(trial), "base": trial.base})

    def record(
        self, trial: GroupTrial, rows: Sequence[Mapping[str, Any]], now: pd.Timestamp
    ) -> None:
        """Write down what came of a trial, once.

        Parameters
        ----------
        trial
            A registered trial.
        rows
            Its figures by horizon.
        now
            Moment, UTC.
        """
        if trial.key not in {entry["key"] for entry in self._read(SCORED)}:
            self._append(SCORED, trial.key, now, {"rows": list(rows)})

    def _append(self, kind: str, key: str, now: pd.Timestamp, content: Mapping[str, Any]) -> None:
        head = {"schema": SCHEMA, "kind": kind, "key": key, "at": now.isoformat()}
        self._file.append(with_checksum({**head, **content}))

    def count(self, market: str) -> int:
        """How many trials of a market are registered."""
        keys = {entry["key"] for entry in self._read(REGISTERED) if entry["market"] == market}
        return len(keys)
