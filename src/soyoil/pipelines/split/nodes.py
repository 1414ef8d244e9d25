"""Nodes of the split stage."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pandas as pd

from soyoil.errors import SplitError
from soyoil.params import Profile, TargetConfig, WeightsConfig
from soyoil.regimes.weights import sample_weights, weight_report
from soyoil.sources.base import SourceConfig
from soyoil.splits.plan import SplitConfig, plan_from_frame, walk_forward
from soyoil.splits.snapshot import Snapshot, take_snapshot
from soyoil.targets.horizons import Horizon
from soyoil.targets.labels import build_labels, check_target_columns
from soyoil.warehouse.contract import load_contract

logger = logging.getLogger(__name__)

SNAPSHOT_TABLES = ("features.daily_ml_matrix", "training.regime_weights")


def make_snapshot(
    matrix: pd.DataFrame, regimes: pd.DataFrame, target: TargetConfig, source: SourceConfig
) -> Snapshot:
    """Cut the target's rows out of the matrix; nothing after this reads the warehouse.

    Raises
    ------
    SplitError
        If the rows are synthetic although the source is not, or the other way round.
    """
    contracts = {name: load_contract(name).content_hash for name in SNAPSHOT_TABLES}
    snapshot = take_snapshot(matrix, regimes, target.symbol, contracts)
    wanted = "synthetic" if source.kind == "synthetic" else "observed"
    if snapshot.provenance != wanted:
        raise SplitError(
            f"The matrix holds {snapshot.provenance} rows, but source.kind={source.kind}. "
            "Run the ingest and features stages with the same source first."
        )
    return snapshot


def session_frame(snapshot: Snapshot) -> pd.DataFrame:
    """Session index of the target: date, close and roll-free return."""
    matrix = snapshot.matrix
    return pd.DataFrame(
        {
            "data_date": matrix["data_date"],
            "close": matrix["market_data.close"],
            "roll_free_return": matrix["market_data.roll_free_return"],
        }
    )


def label_node(horizon: Horizon) -> Callable[[Snapshot], pd.DataFrame]:
    """Node function that labels one horizon."""

    def make_labels(snapshot: Snapshot) -> pd.DataFrame:
        labels = build_labels(session_frame(snapshot), horizon)
        check_target_columns(labels.columns, horizon, f"the label table of {horizon.name}")
        return labels

    return make_labels


def plan_node(
    horizon: Horizon,
) -> Callable[[pd.DataFrame, SplitConfig, Profile], pd.DataFrame]:
    """Node function that plans the walk-forward of one horizon."""

    def make_plan(labels: pd.DataFrame, split: SplitConfig, profile: Profile) -> pd.DataFrame:
        plan = walk_forward(
            labels["data_date"],
            labels[horizon.target].notna().to_numpy(),
            (horizon.name, horizon.sessions),
            split.for_profile(profile),
        )
        return plan.to_frame()

    return make_plan


def weights_node(
    horizon: Horizon,
) -> Callable[[Snapshot, pd.DataFrame, WeightsConfig], tuple[pd.DataFrame, pd.DataFrame]]:
    """Node function that weights the training and early-stopping rows of one horizon."""

    def make_weights(
        snapshot: Snapshot, split_plan: pd.DataFrame, weights: WeightsConfig
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        dates = snapshot.matrix["data_date"]
        plan = plan_from_frame(split_plan, dates, horizon.name, horizon.sessions)
        parts: list[pd.DataFrame] = []
        report: list[dict[str, object]] = []
        for fold in plan.folds:
            cutoff = dates.iloc[fold.cutoff]
            for role, rows in (("train", fold.train), ("valid", fold.valid)):
                days = dates.iloc[rows]
                values = sample_weights(days, snapshot.regimes, cutoff, weights.scheme)
                parts.append(
                    pd.DataFrame(
                        {"fold": fold.number, "role": role, "data_date": days, "weight": values}
                    )
                )
                if role == "train":
                    summary = weight_report(days, values, snapshot.regimes, horizon.sessions)
                    report.append(
                        {
                            "fold": fold.number,
                            "cutoff": cutoff,
                            "rows": len(days),
                            "effective_n": summary.effective_n,
                            "independent_n": summary.independent_n,
                            "dominant": " ".join(summary.dominant),
                            "unused": " ".join(summary.unused),
                            **{f"share.{k}": v for k, v in summary.shares.items()},
                        }
                    )
        _warn_about_weights(horizon, pd.DataFrame(report))
        return pd.concat(parts, ignore_index=True), pd.DataFrame(report)

    return make_weights


def _warn_about_weights(horizon: Horizon, report: pd.DataFrame) -> None:
    last = report.iloc[-1]
    if last["dominant"]:
        logger.warning(
            "%s: in the last fold %s holds more than 40 %% of the training weight",
            horizon.name,
            last["dominant"],
        )
    if last["unused"]:
        logger.info(
            "%s: regimes without a training row in the last fold: %s", horizon.name, last["unused"]
        )
