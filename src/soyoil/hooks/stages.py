"""Kedro hook that tells what each stage took: a line for people, and lines of JSON."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from soyoil.base import interrupts
from soyoil.base.process import peak_memory_mb
from soyoil.hooks.stage_log import RunFacts, StageLog, check_log_path, log_path
from soyoil.tracking import active

logger = logging.getLogger(__name__)

STAGES = (
    "ingest", "regimes", "features", "split", "leakcheck", "fit", "evaluate", "register",
    "forecast", "report", "compare", "explain", "sweep", "audit", "panel", "ablation", "export",
    "replay",
)  # fmt: skip

COMPOSED = ("forecast", "export", "leakcheck", "replay")

_running: list[StageHooks] = []


def close_interrupted() -> None:
    """Tell of a run that an interrupt ended: Kedro tells its hooks of errors only."""
    for hooks in tuple(_running):
        hooks.end("interrupted")


LONGEST = 3
"""Stages that are named in the line for people; all stand in the lines of JSON."""


def took(seconds: Mapping[str, float]) -> str:
    """What a run took, and its longest stages.

    Examples
    --------
    >>> took({"ingest": 6.2, "fit": 180.4, "evaluate": 30.0, "report": 4.0})
    'took 221 s: fit 180 s, evaluate 30 s, ingest 6 s'
    """
    if not seconds:
        return "nothing ran"
    longest = sorted(seconds.items(), key=lambda item: -item[1])[:LONGEST]
    parts = ", ".join(f"{stage} {value:.0f} s" for stage, value in longest)
    return f"took {sum(seconds.values()):.0f} s: {parts}"


class StageHooks:
    """Attribute wall time to stages: loading, running and saving of their nodes."""

    def __init__(self) -> None:
        self._stage_of: dict[str, str] = {}
        self._seconds: dict[str, float] = defaultdict(float)
        self._mark = time.perf_counter()
        self._root: Path | None = None
        self._log: StageLog | None = None
        self._last = ""

    @property
    def seconds(self) -> dict[str, float]:
        """Wall time of the stages that ran, in their order."""
        return {stage: self._seconds[stage] for stage in STAGES if self._seconds[stage]}

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Keep the root of the project.

        Raises
        ------
        ConfigError
            The file of the JSON lines that the environment names cannot be written.
        """
        self._root = context.project_path
        check_log_path(self._root)

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline) -> None:
        """Start the clock."""
        # A notebook's process outlives the interrupt of an earlier run.
        close_interrupted()
        self._stage_of = {
            node.name: stage
            for stage in STAGES
            if stage in pipelines
            for node in pipelines[stage].nodes
            # These begin with the stages before them.
            if stage not in COMPOSED or node.namespace == stage
        }
        self._seconds.clear()
        self._mark = time.perf_counter()
        self._log = self._new_log(run_params, pipeline)
        _running.append(self)

    def _new_log(self, run_params: dict[str, Any], pipeline: Pipeline) -> StageLog | None:
        if self._root is None:
            return None
        expected: dict[str, set[str]] = defaultdict(set)
        for node in pipeline.nodes:
            expected[self.stage_of(node)].update(node.outputs or [node.name])
        names = "+".join(run_params.get("pipeline_names") or ["train"])
        tracked = active.current()
        facts = RunFacts(
            str(run_params.get("run_id")), names, tracked.run_id if tracked is not None else None
        )
        return StageLog(log_path(self._root), facts, expected)

    def stage_of(self, node: Node) -> str:
        """Stage of a node of the running pipeline."""
        return self._stage_of.get(node.name, node.namespace or "other")

    def _book(self, node: Node) -> float:
        """Book the time since the last call; returns the seconds of the stage so far."""
        now = time.perf_counter()
        self._last = self.stage_of(node)
        self._seconds[self._last] += now - self._mark
        self._mark = now
        return self._seconds[self._last]

    @hook_impl
    def before_dataset_loaded(self, node: Node) -> None:
        """Tell that a stage has begun."""
        self._last = self.stage_of(node)
        if self._log is not None:
            self._log.begin(self._last)

    @hook_impl
    def after_dataset_loaded(self, dataset_name: str, data: Any, node: Node) -> None:
        """Count what a node reads."""
        if self._log is not None:
            self._log.loaded(self.stage_of(node), dataset_name, data)

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Book the loading of the node's inputs."""
        self._book(node)
        if self._log is not None:
            self._log.begin(self._last)

    @hook_impl
    def after_node_run(self, node: Node) -> None:
        """Book the node itself."""
        seconds = self._book(node)
        if self._log is not None and not node.outputs:
            self._log.saved(self._last, node.name, None, seconds)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Node) -> None:
        """Book the saving of an output."""
        seconds = self._book(node)
        if self._log is not None:
            self._log.saved(self._last, dataset_name, data, seconds)

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline) -> None:
        """Log one line with the seconds of every stage that ran."""
        logger.info("%s; peak memory %.0f MB", took(self.seconds), peak_memory_mb())
        self.end("ok")

    @hook_impl
    def on_pipeline_error(self, error: Exception) -> None:
        """Tell where the run failed, or was interrupted."""
        if interrupts.received():
            self.end("interrupted")
        else:
            self.end("failed", active.describe(error))

    def end(self, status: str, error: str = "") -> None:
        """Write the last JSON lines of the run, once."""
        log, self._log = self._log, None
        _running[:] = [hooks for hooks in _running if hooks is not self]
        if log is not None:
            log.end(status, self._seconds, self._last, error)
