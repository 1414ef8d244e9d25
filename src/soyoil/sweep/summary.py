"""What a study found: its best trial, what luck would have found, and a configuration to use."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import yaml

from soyoil.models.champion import ChampionConfig
from soyoil.models.engines import ENGINES
from soyoil.sweep.config import Dimension, Value
from soyoil.sweep.inner import TrainingSpan
from soyoil.sweep.ledger import Ledger, StudyKey, Trial
from soyoil.sweep.luck import Luck, TrialMatrix, judge
from soyoil.sweep.space import TrialConfig, command_text, suggest
from soyoil.sweep.study import StudySpec
from soyoil.sweep.trial import Objective, champion_skill, reference_losses

logger = logging.getLogger(__name__)

MIN_IMPORTANCE_TRIALS: Final = 10
"""Fewer complete trials say nothing about the importance of a parameter."""


@dataclass(frozen=True)
class StudySummary:
    """One study as it stands.

    Attributes
    ----------
    key
        What it searches.
    trials
        Its trials in order.
    best
        Complete trial with the highest value; None if there is none.
    config
        Configuration of the best trial.
    luck
        The best beside all trials of the ledger against these rows.
    champion
        Skill of the cones' champion on the same rows: what a configuration has to beat.
    importance
        Share per dimension of the spread of good values; empty with too few trials.
    """

    key: StudyKey
    trials: tuple[Trial, ...]
    best: Trial | None
    config: TrialConfig | None
    luck: Luck | None
    champion: float
    importance: Mapping[str, float]

    @property
    def line(self) -> str:
        """The result in one line."""
        where = (
            f"{self.key.horizon} {self.key.model}: champion of the cones "
            f"{_percent(self.champion)}, "
        )
        if self.best is None or self.luck is None:
            return f"{where}no complete trial (N = {len(self.trials)})"
        found = (
            f"{where}best skill {_percent(self.luck.best)}, luck alone gives "
            f"{_percent(self.luck.expected)} (N = {self.luck.trials})"
        )
        if self.luck.provable:
            return found
        return f"{found}, unprovable: {self.luck.independent:.1f} independent labels"

    @property
    def details(self) -> str:
        """What else is to be known before the best trial is believed."""
        states = dict.fromkeys(("complete", "pruned", "failed"), 0)
        for trial in self.trials:
            states[trial.state] += 1
        counts = ", ".join(f"{number} {name}" for name, number in states.items() if number)
        if self.best is None or self.luck is None:
            return f"study {self.key.name}: {counts}"
        return (
            f"study {self.key.name}: {counts}; best is trial {self.best.number}; luck gives as "
            f"much with probability {_number(self.luck.p_value)}; deflated probability of skill "
            f"{_number(self.luck.deflated)}; probability of backtest overfitting "
            f"{_number(self.luck.overfit)}"
        )


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _number(value: float) -> str:
    return "n/a" if math.isnan(value) else f"{value:.2f}"


def trial_matrix(
    span: TrainingSpan, trials: Sequence[Trial], objective: Objective
) -> tuple[TrialMatrix, list[Trial]]:
    """Loss differences of trials on the rows of a training span, under one objective.

    Returns
    -------
    tuple
        The matrix, and the trials of its columns: those with a scored row in the span.
    """
    reference = reference_losses(span)
    known = np.isfinite(reference[objective.metric])
    positions = pd.Index(span.dates.to_numpy(dtype="datetime64[D]"))
    columns: list[np.ndarray] = []
    kept: list[Trial] = []
    for trial in trials:
        if trial.state == "failed":
            continue
        rows = positions.get_indexer(pd.Index(trial.origins))
        there = (rows >= 0) & known[rows]
        if not there.any():
            continue
        rows = rows[there].astype("int64")
        column = np.full(len(known), np.nan)
        coefficients = objective.coefficients(span, rows, reference)
        column[rows] = coefficients * trial.differences[objective.metric][there]
        columns.append(column)
        kept.append(trial)
    stacked = np.column_stack(columns) if columns else np.empty((len(known), 0))
    scored = np.isfinite(stacked).any(axis=1)
    complete = np.array([trial.state == "complete" for trial in kept], dtype=bool)
    return TrialMatrix(stacked[scored], complete, span.horizon.sessions), kept


def param_importance(
    trials: Sequence[Trial], dimensions: Mapping[str, Dimension]
) -> dict[str, float]:
    """Share of each dimension in the spread of good values (PED-ANOVA, Watanabe et al. 2023)."""
    done = [t for t in trials if t.state == "complete" and set(t.params) == set(dimensions)]
    if len(done) < MIN_IMPORTANCE_TRIALS or len({t.value for t in done}) < 2:
        return {}
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize")
    for trial in done:
        study.enqueue_trial(dict(trial.params))
        asked = study.ask()
        for key, dimension in dimensions.items():
            suggest(asked, key, dimension)
        study.tell(asked, trial.value)
    found = optuna.importance.get_param_importances(study)
    return {key: float(value) for key, value in found.items()}


def summarise_study(spec: StudySpec, span: TrainingSpan, champion: ChampionConfig) -> StudySummary:
    """Read a study from the ledger and judge its best trial, beside the cones' champion."""
    ledger = Ledger(spec.ledger)
    against = ledger.against(spec.key)
    own = sorted((t for t in against if t.study.name == spec.key.name), key=lambda t: t.number)
    done = [t for t in own if t.state == "complete" and t.value is not None]
    best = max(done, key=lambda t: (t.value or 0.0, -t.number), default=None)
    luck = None
    config = None
    if best is not None:
        matrix, columns = trial_matrix(span, against, spec.objective)
        luck = judge(matrix, [t.key for t in columns].index(best.key))
        config = spec.base.with_values(best.params)
    importance = param_importance(own, spec.sweep.dimensions)
    against_best = champion_skill(span, spec.plan, spec.objective, champion)
    return StudySummary(spec.key, tuple(own), best, config, luck, against_best, importance)


def train_command(
    summary: StudySummary, base: TrialConfig, others: Mapping[str, Value] | None = None
) -> str:
    """The command that trains the best configuration.

    Only the tag of the horizon is given: the other engines and the baselines run beside it.

    Parameters
    ----------
    summary
        Study with a complete trial.
    base
        Configuration that trials started from.
    others
        Further parameters by dotted key, such as those of the source.
    """
    if summary.best is None or summary.config is None:
        raise ValueError(f"study {summary.key.name} has no complete trial")
    searched = {**base.changed(), **summary.config.changed(), **summary.best.params}
    values = {**(others or {}), **searched}
    text = ",".join(f"{key}={command_text(value)}" for key, value in sorted(values.items()))
    return f"kedro run --pipeline=train --tags={summary.key.horizon} --params={text}"


def conf_text(
    summary: StudySummary, base: TrialConfig, others: Mapping[str, Value] | None = None
) -> str:
    """The best configuration as a file for ``conf/local``; parameters as in `train_command`."""
    if summary.config is None or summary.luck is None or summary.best is None:
        raise ValueError(f"study {summary.key.name} has no complete trial")
    key = summary.key
    head = [
        f"Best configuration of study {key.name}: {key.horizon}, {key.model}, {key.objective}.",
        summary.line.partition(": ")[2] + f", trial {summary.best.number}.",
        f"Snapshot {key.snapshot}, training span {key.training_span}.",
        "Copy it to conf/local/parameters_sweep_best.yml, or run",
        train_command(summary, base, others),
        f"It was searched for {key.horizon} and {key.model} alone, but `fit` and `weights` hold "
        f"for all of {', '.join(ENGINES)}.",
    ]
    body = yaml.safe_dump(summary.config.dump(), sort_keys=True, allow_unicode=True)
    return "".join(f"# {line}\n" for line in head) + body


def trial_table(summaries: Sequence[StudySummary]) -> pd.DataFrame:
    """All trials of some studies, one row each."""
    rows = [
        {
            "study": s.key.name,
            "horizon": s.key.horizon,
            "model": s.key.model,
            "trial": t.number,
            "state": t.state,
            "objective": s.key.objective,
            "value": t.value,
            "best": s.best is not None and t.number == s.best.number,
            "folds": len(t.fold_values),
            "seconds": t.seconds,
            "error": t.error,
            **t.params,
        }
        for s in summaries
        for t in s.trials
    ]
    return pd.DataFrame(rows)
