"""The trial ledger: an append-only file of every trial that ever ended.

Whoever picks the best of many trials must know how many there were, whatever became of their
studies. A line is one trial; nothing is ever changed or removed. A trial that is run again under
the same name and number, after its study was deleted, is the same trial and is not written again.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from soyoil.base.arrays import DayArray, FloatArray
from soyoil.base.errors import SoyoilError
from soyoil.base.lines import CheckedLines, with_checksum
from soyoil.sweep.config import Value

SCHEMA: Final = 2
"""2: each line ends with a checksum of what stands before it."""
FILE: Final = "trials.jsonl"

State = Literal["complete", "pruned", "failed"]
TrialKey = tuple[str, int]


@dataclass(frozen=True)
class StudyKey:
    """What a study searches, as far as trials compare by it.

    Attributes
    ----------
    name
        Name of the study.
    horizon, sessions
        Name and length of the horizon.
    model
        Engine.
    snapshot
        Hash of the snapshot.
    training_span
        Hash of what the sweep could see of it.
    objective
        For example ``uniform.skill_pinball``.
    reproducible
        Whether the same sweep gives the same trials.
    """

    name: str
    horizon: str
    sessions: int
    model: str
    snapshot: str
    training_span: str
    objective: str
    reproducible: bool


@dataclass(frozen=True)
class Trial:
    """One ended trial.

    Attributes
    ----------
    study
        What it belongs to.
    number
        0, 1, ... within the study.
    state
        ``complete``, ``pruned`` after some folds, or ``failed``.
    params
        Values of the search space by dotted key.
    value
        Objective over all folds that were scored; None if none was.
    fold_values
        Objective of each scored fold.
    fold_seconds
        Wall time of each scored fold.
    seconds
        Wall time of the trial.
    ended
        End, seconds since the epoch.
    error
        Why it failed.
    origins
        Scored origins, ascending, shape ``(n,)``.
    differences
        Per metric the reference's loss less the trial's at each origin, shape ``(n,)``.
    """

    study: StudyKey
    number: int
    state: State
    params: Mapping[str, Value]
    value: float | None
    fold_values: tuple[float, ...]
    fold_seconds: tuple[float, ...]
    seconds: float
    ended: float
    error: str | None = None
    origins: DayArray = field(default_factory=lambda: np.empty(0, dtype="datetime64[D]"))
    differences: Mapping[str, FloatArray] = field(default_factory=dict)

    @property
    def key(self) -> TrialKey:
        """Name of the study and number."""
        return self.study.name, self.number


def _pack(values: npt.NDArray[Any], dtype: str) -> str:
    raw = np.ascontiguousarray(values).astype(dtype).tobytes()
    return base64.b64encode(zlib.compress(raw)).decode()


def _unpack(text: str, dtype: str) -> npt.NDArray[Any]:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype=dtype)


def to_line(trial: Trial) -> bytes:
    """A trial as one line of JSON; floats round-trip exactly."""
    content = {
        "schema": SCHEMA,
        **vars(trial.study),
        "number": trial.number,
        "state": trial.state,
        "params": dict(trial.params),
        "value": trial.value,
        "fold_values": list(trial.fold_values),
        "fold_seconds": list(trial.fold_seconds),
        "seconds": trial.seconds,
        "ended": trial.ended,
        "error": trial.error,
        "origins": _pack(trial.origins.astype("datetime64[D]").astype("int64"), "<i4"),
        "differences": {name: _pack(v, "<f8") for name, v in trial.differences.items()},
    }
    return with_checksum(content)


def from_line(line: bytes) -> Trial:
    """Read one line of the ledger.

    Raises
    ------
    ValueError
        If the line is not whole.
    SoyoilError
        If a later version of soyoil wrote it.
    """
    content: dict[str, Any] = json.loads(line)
    if content["schema"] > SCHEMA:
        raise SoyoilError(
            f"The trial ledger holds lines of schema {content['schema']}; this version of soyoil "
            f"reads up to {SCHEMA}. Update soyoil."
        )
    days = _unpack(content["origins"], "<i4").astype("datetime64[D]")
    return Trial(
        study=StudyKey(**{name: content[name] for name in StudyKey.__dataclass_fields__}),
        number=content["number"],
        state=content["state"],
        params=content["params"],
        value=content["value"],
        fold_values=tuple(content["fold_values"]),
        fold_seconds=tuple(content["fold_seconds"]),
        seconds=content["seconds"],
        ended=content["ended"],
        error=content["error"],
        origins=days,
        differences={k: _unpack(v, "<f8") for k, v in content["differences"].items()},
    )


class Ledger:
    """The file of all trials.

    Parameters
    ----------
    folder
        Folder of the file; made by the first append.
    """

    def __init__(self, folder: Path) -> None:
        self._file = CheckedLines(folder / FILE, SCHEMA, "trial")

    @property
    def path(self) -> Path:
        """The file."""
        return self._file.path

    def append(self, trial: Trial) -> None:
        """Write a trial and wait until it is on disk.

        The caller knows that the trial is not there yet (`keys`).
        """
        self._file.append(to_line(trial))

    def lines(self, words: Sequence[str], start: int = 0) -> Iterator[tuple[int, bytes]]:
        """`soyoil.base.lines.CheckedLines.lines` of the file."""
        return self._file.lines(words, start)

    def read(self, words: Sequence[str]) -> list[Trial]:
        """Trials whose line holds one of some words, such as a hash or the name of a study."""
        return [from_line(line) for _, line in self.lines(words) if line]

    def of_study(self, study: str) -> dict[int, Trial]:
        """Trials of a study by number."""
        found = (trial for trial in self.read([study]) if trial.study.name == study)
        return {trial.number: trial for trial in found}

    def against(self, study: StudyKey) -> list[Trial]:
        """Trials of the same horizon against the same snapshot or training span, each once.

        They count in the number of looks at these rows, whatever model they are of and whether
        or not their study still exists.
        """
        found = self.read([study.snapshot, study.training_span])
        once = {
            trial.key: trial
            for trial in found
            if trial.study.horizon == study.horizon
            and (
                trial.study.snapshot == study.snapshot
                or trial.study.training_span == study.training_span
            )
        }
        return list(once.values())

    def tail(self, studies: Sequence[str]) -> LedgerTail:
        """Follow the trials of some studies, those that are there first."""
        return LedgerTail(self, studies)


class LedgerTail:
    """Trials of some studies as they are written.

    Parameters
    ----------
    ledger
        Ledger to follow.
    studies
        Names of the studies.
    """

    def __init__(self, ledger: Ledger, studies: Sequence[str]) -> None:
        self._ledger = ledger
        self._studies = frozenset(studies)
        self._end = 0

    def read(self) -> Iterator[Trial]:
        """Trials written since the last call."""
        for end, line in self._ledger.lines(sorted(self._studies), self._end):
            self._end = end
            trial = from_line(line) if line else None
            if trial is not None and trial.study.name in self._studies:
                yield trial
