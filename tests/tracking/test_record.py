"""Checks of a run record and flattening of parameters."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soyoil.base.errors import ConfigError
from soyoil.tracking.record import (
    PARAM_LIMIT,
    TAG_LIMIT,
    RunRecord,
    flatten_params,
    shorten,
)


def record(**changes: Any) -> RunRecord:
    fields: dict[str, Any] = {"run_name": "r", "tags": {}, "params": {}, "metrics": {}}
    return RunRecord(**(fields | changes))


@pytest.mark.parametrize(
    "key",
    [
        "pooled.uniform.mae",
        "pooled.regime.skill_mae",
        "pooled.macro.coverage_80",
        "pooled.worst.pinball",
        "pooled.uniform.mae.covid_crash_2020",
        "pooled.uniform.mae.Trade war",
        "fit.peak_rss_mb",
    ],
)
def test_keys_of_a_run(key: str) -> None:
    assert record(metrics={key: 1.0}).metrics == {key: 1.0}
    with pytest.raises(ValueError, match="does not belong among the fold_metrics"):
        record(fold_metrics=[(key, 0, 1.0)])


@pytest.mark.parametrize(
    "key", ["fold.uniform.mae", "fold.worst.bias.covid_crash_2020", "fold.train.rows"]
)
def test_keys_of_a_fold(key: str) -> None:
    assert record(fold_metrics=[(key, 3, 1.0)]).fold_metrics == [(key, 3, 1.0)]
    with pytest.raises(ValueError, match="does not belong among the metrics"):
        record(metrics={key: 1.0})


@pytest.mark.parametrize(
    "key",
    [
        "mae",
        "1m.uniform.mae",
        "pooled.mae",
        "pooled.flat.mae",
        "pooled.uniform",
        "pooled.uniform.",
        "pooled.uniform.MAE",
        "pooled.train.rows",
        "fit",
        "fit.a.b",
    ],
)
def test_wrong_keys(key: str) -> None:
    with pytest.raises(ValueError, match="metric key"):
        record(metrics={key: 1.0})


def test_regime_that_mlflow_cannot_name() -> None:
    with pytest.raises(ConfigError, match=r"'COVID \(2020\)'.*Rename it under `regimes`"):
        record(metrics={"pooled.uniform.mae.COVID (2020)": 1.0})


def test_values() -> None:
    assert np.isnan(record(metrics={"fit.x": float("nan")}).metrics["fit.x"])
    with pytest.raises(ValueError, match=r"fit\.x is inf"):
        record(metrics={"fit.x": float("inf")})
    with pytest.raises(ValueError, match=r"fold\.train\.rows of fold 2 is -inf"):
        record(fold_metrics=[("fold.train.rows", 2, -np.inf)])
    with pytest.raises(ValueError, match=r"'fold\.train\.rows' stands twice for fold 2"):
        record(fold_metrics=[("fold.train.rows", 2, 1.0), ("fold.train.rows", 2, 1.0)])


def test_tags_and_names() -> None:
    with pytest.raises(ValueError, match="tag 'n' of run 'r' is no string: 5"):
        record(tags={"n": 5})
    with pytest.raises(ValueError, match="run name"):
        record(run_name="")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tables": {"a.json": None}}, "table 'a.json' must end in"),
        ({"figures": {"a.pdf": None}}, "figure 'a.pdf' must end in"),
        ({"files": {"../a": b""}}, "no path below"),
        ({"files": {"/etc/a": b""}}, "no path below"),
        ({"files": {"": b""}}, "no path below"),
        ({"tables": {"a.csv": None}, "files": {"a.csv": b""}}, "'a.csv' stands twice"),
    ],
)
def test_files(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        record(**changes)


def test_flatten() -> None:
    nested = {
        "profile": "quick",
        "split": {"window": "expanding", "refit_every": None, "inner": {"x": 0.1}},
        "flag": True,
        "n": 3,
        "unknown": float("nan"),
        "symbols": ("ZL", "6L"),
        "regimes": [{"name": "a", "weight": 1.0}],
        "empty": {},
        "none": [],
    }
    assert flatten_params(nested) == {
        "profile": "quick",
        "split.window": "expanding",
        "split.refit_every": "null",
        "split.inner.x": "0.1",
        "flag": "true",
        "n": "3",
        "unknown": "NaN",
        "symbols": "ZL,6L",
        "regimes": '[{"name":"a","weight":1.0}]',
        "empty": "{}",
        "none": "",
    }


@pytest.mark.parametrize("value", [object(), {1, 2}, b"x", [object()]])
def test_flatten_never_writes_a_repr(value: object) -> None:
    with pytest.raises(TypeError, match=r"parameter 'a\.b' is a .*model_dump"):
        flatten_params({"a": {"b": value}})


PLAIN = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False))
NESTED = st.recursive(
    PLAIN, lambda inner: st.dictionaries(st.sampled_from("abc"), inner, min_size=1), max_leaves=8
)


@given(st.dictionaries(st.sampled_from("abc"), NESTED))
@settings(deadline=None, max_examples=50)
def test_flatten_keeps_every_leaf(nested: dict[str, Any]) -> None:
    rebuilt: dict[str, Any] = {}
    for key, text in flatten_params(nested).items():
        *parents, leaf = key.split(".")
        at = rebuilt
        for name in parents:
            at = at.setdefault(name, {})
        at[leaf] = json.loads(text)
    assert rebuilt == nested


def test_long_values_are_cut_with_a_note() -> None:
    value = flatten_params({"a": "x" * 7000})["a"]
    assert len(value) == PARAM_LIMIT
    assert value.startswith("xxx")
    assert value.endswith("... [cut, 7000 characters in all]")
    assert shorten("x" * 10, 10) == "x" * 10


def test_limits_are_those_of_mlflow() -> None:
    from mlflow.utils import validation

    assert validation.MAX_PARAM_VAL_LENGTH == PARAM_LIMIT
    assert validation.MAX_TAG_VAL_LENGTH == TAG_LIMIT
