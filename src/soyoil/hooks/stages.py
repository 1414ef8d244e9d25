"""Kedro hook that tells how long each stage took and how much memory the run needed."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from soyoil.base.process import peak_memory_mb

logger = logging.getLogger(__name__)

STAGES = (
    "ingest", "regimes", "features", "split", "leakcheck", "fit", "evaluate", "register",
    "forecast", "report", "compare", "sweep", "audit", "panel", "ablation", "export", "replay",
)  # fmt: skip

COMPOSED = ("forecast", "export", "leakcheck", "replay")


class StageHooks:
    """Attribute wall time to stages: loading, running and saving of their nodes."""

    def __init__(self) -> None:
        self._stage_of: dict[str, str] = {}
        self._seconds: dict[str, float] = defaultdict(float)
        self._mark = time.perf_counter()

    @property
    def seconds(self) -> dict[str, float]:
        """Wall time of the stages that ran, in their order."""
        return {stage: self._seconds[stage] for stage in STAGES if self._seconds[stage]}

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline) -> None:
        """Start the clock."""
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

    def stage_of(self, node: Node) -> str:
        """Stage of a node of the running pipeline."""
        return self._stage_of.get(node.name, node.namespace or "other")

    def _book(self, node: Node) -> None:
        now = time.perf_counter()
        self._seconds[self.stage_of(node)] += now - self._mark
        self._mark = now

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Book the loading of the node's inputs."""
        self._book(node)

    @hook_impl
    def after_node_run(self, node: Node) -> None:
        """Book the node itself."""
        self._book(node)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Node) -> None:
        """Book the saving of an output."""
        self._book(node)

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline) -> None:
        """Log one line with the seconds of every stage that ran."""
        parts = [f"{stage} {seconds:.1f} s" for stage, seconds in self.seconds.items()]
        logger.info(
            "wall time: %s; peak memory of this process %.0f MB",
            ", ".join(parts) or "nothing ran",
            peak_memory_mb(),
        )
