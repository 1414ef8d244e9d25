"""Score one configuration on the inner folds."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray, IntArray
from soyoil.metrics.evaluate import LOSS_COLUMNS, REFERENCES
from soyoil.metrics.losses import row_losses
from soyoil.models.backends.failures import told_apart
from soyoil.models.base import FoldResult, FoldTask
from soyoil.models.baselines import baseline_quantiles
from soyoil.models.champion import CONES, ChampionConfig, cone_experts, mix
from soyoil.models.cones.implied import implied_quantiles
from soyoil.models.walkforward import Job, fit_one
from soyoil.splits.plan import SplitPlan
from soyoil.sweep.inner import TrainingSpan, inner_task
from soyoil.sweep.space import TrialConfig

Metric = Literal["pinball", "mae"]
Weighting = Literal["uniform", "regime", "macro"]

METRICS: Final[tuple[Metric, ...]] = ("pinball", "mae")


def _losses(y: FloatArray, quantiles: FloatArray) -> dict[Metric, FloatArray]:
    frame = pd.DataFrame(quantiles, columns=["q10", "q50", "q90"])
    table = row_losses(frame.assign(y=y))
    return {metric: table[LOSS_COLUMNS[metric]].to_numpy(dtype="float64") for metric in METRICS}


def reference_losses(span: TrainingSpan) -> dict[Metric, FloatArray]:
    """Loss of each metric's reference at every origin, shape ``(n,)``, NaN without a label."""
    baselines = baseline_quantiles(span.returns, span.hourly_vol, span.horizon.sessions)
    return {
        metric: _losses(span.arrays.y, baselines[REFERENCES[metric]])[metric] for metric in METRICS
    }


@dataclass(frozen=True)
class Objective:
    """What a sweep maximises: the skill of a metric under a weighting.

    A skill is ``1 - sum(w loss) / sum(w reference)``, or the mean of that over regimes. Given the
    rows, both are linear in the differences ``reference - loss``, with coefficients that
    `coefficients` gives.

    Attributes
    ----------
    metric
        ``pinball`` against the vol cone or ``mae`` against the random walk.
    weighting
        ``uniform``, ``regime`` or ``macro``.
    """

    metric: Metric
    weighting: Weighting

    @property
    def name(self) -> str:
        """Name of the score among the metrics of a run."""
        return f"{self.weighting}.skill_{self.metric}"

    def coefficients(
        self, span: TrainingSpan, rows: IntArray, reference: Mapping[Metric, FloatArray]
    ) -> FloatArray:
        """Coefficients a with ``skill = sum(a * (reference - loss))`` over some rows.

        Parameters
        ----------
        span
            Regimes of the rows.
        rows
            Positions of the scored rows.
        reference
            As `reference_losses` gives them.

        Returns
        -------
        FloatArray
            In the shape of `rows`.
        """
        loss = reference[self.metric][rows]
        if self.weighting != "macro":
            weight = span.regime_weights[rows] if self.weighting == "regime" else np.ones(len(rows))
            return np.asarray(weight / float(np.dot(weight, loss)))
        _, regime = np.unique(span.regime_names[rows].astype(str), return_inverse=True)
        totals = np.bincount(regime, weights=loss)
        return np.asarray(1.0 / (len(totals) * totals[regime]))


def champion_skill(
    span: TrainingSpan, plan: SplitPlan, objective: Objective, config: ChampionConfig
) -> float:
    """Skill of the cones' champion on the rows that trials are scored on.

    Parameters
    ----------
    span
        Rows that may be seen.
    plan
        Inner folds.
    objective
        What the sweep maximises.
    config
        Rates and priors.
    """
    _, rows = plan.test_rows()
    h = span.horizon.sessions
    quantiles = baseline_quantiles(span.returns, span.hourly_vol, h)
    quantiles |= implied_quantiles(span.implied_vol, h, quantiles[CONES[0]])
    mixed = mix(
        cone_experts(span.returns, quantiles, span.arrays.y, rows, h),
        h,
        config,
    )
    reference = reference_losses(span)
    saved = (
        reference[objective.metric][rows]
        - _losses(span.arrays.y[rows], mixed.quantiles)[objective.metric]
    )
    return float(np.dot(objective.coefficients(span, rows, reference), saved))


@dataclass(frozen=True)
class FoldScore:
    """Scored rows of one fold.

    Attributes
    ----------
    fold
        Number of the fold.
    rows
        Positions of the scored rows.
    differences
        ``reference - loss`` per metric, log returns, shape of `rows`; positive is better.
    seconds
        Wall time of the fit.
    """

    fold: int
    rows: IntArray
    differences: Mapping[Metric, FloatArray]
    seconds: float


def _fit(job: Job, span: TrainingSpan, task: FoldTask) -> FoldResult:
    with told_apart(f"{job.engine}, inner fold {task.fold}"):
        return fit_one(job, span.arrays, task)


def score_folds(
    span: TrainingSpan,
    plan: SplitPlan,
    config: TrialConfig,
    reference: Mapping[Metric, FloatArray],
) -> Iterator[FoldScore]:
    """Fit and score the folds one after another in this process.

    Raises
    ------
    ModelError
        If the engine fails for a reason that the user can mend.
    """
    job = Job(config.model, config.fit, config.engine)
    for fold in plan.folds:
        started = time.perf_counter()
        result = _fit(job, span, inner_task(span, fold, config))
        losses = _losses(span.arrays.y[result.test], result.quantiles)
        yield FoldScore(
            fold=fold.number,
            rows=result.test,
            differences={m: reference[m][result.test] - losses[m] for m in METRICS},
            seconds=time.perf_counter() - started,
        )


def pooled(scores: list[FoldScore], metric: Metric) -> tuple[IntArray, FloatArray]:
    """Rows and differences of all folds so far, in time order."""
    rows = np.concatenate([score.rows for score in scores])
    return rows, np.concatenate([score.differences[metric] for score in scores])
