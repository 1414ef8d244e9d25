"""A bug comes out as what it is, with its traceback; a ModelError is for what a user can mend."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from soyoil.base.errors import BUG, ConfigError, ModelError, readable
from soyoil.cli.errors import ending_clearly
from soyoil.models import executors, walkforward
from soyoil.models.backends.failures import told_apart
from soyoil.models.base import FoldTask, HorizonArrays
from soyoil.models.config import FitConfig, LightGBMConfig
from soyoil.models.walkforward import Job, run_walk_forward

JOB = Job("lightgbm", FitConfig(workers=1), LightGBMConfig())
BUGS = [TypeError("x"), KeyError("x"), AttributeError("x"), IndexError("x"), ZeroDivisionError("x"),
        AssertionError("x"), RuntimeError("x"), ValueError("x")]  # fmt: skip


class LightGBMError(Exception):
    """As the engine's library has it."""


LightGBMError.__module__ = "lightgbm.basic"


@pytest.fixture(autouse=True)
def _no_workers_left() -> Iterator[None]:
    yield
    executors.shutdown()


def walk(monkeypatch: pytest.MonkeyPatch, work: Callable[..., object]) -> None:
    """A walk-forward whose workers do `work` in the place of a fit."""
    monkeypatch.setattr(walkforward, "_work", work)
    n = 30
    arrays = HorizonArrays(
        X=np.zeros((n, 2)), y=np.zeros(n), scale=np.ones(n),
        dates=np.arange(n).astype("datetime64[D]"), feature_names=("a.a", "a.b"),
    )  # fmt: skip
    task = FoldTask(
        fold=3, train=np.arange(10), valid=np.arange(10, 20), test=np.arange(20, 30),
        train_weight=np.ones(10), valid_weight=np.ones(10), seed=1,
    )  # fmt: skip
    run_walk_forward(JOB, arrays, [task], lambda done: None)


@pytest.mark.parametrize("error", BUGS, ids=lambda e: type(e).__name__)
def test_a_bug_is_let_through(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, told_apart("lightgbm, fold 3"):
        raise error
    assert caught.value is error
    assert readable(error) is None
    assert any("lightgbm, fold 3" in note for note in error.__notes__)


@pytest.mark.parametrize("error", [LightGBMError("bad"), MemoryError()], ids=["engine", "memory"])
def test_what_a_user_can_mend_is_a_model_error(error: Exception) -> None:
    with (
        pytest.raises(ModelError, match="^lightgbm, fold 3: ") as caught,
        told_apart("lightgbm, fold 3"),
    ):
        raise error
    assert caught.value.__cause__ is error


def test_another_clear_error_stays_what_it_is() -> None:
    with pytest.raises(ConfigError, match="^mine$"), told_apart("x"):
        raise ConfigError("mine")


def test_a_bug_in_a_worker_reaches_the_command_line_with_its_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def wrong_work(*_: object) -> object:
        return {}["no such key"]

    with pytest.raises(KeyError, match="no such key") as caught, ending_clearly():
        walk(monkeypatch, wrong_work)
    shown = "".join(traceback.format_exception(caught.value))
    assert "wrong_work" in shown, "the line in the worker"
    assert "lightgbm, fold 3" in shown
    assert BUG in shown


def test_a_clear_error_of_a_worker_is_not_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> object:
        from soyoil.base.errors import ConfigError

        raise ConfigError("fit.seed is wrong")

    with pytest.raises(ConfigError, match=r"^fit\.seed is wrong$"):
        walk(monkeypatch, refuse)


def test_a_worker_that_is_killed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> object:
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    with pytest.raises(ModelError, match=r"fold 3: a worker .* ended .*SIGKILL.*fit\.workers=1"):
        walk(monkeypatch, die)
