"""What each stage of a run did, as lines of JSON beside the log for people.

One line when the first node starts, one per stage when its last output is saved, one at the end.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from soyoil.base.data_folder import data_folder
from soyoil.base.errors import ConfigError
from soyoil.base.json_log import JsonLog
from soyoil.base.process import peak_memory_mb
from soyoil.base.redact import redact

logger = logging.getLogger(__name__)

VARIABLE: Final = "SOYOIL_LOG_JSON"
"""Environment variable that names another file, relative to the project's root; ``off``: none."""
OFF: Final = "off"
FILE: Final = "logs/stages.jsonl"
"""In the data folder."""
RUN: Final = "run"
"""Stands for the whole run in the place of a stage."""
_ERROR_LENGTH: Final = 500


def log_path(root: Path) -> Path | None:
    """File of the lines; None where there shall be none.

    Parameters
    ----------
    root
        Root of the project.

    Raises
    ------
    ConfigError
        The folder of data cannot be one.
    """
    named = os.environ.get(VARIABLE, "").strip()
    if named.lower() == OFF:
        return None
    return root / named if named else data_folder(root) / FILE


def check_log_path(root: Path) -> None:
    """Refuse a file that cannot be written, without making it.

    Parameters
    ----------
    root
        Root of the project.

    Raises
    ------
    ConfigError
        Naming the file that the environment names, and what is wrong with it.
    """
    path = log_path(root)
    if path is None or not os.environ.get(VARIABLE, "").strip():
        return
    near = next(folder for folder in (path, *path.parents) if folder.exists())
    problem = None
    if path.is_dir():
        problem = "that is a folder"
    elif near != path and not near.is_dir():
        problem = f"{near} is no folder"
    elif not os.access(near, os.W_OK):
        problem = f"{near} may not be written to"
    if problem:
        raise ConfigError(
            f"{VARIABLE}={os.environ[VARIABLE]}: {problem}. Name a file in a folder of yours, or "
            f"{OFF}; without the variable it is {FILE} in the data folder."
        )


def size_of(data: Any) -> tuple[int, int]:
    """Rows of a dataset's tables, and their bytes in memory; 0 and 0 if it holds none.

    Parameters
    ----------
    data
        A table, or tables in the values of a mapping, in a sequence or in a dataclass.
    """
    if isinstance(data, pd.DataFrame):
        return len(data), int(data.memory_usage(deep=False).sum())
    parts: Iterable[Any] = ()
    if isinstance(data, Mapping):
        parts = data.values()
    elif isinstance(data, list | tuple):
        parts = data
    elif is_dataclass(data) and not isinstance(data, type):
        parts = (getattr(data, f.name) for f in fields(data))
    sizes = [size_of(part) for part in parts if isinstance(part, pd.DataFrame)]
    return sum(rows for rows, _ in sizes), sum(size for _, size in sizes)


@dataclass
class _Stage:
    """What is known of a stage while it runs."""

    waiting: set[str]
    """Names of outputs and of nodes without one that are still to come."""
    read: dict[str, tuple[int, int]] = field(default_factory=dict)
    saved: dict[str, tuple[int, int]] = field(default_factory=dict)
    devices: set[str] = field(default_factory=set)
    is_told: bool = False

    def sizes(self) -> dict[str, int]:
        """Rows and bytes; what the stage itself saved is no input of it."""
        came = [size for name, size in self.read.items() if name not in self.saved]
        made = list(self.saved.values())
        return {
            "rows_in": sum(rows for rows, _ in came),
            "rows_out": sum(rows for rows, _ in made),
            "bytes_in": sum(size for _, size in came),
            "bytes_out": sum(size for _, size in made),
        }


@dataclass(frozen=True)
class RunFacts:
    """What every line of a run tells.

    Attributes
    ----------
    run
        Kedro's id of the run: the moment at which its session began.
    pipeline
        Names of its pipelines, joined by ``+``.
    tracked
        MLflow's id of the run; None if it is not tracked.
    """

    run: str
    pipeline: str
    tracked: str | None = None


class StageLog:
    """Lines of one run.

    Parameters
    ----------
    path
        The file; None: nothing is written.
    facts
        What every line tells.
    expected
        Per stage what it will save: names of datasets, and of nodes that have no output.
    """

    def __init__(
        self, path: Path | None, facts: RunFacts, expected: Mapping[str, Iterable[str]]
    ) -> None:
        self._log = JsonLog(path) if path is not None else None
        self._facts = facts
        self._stages = {name: _Stage(set(made)) for name, made in expected.items()}
        self._begun: list[str] = []

    def begin(self, stage: str) -> None:
        """A node of a stage starts."""
        if not self._begun:
            self._write(RUN, "started", {})
        if stage not in self._begun:
            self._begun.append(stage)

    def loaded(self, stage: str, dataset: str, data: Any) -> None:
        """An input was read."""
        if stage in self._stages:
            self._stages[stage].read.setdefault(dataset, size_of(data))

    def saved(self, stage: str, dataset: str, data: Any, seconds: float) -> None:
        """An output was saved, or a node that has none has run; the last one ends the stage."""
        state = self._stages.get(stage)
        if state is None:
            return
        if data is not None:
            state.saved[dataset] = size_of(data)
            state.devices.update(getattr(data, "devices", None) or ())
        state.waiting.discard(dataset)
        if not state.waiting:
            self._tell(stage, "ok", seconds)

    def end(self, status: str, seconds: Mapping[str, float], last: str, error: str = "") -> None:
        """The run has ended.

        Parameters
        ----------
        status
            ``ok``, ``failed`` or ``interrupted``.
        seconds
            Wall time by stage.
        last
            Stage at work; if the run did not end well, that is where.
        error
            What went wrong.
        """
        if not self._begun:
            return
        said = {"error": redact(error)[:_ERROR_LENGTH]} if error else {}
        for stage in self._begun:
            state = self._stages.get(stage)
            if state is None or state.is_told:
                continue
            is_here = stage == last
            ended = status if is_here or status == "ok" else "unfinished"
            self._tell(stage, ended, seconds.get(stage, 0.0), said if is_here else {})
        self._write(RUN, status, {"seconds": round(sum(seconds.values()), 3), **said})
        self._begun.clear()

    def _tell(
        self, stage: str, status: str, seconds: float, more: Mapping[str, Any] | None = None
    ) -> None:
        state = self._stages[stage]
        state.is_told = True
        device = {"device": "+".join(sorted(state.devices))} if state.devices else {}
        facts = {"seconds": round(seconds, 3), **state.sizes(), **device, **(more or {})}
        self._write(stage, status, facts)

    def _write(self, stage: str, status: str, facts: Mapping[str, Any]) -> None:
        if self._log is None:
            return
        now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        line = {
            "time": now.replace("+00:00", "Z"),
            "run": self._facts.run,
            "mlflow_run": self._facts.tracked,
            "pipeline": self._facts.pipeline,
            "stage": stage,
            "status": status,
            **facts,
            "peak_memory_mb": round(peak_memory_mb(), 1),
        }
        try:
            self._log.write(line)
        except OSError as error:
            # A run of hours must not fail for its log.
            logger.warning("no more lines to %s: %s", self._log.path, error.strerror)
            self._log = None
