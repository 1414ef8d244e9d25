"""A small market with outside rows, its snapshot and a fold table."""

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from outside_tables import random_tables

from soyoil.leakage.compare import as_stored
from soyoil.leakage.material import Material
from soyoil.params import TargetConfig
from soyoil.pipelines.split.nodes import label_node, make_snapshot, plan_node
from soyoil.regimes.table import RegimeConfig, regime_frame
from soyoil.sources import load_bars
from soyoil.sources.base import SourceConfig
from soyoil.sources.synthetic.config import SyntheticConfig
from soyoil.splits.plan import SplitConfig
from soyoil.splits.snapshot import Snapshot
from soyoil.targets.horizons import HORIZONS

START = dt.date(2018, 1, 2)
SOURCE = SourceConfig(
    symbols=("ZL", "ZS", "CL"),
    synthetic=SyntheticConfig(start=START, end=dt.date(2019, 8, 30), hourly_from=START),
)


@dataclass(frozen=True)
class Scene:
    """Everything that a check looks at; the matrix is of every root."""

    material: Material
    sessions: pd.DataFrame
    matrix: pd.DataFrame
    snapshot: Snapshot
    plan: pd.DataFrame

    def bars_only(self) -> Material:
        """Without outside sources."""
        return replace(self.material, tables={})


def make_scene() -> Scene:
    """Twenty months of three roots, and rows of every outside source before and after."""
    regimes = regime_frame(
        [RegimeConfig(name="all", start=dt.date(2000, 1, 1), weight=1, description="x")]
    )
    batch = load_bars(SOURCE)
    tables = random_tables(np.random.default_rng(3), "2016-01-05", "2019-09-03")
    material = Material(target="ZL", tables=tables, regimes=regimes, batch=batch)
    sessions = material.sessions()
    matrix = as_stored(material.matrix(sessions))
    snapshot = make_snapshot(matrix, regimes, TargetConfig(), SOURCE)
    split = SplitConfig(
        warm_up=120,
        min_train_rows=60,
        first_origin=dt.date(2019, 2, 1),
        refit_every=50,
        valid_sessions=20,
    )
    labels, _ = label_node(HORIZONS["1w"])(snapshot)
    plan = plan_node(HORIZONS["1w"])(snapshot, labels, split, "quick")
    return Scene(material, sessions, matrix, snapshot, plan)
