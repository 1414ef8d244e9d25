"""Names of experiments, runs and metrics as MLflow's pages sort and group them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from soyoil.metrics.keys import MetricKey, pooled

PIPELINE_TAG: Final = "pipeline_run"
"""Tag of a run of a model or trial: id of the pipeline run that made it.

Not ``mlflow.parentRunId``: MLflow fetches such parents from wherever they are, puts them into the
list and folds their children away below them.
"""

LEADING: Final = {
    "skill": pooled("skill_pinball"),
    "skill_low": pooled("skill_pinball_low"),
    "skill_high": pooled("skill_pinball_high"),
    "coverage_80": pooled("coverage_80"),
    "independent_n": pooled("independent_n"),
}
"""Metrics without a prefix, which MLflow lists and charts first, with the key behind each."""

DIGITS: Final = 4
"""Decimals of the leading metrics: MLflow's columns show all that there are, and cut them. The
keys behind them have the whole number."""

ORDER: Final = "sort/horizon_then_skill"
"""Metric that sorts runs by horizon, and within one by skill, best first."""


def pipelines_experiment(models: str) -> str:
    """Name of the experiment of pipeline runs beside that of models."""
    return f"{models} pipelines"


def sweeps_experiment(models: str) -> str:
    """Name of the experiment of trials beside that of models."""
    return f"{models} sweeps"


def title(tags: Mapping[str, str]) -> str | None:
    """Name of a run of a model: symbol, sessions of the horizon, horizon, model.

    Names are sorted as text, so the horizon's sessions stand before it with leading zeros.

    Parameters
    ----------
    tags
        Tags of the run.

    Returns
    -------
    str or None
        None if a tag is missing that it is made of.

    Examples
    --------
    >>> tags = {"symbol": "ZL", "horizon_sessions": "21", "horizon": "1m", "model": "lightgbm"}
    >>> title(tags)
    'zl 021 1m lightgbm'
    """
    try:
        sessions = int(tags["horizon_sessions"])
        return f"{tags['symbol'].lower()} {sessions:03d} {tags['horizon']} {tags['model']}"
    except KeyError:
        return None


def key_in_mlflow(key: str) -> str:
    """Key of a metric with slashes: MLflow groups charts by what is before the last one.

    Parameters
    ----------
    key
        ``<scope>.<weighting>.<metric>[.<regime>]``, or another dotted key.

    Examples
    --------
    >>> key_in_mlflow("pooled.uniform.mae"), key_in_mlflow("pooled.uniform.mae.covid")
    ('pooled/uniform/mae', 'pooled/uniform/covid/mae')
    >>> key_in_mlflow("fold.train.rows")
    'fold/train/rows'
    """
    try:
        found = MetricKey.parse(key)
    except ValueError:
        return key.replace(".", "/")
    parts = (found.scope, found.weighting, found.regime, found.metric)
    return "/".join(part for part in parts if part is not None)


def leading_metrics(metrics: Mapping[str, float], sessions: int) -> dict[str, float]:
    """The few metrics that lead in MLflow, rounded, and the one to sort by.

    Parameters
    ----------
    metrics
        Metrics of a run by key; those of `LEADING` that it lacks are left out.
    sessions
        Horizon in sessions; 0 if unknown, then there is nothing to sort by.

    Examples
    --------
    >>> leading_metrics({"pooled.uniform.skill_pinball": 1.0}, 5)
    {'skill': 1.0, 'sort/horizon_then_skill': 4.75}
    """
    given = {name: float(metrics[key]) for name, key in LEADING.items() if key in metrics}
    skill = given.get("skill", float("nan"))
    found = {name: round(value, DIGITS) for name, value in given.items()}
    if sessions:
        # Between -1/2 and 1/2 whatever the skill, so that no horizon reaches into the next.
        within = skill / (1 + abs(skill)) / 2 if skill == skill else 0.0
        found[ORDER] = sessions - within
    return found
