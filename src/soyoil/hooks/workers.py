"""Kedro hook that ends the engines' worker processes with the run, whoever started it."""

from __future__ import annotations

from typing import Any, Final

from kedro.framework.hooks import hook_impl

from soyoil.base.errors import ConfigError
from soyoil.hooks.views import check_runs

PARALLEL: Final = "ParallelRunner"
REFUSED: Final = (
    "ParallelRunner runs nodes in processes of its own: forecasts of several engines would meet in "
    "one process, whose libraries crash together, and runs that it tracks would belong to nobody. "
    "Folds are fitted in parallel without it (fit.workers); leave --runner out."
)


class WorkerHooks:
    """Workers serve all horizons of an engine, and are no use after the run."""

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, run_params: dict[str, Any]) -> None:
        """Refuse a picture, and the runner that cannot go with engines in processes of their own.

        Raises
        ------
        ConfigError
            With the reason.
        """
        check_runs(run_params.get("pipeline_names") or ())
        if str(run_params.get("runner") or "").rpartition(".")[2] == PARALLEL:
            raise ConfigError(REFUSED)

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Let the workers end."""
        _shutdown(kill=False)

    @hook_impl
    def on_pipeline_error(self) -> None:
        """End the workers at once."""
        _shutdown(kill=True)


def _shutdown(*, kill: bool) -> None:
    # Imported here because every command imports the hooks.
    from soyoil.models import executors

    executors.shutdown(kill=kill)
