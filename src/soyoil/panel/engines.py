"""Engines over the panel: every root is its own target, with its own folds.

Labels, split plan and weights come from the functions of the split stage, and folds are fitted as
in the fit stage: the forecasts of a root are those that a run with it as target would give.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray
from soyoil.base.errors import ContractError, ModelError, SplitError
from soyoil.base.handover import MadeFrom, content_hash
from soyoil.market.conventions import QUANTILE_COLUMNS
from soyoil.models.arrays import horizon_arrays
from soyoil.models.backends.ahead import in_order
from soyoil.models.config import ALL_GROUPS, EngineConfig, FitConfig
from soyoil.models.walkforward import Job, run_walk_forward
from soyoil.panel.losses import PanelRules, root_losses
from soyoil.panel.roots import RootSeries
from soyoil.panel.store import ResultKey, ResultStore, fit_facts
from soyoil.regimes.weights import WeightsConfig
from soyoil.serving.tasks import fold_tasks
from soyoil.splits.build import make_plan
from soyoil.splits.forecasts import on_dates
from soyoil.splits.plan import SplitConfig, SplitPlan, check_purged, check_scoreable
from soyoil.splits.snapshot import Snapshot
from soyoil.splits.weights import weigh_plan
from soyoil.targets.horizons import HORIZONS, Horizon
from soyoil.targets.labels import build_labels

logger = logging.getLogger(__name__)

OWN_COLUMNS: Final = "its own columns"

Cut = Callable[[str], Snapshot]
Advance = Callable[[str, int, int], None]
Cell = tuple[str, str]
"""Root and horizon, by name."""


@dataclass(frozen=True)
class EngineRules:
    """What decides the fits of a panel.

    Attributes
    ----------
    profile
        ``quick`` or ``full``: how many folds there are, and how many of them are fitted.
    weights
        Weights of the training rows.
    fit
        Seed, processes, target, shrinkage and feature groups of every engine.
    configs
        Configuration by engine, in the order in which they are fitted.
    equal
        Whether all training rows weigh the same, as for an engine's ablation.
    """

    profile: str
    weights: WeightsConfig
    fit: FitConfig
    configs: Mapping[str, EngineConfig]
    equal: bool = False

    def feature_groups(self, engine: str) -> str:
        """Groups of matrix columns that an engine is given, in words."""
        if self.configs[engine].own_columns() is not None:
            return OWN_COLUMNS
        return "+".join(self.fit.feature_groups) or ALL_GROUPS


@dataclass(frozen=True)
class PanelForecasts:
    """Forecasts of engines on all roots.

    Attributes
    ----------
    feature_groups
        Groups of matrix columns that each engine was given, in words; the names of the engines.
    quantiles
        By engine, root and horizon: log returns on the sessions of the root, shape ``(n, 3)``,
        NaN where there is no forecast. A root that is too short for a fold is not there.
    short
        Why there is none, by root and horizon.
    kept
        How many results of each engine were read instead of fitted.
    """

    feature_groups: Mapping[str, str] = field(default_factory=dict)
    quantiles: Mapping[tuple[str, str, str], FloatArray] = field(default_factory=dict)
    short: Mapping[Cell, str] = field(default_factory=dict)
    kept: Mapping[str, int] = field(default_factory=dict)

    @property
    def engines(self) -> tuple[str, ...]:
        """Names in the order in which they were fitted."""
        return tuple(self.feature_groups)

    def of(self, symbol: str, horizon: str) -> dict[str, FloatArray]:
        """Forecasts of one root and horizon by engine, those that there are."""
        found = {engine: self.quantiles.get((engine, symbol, horizon)) for engine in self.engines}
        return {engine: values for engine, values in found.items() if values is not None}


@dataclass(frozen=True)
class PlannedRoot:
    """One root and horizon, ready to be fitted."""

    snapshot: Snapshot
    horizon: Horizon
    labels: pd.DataFrame
    plan: SplitPlan
    sample_weights: pd.DataFrame

    @property
    def inputs(self) -> dict[str, str]:
        """Content hashes of the frames that forecasts are made from."""
        return {
            "snapshot": self.snapshot.content_hash,
            "labels": content_hash(self.labels),
            "split_plan": self.plan.content_hash,
            "sample_weights": content_hash(self.sample_weights),
        }


def plan_root(
    snapshot: Snapshot, horizon: Horizon, split: SplitConfig, weights: WeightsConfig
) -> PlannedRoot:
    """Labels, plan and weights of one root, as the split stage makes them for its target.

    Raises
    ------
    SplitError
        The root is too short for a fold.
    """
    labels = {h.name: build_labels(snapshot.sessions(), h) for h in HORIZONS.values()}
    labelled = {
        h.name: (h.sessions, labels[h.name][h.target].notna().to_numpy()) for h in HORIZONS.values()
    }
    dates = labels[horizon.name]["data_date"]
    plan = make_plan(dates, labelled, horizon.name, split)
    values, _ = weigh_plan(plan, dates, snapshot.regimes, weights)
    return PlannedRoot(snapshot, horizon, labels[horizon.name], plan, values)


def fit_root(
    planned: PlannedRoot, engine: str, rules: EngineRules, store: ResultStore
) -> tuple[pd.DataFrame, bool]:
    """Forecasts of one engine on one root, fitted unless they are kept.

    Returns
    -------
    Result with the columns of `soyoil.panel.store.COLUMNS`, and whether it was kept.

    Raises
    ------
    ModelError
        The engine fails; names root and horizon.
    """
    snapshot, horizon = planned.snapshot, planned.horizon
    config = rules.configs[engine]
    facts = dict(fit_facts(rules.profile, rules.fit, engine, config))
    if rules.equal:
        facts["equal"] = True
    key = ResultKey(engine, snapshot.symbol, horizon.name, MadeFrom(planned.inputs, facts))
    kept = store.read(key)
    if kept is not None:
        return kept, True
    check_purged(planned.plan)
    check_scoreable(planned.plan)
    tasks = fold_tasks(
        planned.plan, planned.sample_weights, rules.profile, rules.fit, config, equal=rules.equal
    )
    y = planned.labels[horizon.target].to_numpy(dtype="float64")
    arrays = horizon_arrays(snapshot.matrix, y, horizon.sessions)
    try:
        results = run_walk_forward(Job(engine, rules.fit, config), arrays, tasks, lambda _: None)
    except ModelError as error:
        raise ModelError(f"{snapshot.symbol}, {horizon.name}: {error}") from error
    position = np.concatenate([r.test for r in results])
    quantiles = np.concatenate([r.quantiles for r in results])
    frame = pd.DataFrame(
        {
            "data_date": snapshot.matrix["data_date"].to_numpy()[position],
            "fold": np.concatenate([np.full(len(r.test), r.fold) for r in results]).astype("int64"),
            **{name: quantiles[:, i] for i, name in enumerate(QUANTILE_COLUMNS)},
        }
    )
    return store.write(key, frame), False


def _check_sessions(snapshot: Snapshot, series: RootSeries) -> None:
    """The matrix must be made from the session bars that are scored."""
    dates = snapshot.matrix["data_date"].to_numpy(dtype="datetime64[us]")
    same = np.array_equal(dates, series.dates)
    if not (same and np.array_equal(snapshot.returns, series.returns, equal_nan=True)):
        raise ContractError(
            f"features.daily_ml_matrix holds other sessions of {series.symbol} than the session "
            f"bars ({len(dates):,} and {len(series.dates):,}), or other returns. Run the features "
            "stage again: kedro run --pipeline=features."
        )


@dataclass(frozen=True)
class _Unit:
    """One root and horizon, to be fitted if it can be scored."""

    snapshot: Snapshot
    horizon: Horizon

    @property
    def cell(self) -> Cell:
        return self.snapshot.symbol, self.horizon.name


def _units(cut: Cut, series: Sequence[RootSeries]) -> Iterator[_Unit]:
    for root in series:
        snapshot = cut(root.symbol)
        _check_sessions(snapshot, root)
        for horizon in HORIZONS.values():
            yield _Unit(snapshot, horizon)


def fit_engines(
    cut: Cut,
    series: Sequence[RootSeries],
    rules: PanelRules,
    engines: EngineRules,
    store: ResultStore,
    advance: Advance | None = None,
) -> PanelForecasts:
    """Fit every engine on every root and horizon that can be scored, one engine after the other.

    Parameters
    ----------
    cut
        Snapshot of a root.
    series
        Sessions of the roots.
    rules
        Rows that are scored; `split` with the refits of the profile.
    engines
        What is fitted.
    store
        Where finished results are kept and read from.
    advance
        Told of (engine, roots and horizons done, in all).

    Raises
    ------
    ContractError
        The matrix was made from other session bars.
    ModelError
        An engine fails for a reason that the user can mend.
    """
    split = rules.split.for_profile(engines.profile)
    scored = {
        (root.symbol, horizon.name)
        for root in series
        for horizon in HORIZONS.values()
        if root_losses(root, horizon, rules).status == "scored"
    }
    found: dict[tuple[str, str, str], FloatArray] = {}
    short: dict[Cell, str] = {}
    kept: dict[str, int] = {}
    total = len(series) * len(HORIZONS)
    for engine in engines.configs:
        read, fitted = 0, 0

        def fit_cell(unit: _Unit, engine: str = engine) -> tuple[pd.DataFrame, bool] | str | None:
            if unit.cell not in scored or unit.cell in short:
                return None
            try:
                planned = plan_root(unit.snapshot, unit.horizon, split, engines.weights)
            except SplitError as error:
                return str(error)
            return fit_root(planned, engine, engines, store)

        cells = in_order(engines.fit, engine, fit_cell, _units(cut, series))
        for done, (unit, outcome) in enumerate(cells, start=1):
            if isinstance(outcome, str):
                short[unit.cell] = outcome
            elif outcome is not None:
                frame, was_kept = outcome
                read, fitted = read + was_kept, fitted + (not was_kept)
                found[engine, *unit.cell] = on_dates(frame, unit.snapshot.matrix["data_date"])
            if advance is not None:
                advance(engine, done, total)
        kept[engine] = read
        logger.info(
            "panel, %s: %d results fitted, %d read, %d roots and horizons without a fold",
            engine, fitted, read, total - fitted - read,
        )  # fmt: skip
    groups = {engine: engines.feature_groups(engine) for engine in engines.configs}
    return PanelForecasts(groups, found, short, kept)
