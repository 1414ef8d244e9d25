"""Studies: pure, deterministic, and the same after any kill."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from soyoil.base.errors import ModelError, SoyoilError, readable
from soyoil.models.engines import ENGINES
from soyoil.pipelines.sweep.nodes import make_studies
from soyoil.sweep import worker
from soyoil.sweep.journal import hold_study, open_journal
from soyoil.sweep.ledger import Ledger, Trial
from soyoil.sweep.study import search

HERE = Path(__file__).parent

KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import market
from soyoil.sweep import study
from soyoil.sweep import trial
from soyoil.pipelines.sweep.nodes import make_studies

folder, point, after = Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
calls = 0

def struck(function, before=False):
    def call(*args, **kwargs):
        global calls
        calls += 1
        if before and calls == after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*args, **kwargs)
        if calls == after:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return call

market.install_engine()
if point == "fold":
    trial.fit_one = struck(trial.fit_one, before=True)
elif point == "ledger":
    study.Ledger.append = struck(study.Ledger.append)
elif point == "journal":
    study._GiveUp.see = struck(study._GiveUp.see)
specs, spans = make_studies(market.make_inputs(folder))
study.search(specs[0], spans[0])
"""


def run(inputs, **changes: object) -> list[Trial]:  # type: ignore[no-untyped-def]
    specs, spans = make_studies(inputs)
    search(specs[0], spans[0], **changes)
    return Ledger(specs[0].ledger).read([specs[0].key.name])


def assert_same(found: list[Trial], wanted: list[Trial]) -> None:
    assert [t.number for t in found] == [t.number for t in wanted]
    for one, other in zip(found, wanted, strict=True):
        assert (one.params, one.value, one.state) == (other.params, other.value, other.state)
        assert one.fold_values == other.fold_values
        assert np.array_equal(one.origins, other.origins)
        for metric, values in other.differences.items():
            assert np.array_equal(one.differences[metric], values)


@pytest.fixture(scope="module")
def undisturbed(market, tmp_path_factory) -> list[Trial]:  # type: ignore[no-untyped-def]
    before = ENGINES["lightgbm"]
    market.install_engine()
    try:
        return run(market.make_inputs(tmp_path_factory.mktemp("undisturbed")))
    finally:
        ENGINES["lightgbm"] = before


def test_trials_hold_what_they_were_scored_on(undisturbed: list[Trial]) -> None:
    assert [t.number for t in undisturbed] == list(range(12))
    assert undisturbed[0].state == "complete"
    assert len({t.value for t in undisturbed}) > 5
    for trial in undisturbed:
        folds = len(trial.fold_values)
        assert folds in {"complete": {3}, "pruned": {2}, "failed": {0}}[trial.state]
        assert len(trial.origins) == len(trial.differences.get("pinball", ()))
        assert (len(trial.origins) > 0) == (folds > 0)


def test_the_median_pruner_stops_trials(market, engine, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    found = [t for seed in range(4) for t in run(market.make_inputs(tmp_path, seed=seed))]
    pruned = [t for t in found if t.state == "pruned"]
    done = [t for t in found if t.state == "complete"]
    assert pruned
    assert min(t.number for t in pruned) >= 4, "not among the first, which are drawn at random"
    assert all(len(t.origins) < len(done[0].origins) for t in pruned)


def test_the_first_trial_is_the_configuration_as_it_stands(undisturbed: list[Trial]) -> None:
    wanted = {
        "lightgbm.num_leaves": 7,
        "lightgbm.lambda_l2": 20.0,
        "lightgbm.feature_fraction": 0.7,
        "fit.shrink": True,
        "fit.rows_per_label": 0,
    }
    # weights.scheme=regime is not among the choices of the space and is drawn.
    assert {k: undisturbed[0].params[k] for k in wanted} == wanted


def test_nothing_after_the_first_outer_test_origin_is_seen(  # type: ignore[no-untyped-def]
    market, engine, undisturbed: list[Trial], tmp_path: Path
) -> None:
    poisoned = market.poisoned(market.make_snapshot())
    found = run(market.make_inputs(tmp_path, poisoned))
    assert_same(found, undisturbed)
    assert found[0].study.snapshot != undisturbed[0].study.snapshot
    assert found[0].study == replace(undisturbed[0].study, snapshot=found[0].study.snapshot)
    origins = np.concatenate([t.origins for t in found])
    assert origins.max() < np.datetime64(market.FIRST_TEST, "D")


def test_what_lies_before_is_seen(  # type: ignore[no-untyped-def]
    market, engine, undisturbed: list[Trial], tmp_path: Path
) -> None:
    snapshot = market.make_snapshot()
    matrix = snapshot.matrix.copy()
    last = int((matrix["data_date"] < market.FIRST_TEST).sum()) - 1
    matrix.loc[last, "market_data.roll_free_return"] += 0.05
    found = run(market.make_inputs(tmp_path, replace(snapshot, matrix=matrix)))
    assert found[0].value != undisturbed[0].value


@pytest.mark.parametrize("stop", [1, 5, 11])
def test_a_stopped_study_goes_on_as_if_nothing_had_been(  # type: ignore[no-untyped-def]
    market, engine, undisturbed: list[Trial], tmp_path: Path, stop: int
) -> None:
    class StoppedError(Exception):
        pass

    def at(number: int) -> None:
        if number == stop - 1:
            raise StoppedError

    inputs = market.make_inputs(tmp_path)
    with pytest.raises(StoppedError):
        run(inputs, after_trial=at)
    assert_same(run(inputs), undisturbed)
    assert_same(run(inputs), undisturbed)


@pytest.mark.parametrize(
    ("point", "after"),
    [
        ("fold", 17),
        pytest.param("fold", 1, marks=pytest.mark.ci),
        pytest.param("ledger", 6, marks=pytest.mark.ci),
        pytest.param("ledger", 1, marks=pytest.mark.ci),
        pytest.param("journal", 7, marks=pytest.mark.ci),
    ],
)
def test_a_killed_study_gives_the_same_trials(  # type: ignore[no-untyped-def]
    market, engine, undisturbed: list[Trial], tmp_path: Path, point: str, after: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(HERE), str(tmp_path), point, str(after)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr
    inputs = market.make_inputs(tmp_path)
    specs, _ = make_studies(inputs)
    written = len(Ledger(specs[0].ledger).read([specs[0].key.name]))
    if after > 1 or point == "ledger":
        assert 0 < written < 12
    assert_same(run(inputs), undisturbed)
    study = open_journal(specs[0].journal, specs[0].key.name)
    assert [t.number for t in study.trials] == list(range(12))
    wanted = {"complete": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL"}
    assert [t.state.name for t in study.trials] == [wanted[t.state] for t in undisturbed]
    assert [t.params for t in study.trials] == [dict(t.params) for t in undisturbed]


def test_a_torn_journal_line_is_cut(  # type: ignore[no-untyped-def]
    market, engine, undisturbed: list[Trial], tmp_path: Path
) -> None:
    inputs = market.make_inputs(tmp_path, trials=6)
    run(inputs)
    specs, _ = make_studies(inputs)
    content = specs[0].journal.read_bytes()
    specs[0].journal.write_bytes(content[:-20])
    assert_same(run(market.make_inputs(tmp_path)), undisturbed)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda lines: [*lines[:3], b"", *lines[3:]], "line 4 is blank; the 3 before it are whole"),
        (lambda lines: [*lines[:3], lines[3][:9], *lines[4:]], "line 4 cannot be read"),
        (lambda lines: lines[1:], "its first line is not the one that begins a study"),
        (lambda lines: [lines[0], *lines[2:]], "trial 0 has the value"),
        (
            lambda lines: [re.sub(rb'"value":[^,]*', b'"value":7.5', line) for line in lines],
            "has the value 7.5 there",
        ),
    ],
    ids=["blank", "cut", "first line gone", "line gone", "value"],
)
def test_a_damaged_journal_is_named(  # type: ignore[no-untyped-def]
    market,
    engine,
    undisturbed: list[Trial],
    tmp_path: Path,
    damage: Callable[[list[bytes]], list[bytes]],
    said: str,
) -> None:
    """Nothing is lost: without the file the study comes back, and no trial is counted twice."""
    inputs = market.make_inputs(tmp_path, trials=3)
    run(inputs)
    specs, _ = make_studies(inputs)
    journal = specs[0].journal
    lines = journal.read_bytes().split(b"\n")[:-1]
    journal.write_bytes(b"\n".join(damage(lines)) + b"\n")
    with pytest.raises(SoyoilError, match=said) as caught:
        run(inputs)
    assert str(journal) in str(caught.value)
    assert "kept in the ledger" in str(caught.value)
    journal.unlink()
    assert_same(run(market.make_inputs(tmp_path)), undisturbed)
    assert len(Ledger(specs[0].ledger).read([specs[0].key.name])) == 12


def test_a_deleted_study_is_the_same_study_when_it_comes_back(  # type: ignore[no-untyped-def]
    market, engine, undisturbed: list[Trial], tmp_path: Path
) -> None:
    inputs = market.make_inputs(tmp_path)
    run(inputs)
    specs, _ = make_studies(inputs)
    specs[0].journal.unlink()
    assert_same(run(inputs), undisturbed)


@pytest.mark.parametrize("pruner", ["none", "wilcoxon"])
def test_other_pruners(market, engine, tmp_path: Path, pruner: str) -> None:  # type: ignore[no-untyped-def]
    found = run(market.make_inputs(tmp_path / "a", pruner=pruner))
    assert_same(run(market.make_inputs(tmp_path / "b", pruner=pruner)), found)
    if pruner == "none":
        assert {t.state for t in found} <= {"complete", "failed"}


def test_the_name_of_a_study_says_what_decides_its_trials(market, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    def name(**changes: object) -> str:
        return str(make_studies(market.make_inputs(tmp_path, **changes))[0][0].key.name)

    first = name()
    assert re.fullmatch(r"1w_lightgbm_[0-9a-f]{12}", first)
    assert name(trials=99, timeout_s=5) == first
    narrower = {"lightgbm": {"fit": {"shrink": {"kind": "choice", "values": [True, False]}}}}
    others = [
        name(space=narrower),
        name(objective="skill_mae"),
        name(weighting="macro"),
        name(pruner="none"),
        name(seed=1),
        name(inner={"folds": 2, "min_train_rows": 120}),
        name(shared_workers=2),
    ]
    assert len({first, *others}) == 8


def test_no_trial_starts_after_the_deadline(market, engine, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    specs, spans = make_studies(market.make_inputs(tmp_path))
    search(replace(specs[0], deadline=0.0), spans[0])
    assert Ledger(specs[0].ledger).read([specs[0].key.name]) == []


def test_a_failing_trial_is_recorded_and_a_failing_study_given_up(  # type: ignore[no-untyped-def]
    market, engine, tmp_path: Path
) -> None:
    leaves = {"kind": "choice", "values": [12]}
    space = {"lightgbm": {"lightgbm": {"num_leaves": leaves}}}
    inputs = market.make_inputs(tmp_path, space=space)
    with pytest.raises(ModelError, match=r"first 5 trials .*ModelError: no twelve leaves"):
        run(inputs)
    specs, _ = make_studies(inputs)
    found = Ledger(specs[0].ledger).read([specs[0].key.name])
    assert [t.state for t in found] == ["failed"] * 5
    assert all(t.value is None and "no twelve leaves" in str(t.error) for t in found)


def test_a_bug_ends_the_study_as_a_bug(market, engine, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    leaves = {"kind": "choice", "values": [13]}
    inputs = market.make_inputs(tmp_path, space={"lightgbm": {"lightgbm": {"num_leaves": leaves}}})
    with pytest.raises(KeyError, match="a bug with thirteen leaves") as caught:
        run(inputs)
    assert readable(caught.value) is None
    future: Future[None] = Future()
    future.set_exception(caught.value)
    specs, _ = make_studies(inputs)
    with pytest.raises(KeyError):
        worker._check(future, specs[0])


def test_two_processes_never_search_one_study(market, engine, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    specs, spans = make_studies(market.make_inputs(tmp_path))
    lock = hold_study(specs[0].journal, specs[0].key.name)
    try:
        with pytest.raises(SoyoilError, match="is being searched by another process"):
            search(specs[0], spans[0])
    finally:
        lock.release()


def test_a_planted_signal_is_found(market, engine, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    found = run(market.make_inputs(tmp_path, market.make_snapshot(signal=2.0), pruner="none"))
    assert max(t.value for t in found if t.value is not None) > 0.1
