"""One study: trials drawn, scored, pruned and recorded, the same however often it is killed.

Trial n is drawn by a sampler of its own, seeded by (name of the study, n), from the n trials
before it. It is drawn and scored in a study in memory, and written to the journal in one line when
it has ended: a killed process leaves no half trial, and the next one draws the same trial n again.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from soyoil import __version__
from soyoil.base.errors import ModelError, SoyoilError
from soyoil.models.engines import ENGINES
from soyoil.splits.plan import SplitPlan
from soyoil.sweep.config import SweepConfig
from soyoil.sweep.inner import TrainingSpan
from soyoil.sweep.journal import damaged, hold_study, open_database, open_journal
from soyoil.sweep.ledger import Ledger, State, StudyKey, Trial
from soyoil.sweep.space import TrialConfig, present_point, suggest
from soyoil.sweep.trial import (
    FoldScore,
    Objective,
    pooled,
    reference_losses,
    score_folds,
)

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

VALUE_TOLERANCE: Final = 1e-6
ALL_FAILED: Final = 5
"""After so many failures and not one success a study is given up."""


@dataclass(frozen=True)
class StudySpec:
    """What a worker needs to search one study.

    Attributes
    ----------
    key
        Name and what it is about.
    sweep
        Search space, objective, pruner, number of trials.
    base
        Configuration whose keys a trial replaces.
    plan
        Inner folds.
    journal
        Journal file.
    ledger
        Folder of the ledger.
    deadline
        No trial starts later, seconds since the epoch; None for no limit.
    """

    key: StudyKey
    sweep: SweepConfig
    base: TrialConfig
    plan: SplitPlan
    journal: Path
    ledger: Path
    deadline: float | None = None

    @property
    def objective(self) -> Objective:
        """What is maximised."""
        return objective_of(self.sweep)


def objective_of(sweep: SweepConfig) -> Objective:
    """Metric and weighting of a sweep's objective."""
    metric: Any = sweep.objective.removeprefix("skill_")
    return Objective(metric, sweep.weighting)


def _versions(model: str) -> dict[str, str]:
    found = {"soyoil": __version__}
    for name in ("optuna", *ENGINES[model].distributions):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def study_name(span: TrainingSpan, sweep: SweepConfig, base: TrialConfig, plan: SplitPlan) -> str:
    """Name of a study: horizon, model, and a hash of all that decides its trials.

    The hash covers the rows that the sweep may see, the inner folds, the search space, objective,
    pruner and seed, the configuration that trials start from, and the versions of soyoil, Optuna
    and the engine. The number of trials is not part of it, so that a study can be extended.
    """
    identity = {
        "span": span.content_hash,
        "plan": plan.content_hash,
        "space": {key: d.model_dump(mode="json") for key, d in sweep.dimensions.items()},
        "search": {
            name: getattr(sweep, name)
            for name in ("objective", "weighting", "pruner", "startup_trials", "seed")
        },
        "reproducible": sweep.reproducible,
        "base": {**base.dump(), "threads": base.fit.threads},
        "versions": _versions(base.model),
    }
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    return f"{span.horizon.name}_{base.model}_{digest[:12]}"


def trial_seed(study: str, number: int) -> int:
    """Seed of the sampler of one trial."""
    return int.from_bytes(hashlib.sha256(f"{study}/{number}".encode()).digest()[:4], "big")


def make_sampler(spec: StudySpec, seed: int | None) -> optuna.samplers.BaseSampler:
    """Tree-structured Parzen estimator (Bergstra et al. 2011), random at first."""
    import optuna

    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=spec.sweep.startup_trials)


def make_pruner(sweep: SweepConfig) -> optuna.pruners.BasePruner:
    """Pruner of a sweep; it acts after the second fold at the earliest."""
    import optuna

    if sweep.pruner == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=sweep.startup_trials, n_warmup_steps=1)
    if sweep.pruner == "wilcoxon":
        return optuna.pruners.WilcoxonPruner(p_threshold=0.1, n_startup_steps=2)
    return optuna.pruners.NopPruner()


class Scorer:
    """Scores the trials of one study in this process.

    Parameters
    ----------
    spec
        The study.
    span
        Rows that it may see.
    """

    def __init__(self, spec: StudySpec, span: TrainingSpan) -> None:
        self._spec = spec
        self._span = span
        self._reference = reference_losses(span)

    def _value(self, scores: list[FoldScore]) -> float:
        objective = self._spec.objective
        rows, differences = pooled(scores, objective.metric)
        coefficients = objective.coefficients(self._span, rows, self._reference)
        return float(np.dot(coefficients, differences))

    def _suggest(self, trial: optuna.Trial) -> TrialConfig:
        dimensions = self._spec.sweep.dimensions
        return self._spec.base.with_values(
            {key: suggest(trial, key, dimension) for key, dimension in dimensions.items()}
        )

    def _score(self, trial: optuna.Trial, scores: list[FoldScore], values: list[float]) -> State:
        config = self._suggest(trial)
        per_fold = self._spec.sweep.pruner == "wilcoxon"
        for score in score_folds(self._span, self._spec.plan, config, self._reference):
            scores.append(score)
            values.append(self._value([score]))
            # A signed-rank test pairs folds; the median compares what is known so far.
            trial.report(values[-1] if per_fold else self._value(scores), score.fold)
            last = len(scores) == len(self._spec.plan.folds)
            if not last and trial.should_prune():
                return "pruned"
        return "complete"

    def run(self, trial: optuna.Trial) -> Trial:
        """Score one trial; a failure of its configuration is a state, not an error."""
        started = time.perf_counter()
        scores: list[FoldScore] = []
        values: list[float] = []
        error = None
        try:
            state = self._score(trial, scores, values)
        except SoyoilError as failure:
            state, error = "failed", f"{type(failure).__name__}: {failure}"
        rows = np.concatenate([score.rows for score in scores]) if scores else np.empty(0, int)
        dates = self._span.dates.to_numpy(dtype="datetime64[D]")
        differences = (
            {metric: pooled(scores, metric)[1] for metric in self._reference} if scores else {}
        )
        return Trial(
            study=self._spec.key,
            number=trial.number,
            state=state,
            params=dict(trial.params),
            value=self._value(scores) if scores and state != "failed" else None,
            fold_values=tuple(values),
            fold_seconds=tuple(score.seconds for score in scores),
            seconds=time.perf_counter() - started,
            ended=time.time(),
            error=error,
            origins=dates[rows],
            differences={str(name): found for name, found in differences.items()},
        )


def _tell(study: optuna.Study, trial: optuna.Trial, outcome: Trial) -> None:
    from optuna.trial import TrialState

    if outcome.state == "complete":
        study.tell(trial, outcome.value)
    else:
        pruned = outcome.state == "pruned"
        study.tell(trial, state=TrialState.PRUNED if pruned else TrialState.FAIL)


class _GiveUp:
    """Ends a study whose trials all fail."""

    def __init__(self) -> None:
        self._failures = 0

    def see(self, outcome: Trial) -> None:
        if outcome.state != "failed":
            self._failures = -1
        elif self._failures >= 0:
            self._failures += 1
        if self._failures >= ALL_FAILED:
            raise ModelError(
                f"The first {self._failures} trials of study {outcome.study.name} failed; the "
                f"last: {outcome.error}"
            )


def _late(spec: StudySpec) -> bool:
    return spec.deadline is not None and time.time() >= spec.deadline


def _quiet() -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    # Of the Wilcoxon pruner; the version of Optuna is part of the name of a study.
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


def search(
    spec: StudySpec, span: TrainingSpan, after_trial: Callable[[int], None] = lambda number: None
) -> None:
    """Search a study up to its number of trials, from wherever it stands.

    Parameters
    ----------
    spec
        The study.
    span
        Rows that it may see.
    after_trial
        Called with the number of each trial that has been recorded.

    Raises
    ------
    SoyoilError
        If another process searches this study.
    ModelError
        If all trials fail.
    """
    import optuna

    _quiet()
    lock = hold_study(spec.journal, spec.key.name)
    try:
        stored = open_journal(spec.journal, spec.key.name)
        study = optuna.create_study(direction="maximize", pruner=make_pruner(spec.sweep))
        study.add_trials(stored.get_trials())
        ledger, scorer, give_up = Ledger(spec.ledger), Scorer(spec, span), _GiveUp()
        recorded = ledger.of_study(spec.key.name)
        if spec.key.reproducible:
            _check_values(spec.journal, stored.get_trials(), recorded)
        for number in range(len(study.get_trials(deepcopy=False)), spec.sweep.trials):
            if _late(spec):
                break
            study.sampler = make_sampler(spec, trial_seed(spec.key.name, number))
            if number == 0:
                # The configuration as it stands is what the others must beat.
                study.enqueue_trial(present_point(spec.base, spec.sweep.dimensions))
            trial = study.ask()
            outcome = scorer.run(trial)
            _tell(study, trial, outcome)
            # The ledger first: what the journal knows must be in the ledger.
            if number not in recorded:
                ledger.append(outcome)
            stored.add_trial(study.get_trials(deepcopy=False)[number])
            after_trial(number)
            give_up.see(outcome)
    finally:
        lock.release()


def _check_values(
    journal: Path, trials: Sequence[FrozenTrial], recorded: Mapping[int, Trial]
) -> None:
    """Compare a journal with the ledger: a digit that was changed leaves its lines readable."""
    for trial in trials:
        known = recorded.get(trial.number)
        values = trial.values
        if known is None or not values or known.value is None or known.state != "complete":
            continue
        # A trial that was run again, on another machine say, may differ by rounding.
        if not math.isclose(values[0], known.value, rel_tol=VALUE_TOLERANCE):
            raise damaged(
                journal,
                f"trial {trial.number} has the value {values[0]} there and {known.value} in the "
                "ledger",
            )


def search_shared(spec: StudySpec, span: TrainingSpan) -> None:
    """Search a study together with other processes; its trials depend on who is faster.

    Workers that finish together may run a few trials more than asked for. A trial that a killed
    worker left running never ended: it is neither counted nor in the ledger.

    Raises
    ------
    SoyoilError
        If the shared storage cannot be used.
    ModelError
        If all trials fail.
    """
    from optuna.trial import TrialState

    _quiet()
    name, storage = spec.key.name, spec.sweep.storage
    study = open_database(storage, name) if storage else open_journal(spec.journal, name)
    study.sampler = make_sampler(spec, None)
    study.pruner = make_pruner(spec.sweep)
    ledger, scorer, give_up = Ledger(spec.ledger), Scorer(spec, span), _GiveUp()
    counted = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
    while not _late(spec) and len(study.get_trials(False, counted)) < spec.sweep.trials:
        trial = study.ask()
        outcome = scorer.run(trial)
        ledger.append(outcome)
        _tell(study, trial, outcome)
        give_up.see(outcome)
