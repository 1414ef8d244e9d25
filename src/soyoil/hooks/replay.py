"""Kedro hook that refuses evenings which the data does not hold."""

from __future__ import annotations

from typing import Any, Final

from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from soyoil.hooks.parameters import ParameterHooks

STAGE: Final = "replay"
SESSIONS: Final = "soyoil_futures_sessions"


class ReplayHooks:
    """Check the days of a replay against the sessions of the warehouse.

    Parameters
    ----------
    checked
        The hooks that check the parameters of the run.
    """

    def __init__(self, checked: ParameterHooks) -> None:
        self._checked = checked

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol[str, Any]) -> None:
        """Refuse a replay without a day, or of a day that lies outside the sessions.

        Raises
        ------
        ConfigError
            Naming the day, the first session and the last.
        """
        parameters = self._checked.parameters
        if parameters is None or all(node.namespace != STAGE for node in pipeline.nodes):
            return
        from soyoil.leakage.replay import check_asof

        sessions = catalog.load(SESSIONS)
        own = sessions["symbol"] == parameters.target.symbol
        check_asof(parameters.replay.asof, sessions.loc[own, "data_date"])
