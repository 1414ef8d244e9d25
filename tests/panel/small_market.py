"""The sweep's small market as a panel of four roots, and fits that are counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from soyoil.models.champion import ChampionConfig
from soyoil.models.config import FitConfig, LightGBMConfig
from soyoil.panel.engines import EngineRules, PanelForecasts, fit_engines
from soyoil.panel.losses import PanelRules
from soyoil.panel.result import PanelResult, make_panel
from soyoil.panel.roots import root_series
from soyoil.panel.store import ResultStore
from soyoil.params import TargetConfig, WeightsConfig
from soyoil.pipelines.panel.nodes import MatrixTables
from soyoil.sources.base import SourceConfig
from soyoil.splits.plan import SplitConfig

SPLIT = SplitConfig.model_validate(
    {"first_origin": "2018-07-02", "warm_up": 40, "valid_sessions": 40, "refit_every": 100}
)
SMALL = PanelRules(SPLIT, ChampionConfig(), min_rows=100)
SIGNALS = {"ZL": 1.0, "CL": 0.0, "ES": 1.0, "GC": 0.0}
FITTED = 3
"""Horizons of a root that hold enough rows: 1w, 1m and 3m."""


@dataclass
class Small:
    """Roots of the sweep's small market; in those with a signal a feature tells the next week."""

    module: ModuleType
    matrix: pd.DataFrame

    @property
    def sessions(self) -> pd.DataFrame:
        """Session bars that the matrix was made from."""
        names = {
            "market_data.roll_free_return": "roll_free_return",
            "market_data.realized_vol_1h": "realized_vol_1h",
        }
        frame = self.matrix.rename(columns=names)
        columns = ["symbol", "data_date", *names.values(), "provenance"]
        return frame[columns].assign(is_thin=False, rolls="known")

    @property
    def tables(self) -> MatrixTables:
        """Tables of the warehouse."""
        return MatrixTables(
            lambda: self.matrix, self.module.regimes, SourceConfig(), TargetConfig()
        )

    def forecasts(
        self, folder: Path, rules: EngineRules, symbols: Sequence[str] = tuple(SIGNALS)
    ) -> PanelForecasts:
        """Fit the panel."""
        series = root_series(self.sessions, symbols)
        store = ResultStore(folder)
        return fit_engines(self.tables.snapshots(symbols), series, SMALL, rules, store)

    def result(self, forecasts: PanelForecasts) -> PanelResult:
        """Score the panel."""
        return make_panel(self.sessions, tuple(SIGNALS), (), SMALL, forecasts=forecasts)


def rules_of(**changes: Any) -> EngineRules:
    """The engine without a library under LightGBM's name."""
    fit = FitConfig.model_validate(changes.pop("fit", {}))
    config = LightGBMConfig.model_validate({"num_leaves": 8, "feature_fraction": 1.0, **changes})
    return EngineRules("quick", WeightsConfig(), fit, {"lightgbm": config})
