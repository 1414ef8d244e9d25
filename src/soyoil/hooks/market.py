"""Kedro hook that keeps the rows of one market out of the runs of another."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
from kedro.framework.hooks import hook_impl

from soyoil.base.handover import refusal
from soyoil.hooks.parameters import ParameterHooks
from soyoil.params import Sections
from soyoil.regimes.table import regime_frame, regime_hash
from soyoil.sources.identity import (
    REMEDY,
    check_market,
    identity_differences,
    market_identity,
    root_identity,
)
from soyoil.splits.snapshot import Snapshot
from soyoil.warehouse.origins import WRITE_ORIGIN

SESSIONS: Final = "soyoil_futures_sessions"
MATRIX: Final = "daily_ml_matrix"
MATRICES: Final = (MATRIX, "stored_matrix")
"""Entries of the catalog for the same table."""
SNAPSHOT: Final = "snapshot"


class MarketHooks:
    """Mark what is written with the market of the run, and check what is read.

    Sessions and matrix carry their mark in the warehouse, the snapshot in its pointer. Rows
    without a mark were written by an earlier version and are taken.

    Parameters
    ----------
    checked
        The hooks that check the parameters of the run.
    """

    def __init__(self, checked: ParameterHooks) -> None:
        self._checked = checked

    @property
    def _parameters(self) -> Sections | None:
        return self._checked.parameters

    @property
    def _market(self) -> dict[str, Any]:
        if self._parameters is None:
            return {}
        parameters = self._parameters
        return market_identity(
            parameters.source,
            parameters.target.symbol,
            parameters.external.identity(),
            parameters.features.groups,
        )

    @hook_impl
    def before_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Mark sessions and matrix with what decides their rows."""
        if dataset_name in (SESSIONS, MATRIX) and isinstance(data, pd.DataFrame):
            market = self._market
            data.attrs[WRITE_ORIGIN] = root_identity(market) if dataset_name == SESSIONS else market

    @hook_impl
    def after_dataset_loaded(self, dataset_name: str, data: Any) -> None:
        """Refuse rows of another market.

        Raises
        ------
        HandoverError
            Naming the parameters in which the market of the rows differs from that of the run.
        """
        if self._parameters is None:
            return
        if dataset_name == SESSIONS and isinstance(data, pd.DataFrame):
            symbols = (*self._parameters.source.symbols, *self._parameters.panel.symbols)
            check_market(
                dataset_name, data, tuple(dict.fromkeys(symbols)), root_identity(self._market)
            )
        elif dataset_name in MATRICES and isinstance(data, pd.DataFrame):
            check_market(dataset_name, data, (self._parameters.target.symbol,), self._market)
        elif dataset_name == SNAPSHOT and isinstance(data, Snapshot):
            self._check_snapshot(data)

    def _check_snapshot(self, snapshot: Snapshot) -> None:
        assert self._parameters is not None
        if not snapshot.made_from:
            problems = ["it does not say of which market it is, as those of earlier versions"]
        else:
            problems = identity_differences(snapshot.made_from, self._market)
        regimes = regime_frame(self._parameters.regimes)
        if not problems and regime_hash(regimes) != regime_hash(snapshot.regimes):
            problems = ["it was made with other regimes than this run has"]
        if problems:
            raise refusal("the snapshot", problems, REMEDY)
