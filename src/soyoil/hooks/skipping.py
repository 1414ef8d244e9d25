"""Kedro hook that finds out what of a run can be left out."""

from __future__ import annotations

import logging
import os
from collections import Counter
from typing import Any, Final

import click
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from soyoil.base.data_folder import data_folder, data_folder_name
from soyoil.hooks.closing import RESULT_FILE
from soyoil.hooks.parameters import ParameterHooks
from soyoil.hooks.stages import STAGES, StageHooks
from soyoil.hooks.tracking import FILTERS
from soyoil.skipping import active as plans
from soyoil.skipping.switch import is_forced
from soyoil.tracking.environment import STORE_VARIABLE

logger = logging.getLogger(__name__)

PIPELINES: Final = frozenset({"train", "ingest", "regimes", "features", "split", "fit", "forecast"})
"""Pipelines of which parts are left out; all others run whole."""
RUNNER: Final = "CellRunner"
"""The runner that leaves parts out."""


def may_skip(run_params: dict[str, Any]) -> bool:
    """Whether parts of a run may be left out: nobody named the nodes that are to run."""
    names = run_params.get("pipeline_names") or ["train"]
    named = (*FILTERS, "load_versions", "only_missing_outputs")
    return (
        RUNNER in str(run_params.get("runner"))
        and PIPELINES.issuperset(names)
        and not any(run_params.get(name) for name in named)
    )


class SkipHooks:
    """Make the plan of a run, and say what was left out.

    Parameters
    ----------
    checked
        The hooks that check the parameters of the run.
    stages
        The hooks that know the stage of each node.
    """

    def __init__(self, checked: ParameterHooks, stages: StageHooks) -> None:
        self._checked = checked
        self._stages = stages
        self._context: KedroContext | None = None

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Keep the context, whose configuration a plan is made from."""
        self._context = context
        plans.set_current(None)

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol[str, Any]
    ) -> None:
        """Find out what would give what is there already.

        Raises
        ------
        ConfigError
            The environment variable that runs everything has a value that it cannot have.
        """
        plans.set_current(None)
        force = is_forced()
        context, parameters = self._context, self._checked.parameters
        if context is None or parameters is None or not may_skip(run_params):
            return
        # Imported here because every command imports the hooks.
        from soyoil.skipping.plan import Plan, Scene

        loader = context.config_loader
        scene = Scene(
            pipeline=pipeline,
            catalog=catalog,
            parameters=parameters,
            raw=loader["parameters"],
            conf={"catalog": loader["catalog"]},
            data=data_folder(context.project_path),
            store=os.environ.get(STORE_VARIABLE),
            force=force,
        )
        plans.set_current(Plan(scene))

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Tell the plan of files that only the data names."""
        plan = plans.current()
        if plan is not None:
            plan.saved(dataset_name, data)

    # The run in MLflow ends before.
    @hook_impl(trylast=True)
    def after_pipeline_run(self, pipeline: Pipeline) -> None:
        """Say what was left out."""
        plan = plans.current()
        plans.set_current(None)
        if plan is None or not plan.skipped:
            return
        of = self._stages.stage_of
        whole = Counter(of(node) for node in pipeline.nodes)
        left = Counter(of(node) for node in pipeline.nodes if node.name in plan.skipped)
        parts = [
            stage if left[stage] == whole[stage] else f"{stage} ({left[stage]} of {whole[stage]})"
            for stage in STAGES
            if left[stage]
        ]
        logger.info("left out, as nothing they are made from has changed: %s", ", ".join(parts))
        for name, file in (("forecast_files", "*.txt"), ("report", RESULT_FILE)):
            text = plan.text_of(name, file)
            if text:
                click.echo(text, nl=False)
        run = plan.kept_run
        if run is not None:
            logger.info(
                "the results of the run %r stand, so that no other was tracked; its report is in "
                "%s/08_reporting, and --force runs everything again",
                run.name,
                data_folder_name(),
            )

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Forget the plan."""
        plans.set_current(None)
