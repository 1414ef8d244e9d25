"""What is said of a study: which trial is best, what it is judged against, how to train it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import yaml

from soyoil.metrics.losses import row_losses
from soyoil.models.baselines import baseline_quantiles
from soyoil.models.champion import ChampionConfig
from soyoil.models.config import FitConfig
from soyoil.pipelines.sweep.nodes import make_studies
from soyoil.sweep.config import Value
from soyoil.sweep.inner import TrainingSpan
from soyoil.sweep.ledger import Ledger, State, StudyKey, Trial
from soyoil.sweep.study import StudySpec
from soyoil.sweep.summary import (
    StudySummary,
    conf_text,
    summarise_study,
    train_command,
    trial_matrix,
)
from soyoil.sweep.trial import reference_losses

Study = tuple[StudySpec, TrainingSpan]


@pytest.fixture(scope="module")
def study(market: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Study:
    specs, spans = make_studies(market.make_inputs(tmp_path_factory.mktemp("summary")))
    return specs[0], spans[0]


def scored(
    study: Study,
    number: int,
    skill: float,
    state: State = "complete",
    key: StudyKey | None = None,
) -> Trial:
    """A trial whose losses are so much smaller than the reference's at every origin."""
    spec, span = study
    folds = {"complete": spec.plan.folds, "pruned": spec.plan.folds[:2], "failed": ()}[state]
    rows = np.concatenate([np.empty(0, dtype="int64"), *(fold.test for fold in folds)])
    reference = reference_losses(span)
    return Trial(
        study=key or spec.key,
        number=number,
        state=state,
        params={"lightgbm.num_leaves": 2 + number},
        value=None if state == "failed" else skill,
        fold_values=tuple(skill for _ in folds),
        fold_seconds=tuple(0.1 for _ in folds),
        seconds=0.3,
        ended=1.7e9,
        origins=span.dates.to_numpy(dtype="datetime64[D]")[rows],
        differences={metric: skill * losses[rows] for metric, losses in reference.items()},
    )


def summary_of(study: Study, folder: Path, trials: Sequence[Trial]) -> StudySummary:
    """The summary of a ledger that holds these trials in this order."""
    ledger = Ledger(folder)
    for trial in trials:
        ledger.append(trial)
    return summarise_study(replace(study[0], ledger=folder), study[1], ChampionConfig())


def number_of_best(summary: StudySummary) -> int:
    assert summary.best is not None
    assert summary.best.study == summary.key
    return summary.best.number


def test_of_equal_trials_the_first_is_best(study: Study, tmp_path: Path) -> None:
    """The same on every machine, in whatever order the ledger has them."""
    skills = {3: 0.04, 1: 0.04, 2: 0.04, 0: 0.01}
    found = summary_of(study, tmp_path, [scored(study, n, skill) for n, skill in skills.items()])
    assert number_of_best(found) == 1


def test_a_pruned_trial_is_never_best(study: Study, tmp_path: Path) -> None:
    """It was scored on the first folds only, where all may be better."""
    trials = [scored(study, 0, 0.01), scored(study, 1, 0.09, "pruned"), scored(study, 2, 0.02)]
    assert number_of_best(summary_of(study, tmp_path, trials)) == 2
    pruned = summary_of(study, tmp_path / "pruned", trials[1:2])
    assert pruned.best is None
    assert "no complete trial" in pruned.line


def test_the_best_is_of_its_own_study_and_judged_against_all(study: Study, tmp_path: Path) -> None:
    other = replace(study[0].key, name="1w_xgboost_other", model="xgboost")
    trials = [
        scored(study, 5, 0.20, key=other),
        scored(study, 0, 0.01),
        scored(study, 1, 0.02),
    ]
    found = summary_of(study, tmp_path, trials)
    assert number_of_best(found) == 1
    assert found.luck is not None
    assert found.luck.trials == 3, "looks at these rows, whatever the study"
    assert [trial.number for trial in found.trials] == [0, 1]


def test_luck_is_that_of_the_best_trial(study: Study, tmp_path: Path) -> None:
    """Failed trials were not scored and take no column."""
    trials = [
        scored(study, 0, 0.0, "failed"),
        scored(study, 1, 0.01),
        scored(study, 2, 0.05),
        scored(study, 3, 0.02),
    ]
    found = summary_of(study, tmp_path, trials)
    assert number_of_best(found) == 2
    assert found.luck is not None
    assert found.luck.best == pytest.approx(0.05)
    assert f"champion of the cones {100 * found.champion:.1f} %, best skill 5.0 %" in found.line
    assert "1 failed; best is trial 2" in found.details


def test_pruned_trials_count_and_are_not_complete(study: Study) -> None:
    spec, span = study
    trials = [
        scored(study, 0, 0.01, "pruned"),
        scored(study, 1, 0.02),
        scored(study, 2, 0.0, "failed"),
        scored(study, 3, 0.03),
    ]
    matrix, columns = trial_matrix(span, trials, spec.objective)
    assert [trial.number for trial in columns] == [0, 1, 3]
    assert matrix.complete.tolist() == [False, True, True]
    two_folds = sum(len(fold.test) for fold in spec.plan.folds[:2])
    assert np.isfinite(matrix.contributions[:, 0]).sum() == two_folds
    np.testing.assert_allclose(np.nansum(matrix.contributions, axis=0), [0.01, 0.02, 0.03])


def test_a_trial_of_a_longer_span_counts_on_the_rows_of_this_one(study: Study) -> None:
    """A later `split.first_origin` scores later origins too; the common ones keep their loss."""
    spec, span = study
    days = span.dates.to_numpy(dtype="datetime64[D]")
    later = days[-1] + np.arange(1, 21)
    origins = np.concatenate([days[-60:], later])
    values = np.random.default_rng(3).normal(size=len(origins))
    longer = replace(
        scored(study, 0, 0.0, key=replace(spec.key, name="1w_lightgbm_x", training_span="longer")),
        origins=origins,
        differences={"pinball": values, "mae": values},
    )
    matrix, _ = trial_matrix(span, [longer], spec.objective)
    # The last labels end after the span.
    common = 60 - span.horizon.sessions
    reference = reference_losses(span)["pinball"][-60 : -span.horizon.sessions]
    np.testing.assert_allclose(matrix.contributions[:, 0], values[:common] / reference.sum())


@pytest.fixture(scope="module")
def summary(study: Study, tmp_path_factory: pytest.TempPathFactory) -> StudySummary:
    trials = [scored(study, 0, 0.01), scored(study, 7, 0.05)]
    return summary_of(study, tmp_path_factory.mktemp("ledger"), trials)


def command_values(command: str) -> dict[str, str]:
    """Parameters of a `kedro run` line by dotted key."""
    text = command.partition("--params=")[2]
    return dict(pair.split("=") for pair in text.split(","))


def test_the_command_trains_the_best_whatever_else_is_handed_on(
    study: Study, summary: StudySummary
) -> None:
    others: dict[str, Value] = {"profile": "quick", "lightgbm.num_leaves": 31}
    values = command_values(train_command(summary, study[0].base, others))
    assert values == {"profile": "quick", "lightgbm.num_leaves": "9"}


def test_the_best_configuration_leaves_its_cores_to_the_machine(
    study: Study, summary: StudySummary
) -> None:
    """Another machine has other cores: what is found on one is handed on without its own."""
    base = study[0].base
    crowded = replace(base, fit=FitConfig(workers=3, threads=5, rows_per_label=2))
    assert summary.best is not None
    found = replace(summary, config=crowded.with_values(summary.best.params))
    values = command_values(train_command(found, crowded))
    assert values == {"fit.rows_per_label": "2", "lightgbm.num_leaves": "9"}
    fit = yaml.safe_load(conf_text(found, crowded))["fit"]
    assert fit["rows_per_label"] == 2
    assert not {"workers", "threads"} & set(fit)


@pytest.mark.parametrize("config", [ChampionConfig(eta=0, hourly_prior=0), ChampionConfig(eta=0)])
def test_the_champion_is_scored_on_the_rows_of_the_trials(
    study: Study, tmp_path: Path, config: ChampionConfig
) -> None:
    spec, span = study
    found = summarise_study(replace(spec, ledger=tmp_path), span, config)
    _, rows = spec.plan.test_rows()
    h = span.horizon.sessions
    cones = baseline_quantiles(span.returns, span.hourly_vol, h)
    hourly = config.hourly_prior * (5 / h) ** (1 / 3)
    mixed = (1 - hourly) * cones["vol_cone"][rows] + hourly * cones["hourly_cone"][rows]

    def loss(quantiles: np.ndarray) -> float:
        frame = pd.DataFrame(quantiles, columns=["q10", "q50", "q90"])
        return float(row_losses(frame.assign(y=span.arrays.y[rows]))["pinball"].mean())

    assert spec.objective.name == "uniform.skill_pinball"
    assert found.champion == pytest.approx(
        1 - loss(mixed) / loss(cones["vol_cone"][rows]), abs=1e-12
    )
    if not config.hourly_prior:
        assert found.champion == pytest.approx(0, abs=1e-12)
