"""Kedro hook that tracks a pipeline run in MLflow."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import pandas as pd
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from soyoil.base import interrupts
from soyoil.base.errors import SoyoilError
from soyoil.base.process import peak_memory_mb
from soyoil.datasets.tracks_runs import TracksRuns
from soyoil.hooks.stages import StageHooks
from soyoil.params import Parameters, check_parameters, known_keys
from soyoil.reports.words import pipeline_note
from soyoil.skipping import active as plans
from soyoil.sources.base import BarBatch
from soyoil.tracking import active
from soyoil.tracking.active import ParentSpec
from soyoil.tracking.environment import environment_tags, use_default_store
from soyoil.tracking.record import flatten_params
from soyoil.warehouse import usage

logger = logging.getLogger(__name__)

SKILL_TABLE: Final = "skill_table"
BARS: Final = "vendor_bars"
INHERITED: Final = ("pipeline", "profile", "source_kind", "git_sha", "git_dirty", "soyoil_version")
FILTERS: Final = (
    "tags", "namespaces", "node_names", "from_nodes", "to_nodes", "from_inputs", "to_outputs",
)  # fmt: skip


def _pipeline_name(run_params: Mapping[str, Any]) -> str:
    return "+".join(run_params.get("pipeline_names") or ["train"])


def command_line(run_params: Mapping[str, Any]) -> str:
    """The ``kedro run`` command behind a run; run-time parameters of the typed schema only."""
    words = ["kedro run", f"--pipelines={_pipeline_name(run_params).replace('+', ',')}"]
    if run_params.get("env"):
        words.append(f"--env={run_params['env']}")
    for name in FILTERS:
        if run_params.get(name):
            option = name.replace("node_names", "nodes").replace("_", "-")
            words.append(f"--{option}={','.join(run_params[name])}")
    known = set(known_keys(Parameters))
    given = flatten_params(run_params.get("runtime_params") or {})
    pairs = [f"{key}={value}" for key, value in given.items() if key in known]
    if pairs:
        words.append(f"--params={','.join(pairs)}")
    return " ".join(words)


def parent_spec(context: KedroContext, run_params: Mapping[str, Any]) -> ParentSpec:
    """Name, tags and parameters of the pipeline run that is about to start."""
    parameters = check_parameters(context.config_loader["parameters"])
    pipeline = _pipeline_name(run_params)
    now = dt.datetime.now(dt.UTC)
    symbol = parameters.target.symbol
    tags = {
        **environment_tags(context.project_path),
        "kind": "pipeline",
        "pipeline": pipeline,
        "profile": parameters.profile,
        "symbol": symbol,
        "source_kind": parameters.source.kind,
        "command": command_line(run_params),
        "mlflow.source.name": f"kedro run --pipeline={pipeline}",
        "mlflow.source.type": "LOCAL",
    }
    return ParentSpec(
        root=context.project_path,
        experiment=parameters.tracking.experiment,
        run_name=f"{pipeline} {symbol.lower()} {parameters.profile} {now:%Y-%m-%d %H:%M}",
        tags=tags,
        inherited=INHERITED,
        params=parameters.model_dump(mode="json"),
        description=pipeline_note(tags["command"]),
    )


class TrackingHooks:
    """One parent run per pipeline run that evaluates something; its datasets add the children."""

    def __init__(self, stages: StageHooks) -> None:
        self._stages = stages
        self._context: KedroContext | None = None
        self._wanted: Callable[[], ParentSpec] | None = None
        self._facts: dict[str, str] = {}

    def _start_if_due(self, *, failed: bool = False) -> None:
        """Start the parent run that is wanted, once it is known that it will hold results.

        Until then all that it would hold may stand in the run before; a run that fails is told of
        in any case.
        """
        plan = plans.current()
        if self._wanted is None or (plan is not None and plan.tracked != "run" and not failed):
            return
        spec, self._wanted = self._wanted(), None
        active.start(spec).tag(self._facts)

    def _costs(self) -> dict[str, float]:
        return {
            **{f"stage.{stage}.seconds": value for stage, value in self._stages.seconds.items()},
            "peak_memory_mb": peak_memory_mb(),
            **usage.as_metrics(usage.current()),
        }

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Keep the context: root and parameters are read when a run starts."""
        self._context = context
        use_default_store(context.project_path)

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol[str, Any]
    ) -> None:
        """Start the parent run, if a dataset of the pipeline tracks what is saved in it.

        Raises
        ------
        ConfigError
            If the experiment is deleted, or the tracking store cannot be used.
        """
        # A notebook's process outlives the interrupt of an earlier run.
        active.close_interrupted()
        usage.reset()
        self._wanted, self._facts = None, {}
        made = (catalog.get(name) for name in sorted(pipeline.all_outputs()))
        if not any(isinstance(dataset, TracksRuns) for dataset in made):
            return
        if self._context is None:
            raise RuntimeError("a pipeline run started without a Kedro context")
        self._wanted = partial(parent_spec, self._context, run_params)
        self._start_if_due()

    @hook_impl
    def before_node_run(self) -> None:
        """Start nothing more after an interrupt."""
        interrupts.raise_again()
        self._start_if_due()

    @hook_impl
    def after_node_run(self) -> None:
        """Give a sign of life."""
        parent = active.current()
        if parent is not None:
            parent.touch()

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Log the skill table and what was guessed of the source on the parent.

        The skill table is shown in the parent's description.
        """
        parent = active.current()
        if dataset_name == BARS and isinstance(data, BarBatch):
            self._facts = dict(data.facts)
            if parent is not None:
                parent.tag(data.facts)
        if parent is not None and dataset_name == SKILL_TABLE and isinstance(data, pd.DataFrame):
            parent.log_table(data, f"{SKILL_TABLE}.csv")
            parent.describe(pipeline_note(parent.command, data))

    @hook_impl
    def after_pipeline_run(self) -> None:
        """End the parent as FINISHED, and tell what a warehouse with a price has cost."""
        used = usage.current()
        if used.requests:
            logger.info("BigQuery: %s", used)
        parent = active.current()
        if parent is not None:
            active.finish("FINISHED", metrics=self._costs())
            plan = plans.current()
            if plan is not None:
                plan.close(parent.run_id, parent.name)
            logger.info("tracked as %r, see `mlflow ui`", parent.name)

    @hook_impl
    def on_pipeline_error(self, error: Exception) -> None:
        """End the parent, and children that still run, as FAILED; as KILLED after an interrupt."""
        try:
            self._start_if_due(failed=True)
        except SoyoilError as failure:
            logger.warning("the run could not be tracked: %s", failure)
        if interrupts.received():
            active.abandon("KILLED", "interrupted", self._costs())
        else:
            active.abandon("FAILED", active.describe(error), self._costs())
