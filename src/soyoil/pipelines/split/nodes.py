"""Nodes of the split stage."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from soyoil.base.errors import SplitError
from soyoil.base.handover import MadeFrom, check_handover, stamped
from soyoil.contracts.contract import load_contract
from soyoil.external.config import ALL_OFF, ExternalConfig
from soyoil.features.config import EVERY_GROUP, FeaturesConfig, group_of
from soyoil.params import Profile, TargetConfig, WeightsConfig
from soyoil.pipelines.grid import bound
from soyoil.pipelines.origins import (
    SPLIT_AGAIN,
    csv_hash,
    split_parameters,
    weight_parameters,
)
from soyoil.regimes.table import check_regimes
from soyoil.regimes.weights import (
    label_regimes,
)
from soyoil.reports.figures import split_plan_figure
from soyoil.sources.base import SourceConfig
from soyoil.sources.identity import market_identity
from soyoil.splits.build import make_plan
from soyoil.splits.plan import (
    SplitConfig,
    check_purged,
    check_scoreable,
    plan_from_frame,
)
from soyoil.splits.snapshot import Snapshot, take_snapshot
from soyoil.splits.weights import weigh_plan
from soyoil.targets.horizons import HORIZONS, Horizon
from soyoil.targets.labels import build_labels, check_target_columns, forward_sums, label_report

logger = logging.getLogger(__name__)

SNAPSHOT_TABLES = ("features.daily_ml_matrix", "training.regime_weights")


def make_snapshot(
    matrix: pd.DataFrame,
    regimes: pd.DataFrame,
    target: TargetConfig,
    source: SourceConfig,
    external: ExternalConfig = ALL_OFF,
    features: FeaturesConfig = EVERY_GROUP,
) -> Snapshot:
    """Cut the target's rows out of the matrix; nothing after this reads the warehouse.

    Columns of groups that ``features.groups`` leaves out are cut off.

    Raises
    ------
    SplitError
        If the rows are synthetic although the source is not, or the other way round; or if the
        regimes in the matrix are not those of the regime table.
    RegimeError
        If the regime table does not partition time or does not cover every session.
    """
    contracts = {name: load_contract(name).content_hash for name in SNAPSHOT_TABLES}
    matrix = matrix.drop(columns=_left_out(matrix, features))
    snapshot = take_snapshot(matrix, regimes, target.symbol, contracts)
    wanted = "synthetic" if source.kind == "synthetic" else "observed"
    if snapshot.provenance != wanted:
        raise SplitError(
            f"The matrix holds {snapshot.provenance} rows, but source.kind={source.kind}. "
            "Run the ingest and features stages with the same source first."
        )
    check_regimes(snapshot.regimes)
    table = label_regimes(snapshot.matrix["data_date"], snapshot.regimes)
    stale = (table["name"] != snapshot.matrix["regime.name"]) | (
        table["weight"] != snapshot.matrix["regime.weight"]
    )
    if stale.any():
        first = snapshot.matrix["data_date"][stale].iloc[0]
        raise SplitError(
            "The matrix holds other regimes than training.regime_weights, first on "
            f"{first:%Y-%m-%d}. Run the features stage again: kedro run --pipeline=features."
        )
    market = market_identity(source, target.symbol, external.identity(), features.groups)
    return replace(snapshot, made_from=market)


def _left_out(matrix: pd.DataFrame, features: FeaturesConfig) -> list[str]:
    """Computed columns of the groups that are left out; names and weights of regimes stay."""
    roles = load_contract(SNAPSHOT_TABLES[0]).roles()
    return [
        name
        for name in matrix.columns
        if roles.get(name) in ("feature", "meta")
        and "." in name
        and not features.has(group_of(name))
    ]


def make_labels(snapshot: Snapshot, *, horizon: Horizon) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Label one horizon, and measure the artefact of naive labels."""
    sessions = snapshot.sessions()
    labels = build_labels(sessions, horizon)
    check_target_columns(labels.columns, horizon, f"the label table of {horizon.name}")
    report = label_report(sessions, labels, horizon)
    return stamped(labels, MadeFrom({"snapshot": snapshot.content_hash})), report


def label_node(horizon: Horizon) -> Callable[[Snapshot], tuple[pd.DataFrame, pd.DataFrame]]:
    """Node function that labels one horizon and measures the artefact of naive labels."""
    return bound(make_labels, horizon=horizon)


def make_split_plan(
    snapshot: Snapshot,
    labels: pd.DataFrame,
    split: SplitConfig,
    profile: Profile,
    *,
    horizon: Horizon,
) -> pd.DataFrame:
    """Plan the folds of one horizon."""
    inputs = {"snapshot": snapshot.content_hash}
    name = f"{horizon.name}.labels"
    inputs["labels"] = check_handover(labels, name, MadeFrom(inputs), SPLIT_AGAIN)
    returns = snapshot.returns
    labelled = {
        name: (other.sessions, ~np.isnan(forward_sums(returns, other.sessions)))
        for name, other in HORIZONS.items()
    }
    labelled[horizon.name] = (horizon.sessions, labels[horizon.target].notna().to_numpy())
    plan = make_plan(labels["data_date"], labelled, horizon.name, split.for_profile(profile))
    check_purged(plan)
    check_scoreable(plan)
    return stamped(plan.to_frame(), MadeFrom(inputs, split_parameters(split, profile)))


def plan_node(
    horizon: Horizon,
) -> Callable[[Snapshot, pd.DataFrame, SplitConfig, Profile], pd.DataFrame]:
    """Node function that plans the folds of one horizon; a plan for selection is refused."""
    return bound(make_split_plan, horizon=horizon)


def draw_plan(snapshot: Snapshot, split_plan: pd.DataFrame, *, horizon: Horizon) -> object:
    """Draw the plan of one horizon."""
    title = f"Split plan of {snapshot.symbol}, horizon {horizon.name}"
    return split_plan_figure(split_plan, snapshot.regimes, title)


def plan_figure_node(horizon: Horizon) -> Callable[[Snapshot, pd.DataFrame], object]:
    """Node function that draws the plan of one horizon."""
    return bound(draw_plan, horizon=horizon)


def make_weights(
    snapshot: Snapshot, split_plan: pd.DataFrame, weights: WeightsConfig, *, horizon: Horizon
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Weigh the rows of one horizon that are fitted or calibrated on."""
    inputs = {"snapshot": snapshot.content_hash}
    name = f"{horizon.name}.split_plan"
    inputs["split_plan"] = check_handover(split_plan, name, MadeFrom(inputs), SPLIT_AGAIN)
    dates = snapshot.matrix["data_date"]
    plan = plan_from_frame(split_plan, dates, horizon.name, horizon.sessions)
    values, report = weigh_plan(plan, snapshot.matrix["data_date"], snapshot.regimes, weights)
    _warn_about_weights(horizon, report)
    made_from = MadeFrom(inputs, weight_parameters(weights))
    return stamped(values, made_from, weight_report=csv_hash(report)), report


def weights_node(
    horizon: Horizon,
) -> Callable[[Snapshot, pd.DataFrame, WeightsConfig], tuple[pd.DataFrame, pd.DataFrame]]:
    """Node function that weights the rows of one horizon that are fitted or calibrated on."""
    return bound(make_weights, horizon=horizon)


def _warn_about_weights(horizon: Horizon, report: pd.DataFrame) -> None:
    last = report.iloc[-1]
    if last["dominant"]:
        # No warning: it is what the weights were set for, and nothing is wrong.
        logger.info(
            "%s: in the last fold %s holds more than 40 %% of the training weight",
            horizon.name,
            last["dominant"],
        )
    if last["unused"]:
        logger.info(
            "%s: regimes without a training row in the last fold: %s", horizon.name, last["unused"]
        )
