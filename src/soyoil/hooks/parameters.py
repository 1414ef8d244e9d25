"""Kedro hook that checks all parameters before any node runs."""

from __future__ import annotations

from typing import Final

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.pipeline import Pipeline

from soyoil.base.errors import ConfigError
from soyoil.external.load import check_keys
from soyoil.params import Sections, check_parameters

READ_EXTERNAL: Final = "ingest.read_external"
"""Node that asks services."""


def _check_warehouse_kind(context: KedroContext, kind: str) -> None:
    """The catalog names the warehouse by the run-time kind, else by the global one."""
    given = (context.config_loader.runtime_params or {}).get("source") or {}
    named = given.get("kind", context.config_loader["globals"].get("source_kind"))
    if named != kind:
        folder = f"conf/{context.env or 'local'}"
        raise ConfigError(
            f"source.kind={kind} in the parameters, but source_kind={named} in globals.yml names "
            f"the warehouse. Set `source_kind: {kind}` in {folder}/globals.yml and leave "
            f"source.kind out of {folder}/parameters.yml."
        )


class ParameterHooks:
    """Validate every parameter, run-time ones included, against the typed schema."""

    def __init__(self) -> None:
        self.parameters: Sections | None = None

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Refuse unknown keys and wrong values.

        Raises
        ------
        ConfigError
            Naming the key, the value and what is allowed.
        """
        # The context's own `params` builds every pipeline to validate against; the raw
        # parameters are all that is needed here.
        parameters = check_parameters(context.config_loader["parameters"])
        _check_warehouse_kind(context, parameters.source.kind)
        self.parameters = parameters

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline) -> None:
        """Refuse a run that asks a service whose key the environment lacks.

        Raises
        ------
        ConfigError
            Naming each environment variable that is not set.
        """
        if self.parameters is not None and any(n.name == READ_EXTERNAL for n in pipeline.nodes):
            check_keys(self.parameters.external)
