"""Scores of one model against the references on the same rows and weights.

Metric keys are ``<scope>.<weighting>.<metric>[.<regime>]``: scope ``pooled`` or ``fold``;
weighting ``uniform``, ``regime``, ``macro`` (mean over regimes) or ``worst`` (worst regime).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import BoolArray, FloatArray
from soyoil.base.errors import ModelError
from soyoil.market.conventions import QUANTILE_COLUMNS
from soyoil.metrics.bootstrap import Verdict, skill_interval, verdict
from soyoil.metrics.keys import MetricKey, Weighting, pooled
from soyoil.metrics.losses import row_losses, weighted_mean
from soyoil.metrics.significance import loss_test
from soyoil.regimes.weights import effective_n

NOMINAL_COVERAGE: Final = 0.8
NOMINAL: Final = {"coverage_50": 0.5, "coverage_80": NOMINAL_COVERAGE, "coverage_90": 0.9}

REFERENCES: Final = {"mae": "random_walk", "pinball": "vol_cone"}
"""Reference model of each skill: ``skill = 1 - loss / loss of the reference``."""

LOSS_COLUMNS: Final = {"mae": "absolute", "pinball": "pinball"}
"""Column of the row losses behind each skill."""

_HIGHER_IS_BETTER: Final = ("direction", "skill_mae", "skill_pinball", "skill_crps")
_COUNTS: Final = ("n", "effective_n", "independent_n")


@dataclass(frozen=True)
class Evaluation:
    """Scores of one horizon and model.

    Attributes
    ----------
    metrics
        Pooled metrics by key; NaN where a metric does not exist.
    fold_metrics
        (key, fold, value).
    scored_rows_hash
        SHA-256 of the origins that were scored: two results compare only if it is equal.
    verdicts
        By skill (``skill_mae``, ``skill_pinball``), uniform weights: ``skill``, ``no skill`` or
        ``unprovable``.
    """

    metrics: Mapping[str, float]
    fold_metrics: tuple[tuple[str, int, float], ...]
    scored_rows_hash: str
    verdicts: Mapping[str, Verdict]


_Losses = Mapping[str, FloatArray]
"""Columns of `row_losses`."""


@dataclass(frozen=True)
class Scored:
    """Losses of the model and of every reference on the same rows."""

    losses: _Losses
    references: Mapping[str, _Losses]

    def take(self, mask: BoolArray) -> Scored:
        """Those of some rows."""
        references = {name: _taken(losses, mask) for name, losses in self.references.items()}
        return Scored(_taken(self.losses, mask), references)


def _taken(losses: _Losses, mask: BoolArray) -> _Losses:
    return {name: values[mask] for name, values in losses.items()}


def _losses(rows: pd.DataFrame) -> _Losses:
    table = row_losses(rows)
    return {name: table[name].to_numpy(dtype="float64") for name in table.columns}


MIN_SKILL: Final = -0.005
"""Pinball skill against a reference below which a forecast loses more than is borne: a model is not
given out, live forecasts raise an alarm."""


def skill(loss: float, reference: float) -> float:
    """``1 - loss / reference``: 0 for a tie, negative if the reference was better.

    NaN if the reference's loss is zero.
    """
    return 1.0 - loss / reference if reference > 0 else float("nan")


def _check(name: str, rows: pd.DataFrame) -> None:
    if rows["data_date"].duplicated().any():
        raise ModelError(f"the forecasts of {name} score an origin more than once")
    values = rows[[*QUANTILE_COLUMNS, "y"]].to_numpy(dtype="float64")
    bad = ~np.isfinite(values).all(axis=1)
    if bad.any():
        first = rows["data_date"][bad].iloc[0]
        raise ModelError(
            f"the forecasts of {name} hold {int(bad.sum())} rows that are not finite, the first "
            f"at {first:%Y-%m-%d}; every scored row needs three quantiles and an outcome"
        )


def align(
    predictions: pd.DataFrame, references: Mapping[str, pd.DataFrame]
) -> tuple[pd.DataFrame, Scored]:
    """Rows that the model and every reference forecast, in date order, and their losses.

    Raises
    ------
    ModelError
        As `evaluate` does.
    """
    _check("the model", predictions)
    common = predictions["data_date"]
    for name, frame in references.items():
        _check(name, frame)
        common = common[common.isin(frame["data_date"])]
    if common.empty:
        raise ModelError("the model and its references have no scored origin in common")
    kept = predictions[predictions["data_date"].isin(common)]
    rows = kept.sort_values("data_date").reset_index(drop=True)
    aligned: dict[str, _Losses] = {}
    for name, frame in references.items():
        other = frame.set_index("data_date").loc[rows["data_date"]].reset_index()
        if not np.array_equal(other["y"].to_numpy(), rows["y"].to_numpy()):
            raise ModelError(f"the outcomes beside {name} are not those beside the model")
        aligned[name] = _losses(other)
    return rows, Scored(_losses(rows), aligned)


def summarise(scored: Scored, weights: FloatArray, sessions: int) -> dict[str, float]:
    """Weighted metrics of one set of rows.

    Parameters
    ----------
    scored
        Losses.
    weights
        One positive weight per row.
    sessions
        Horizon in sessions; ``independent_n`` is the effective sample size divided by it,
        because labels of neighbouring origins overlap.

    Returns
    -------
    dict
        ``mae``, ``pinball``, ``crps``, ``coverage_50``, ``coverage_80``, ``coverage_90``,
        ``width_80``, ``direction``, ``bias``, ``skill_mae``, ``skill_pinball``, ``skill_crps``
        (against the reference of the pinball loss), ``n``, ``effective_n``, ``independent_n``.
        Losses are log returns, the rest shares or counts.
    """

    def mean(losses: _Losses, column: str) -> float:
        return weighted_mean(losses[column], weights)

    mae, loss = mean(scored.losses, "absolute"), mean(scored.losses, "pinball")
    score, cone = mean(scored.losses, "crps"), scored.references[REFERENCES["pinball"]]
    n = effective_n(weights)
    return {
        "mae": mae,
        "pinball": loss,
        "crps": score,
        "coverage_50": mean(scored.losses, "covered_50"),
        "coverage_80": mean(scored.losses, "covered"),
        "coverage_90": mean(scored.losses, "covered_90"),
        "width_80": mean(scored.losses, "width"),
        "direction": mean(scored.losses, "direction"),
        "bias": mean(scored.losses, "error"),
        "skill_mae": skill(mae, mean(scored.references[REFERENCES["mae"]], "absolute")),
        "skill_pinball": skill(loss, mean(cone, "pinball")),
        "skill_crps": skill(score, mean(cone, "crps")),
        "n": float(len(weights)),
        "effective_n": n,
        "independent_n": n / sessions,
    }


def _pair(scored: Scored, metric: str) -> tuple[FloatArray, FloatArray]:
    """Losses behind a skill, of the model and of its reference."""
    column = LOSS_COLUMNS[metric]
    reference = scored.references[REFERENCES[metric]]
    return scored.losses[column], reference[column]


def _intervals(scored: Scored, weights: FloatArray, sessions: int) -> dict[str, float]:
    """Bounds of both skills: ``skill_mae_low``, ``skill_mae_high`` and so on."""
    out: dict[str, float] = {}
    for metric in LOSS_COLUMNS:
        interval = skill_interval(*_pair(scored, metric), weights, sessions)
        out |= {f"skill_{metric}_low": interval.low, f"skill_{metric}_high": interval.high}
    return out


def _tests(scored: Scored, sessions: int) -> dict[str, float]:
    """``dm_p_mae``, ``detectable_mae`` and the same for ``pinball``, by key: uniform weights."""
    out: dict[str, float] = {}
    for metric in LOSS_COLUMNS:
        test = loss_test(*_pair(scored, metric), sessions)
        out |= {pooled(f"dm_p_{metric}"): test.p, pooled(f"detectable_{metric}"): test.detectable}
    return out


def _worst(metric: str, values: FloatArray) -> float:
    if np.isnan(values).all():
        return float("nan")
    if metric in NOMINAL:
        return float(values[np.nanargmax(np.abs(values - NOMINAL[metric]))])
    if metric == "bias":
        return float(values[np.nanargmax(np.abs(values))])
    if metric in _HIGHER_IS_BETTER or metric in _COUNTS:
        return float(np.nanmin(values))
    return float(np.nanmax(values))


def _by_regime(names: np.ndarray, scored: Scored, sessions: int) -> dict[str, float]:
    """Metrics per regime at the origin, their mean over regimes, and the worst of them."""
    per_regime: dict[str, dict[str, float]] = {}
    for regime in dict.fromkeys(names):
        mask = names == regime
        weights = np.ones(int(mask.sum()))
        per_regime[str(regime)] = summarise(scored.take(mask), weights, sessions)
    out = {
        pooled(metric, regime=regime): value
        for regime, values in per_regime.items()
        for metric, value in values.items()
    }
    table = pd.DataFrame(per_regime.values())
    for metric in table.columns:
        values = table[metric].to_numpy(dtype="float64")
        if metric not in _COUNTS:
            out[pooled(metric, "macro")] = float(pd.Series(values).mean())
        out[pooled(metric, "worst")] = _worst(metric, values)
    return out


def scored_rows_hash(dates: pd.Series) -> str:
    """SHA-256 of the scored origins in date order."""
    days = dates.dt.strftime("%Y-%m-%d").sort_values()
    return hashlib.sha256("\n".join(days).encode()).hexdigest()


def evaluate(
    predictions: pd.DataFrame, references: Mapping[str, pd.DataFrame], sessions: int
) -> Evaluation:
    """Score a model on the rows that it and every reference forecast.

    Parameters
    ----------
    predictions
        ``data_date``, ``fold``, ``q10``, ``q50``, ``q90``, ``y`` (log returns),
        ``regime_name``, ``regime_weight``; one row per scored origin.
    references
        The same for each name in `REFERENCES`.
    sessions
        Horizon in sessions.

    Returns
    -------
    Evaluation
        Metrics pooled, by regime at the origin and per fold.

    Raises
    ------
    ModelError
        If a forecast is missing or not finite, an origin is scored twice, or the rows of model
        and references do not belong together.
    """
    rows, scored = align(predictions, references)
    regime = rows["regime_weight"].to_numpy(dtype="float64")
    weightings: dict[Weighting, FloatArray] = {
        "uniform": np.ones(len(regime)),
        "regime": regime / regime.mean(),
    }
    metrics: dict[str, float] = {}
    folds: list[tuple[str, int, float]] = []
    number = rows["fold"].to_numpy()
    for weighting, weights in weightings.items():
        whole = summarise(scored, weights, sessions)
        whole |= _intervals(scored, weights, sessions)
        metrics |= {pooled(metric, weighting): value for metric, value in whole.items()}
        for fold in np.unique(number):
            mask = number == fold
            values = summarise(scored.take(mask), weights[mask], sessions)
            folds += [
                (str(MetricKey(m, weighting, "fold")), int(fold), v) for m, v in values.items()
            ]
    metrics |= _tests(scored, sessions) | _by_regime(
        rows["regime_name"].to_numpy(), scored, sessions
    )
    independent = len(rows) / sessions
    verdicts = {
        f"skill_{metric}": verdict(
            metrics[pooled(f"skill_{metric}_low")], metrics[pooled(f"dm_p_{metric}")], independent
        )
        for metric in LOSS_COLUMNS
    }
    rows_hash = scored_rows_hash(rows["data_date"])
    return Evaluation(metrics, tuple(folds), rows_hash, verdicts)
