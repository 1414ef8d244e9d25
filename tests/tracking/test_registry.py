"""Registered models: versions, aliases and their reasons, loaded by MLflow itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from soyoil.serving.gate import Check, GateReport
from soyoil.serving.served import ServedModel
from soyoil.tracking import active
from soyoil.tracking.active import ParentRun, ParentSpec
from soyoil.tracking.record import RunRecord
from soyoil.tracking.registered import Candidate, Registration, register

GOOD = (Check("leak", passed=True, reason="none found"),)
FRESH = Check("leakcheck", passed=True, reason="passed for this snapshot and code")
BAD = (Check("coverage", passed=False, reason="50 % of outcomes inside"),)


def history(seed: int = 1, n: int = 120) -> pd.DataFrame:
    returns = np.random.default_rng(seed).normal(0, 0.01, n)
    return pd.DataFrame(
        {
            "data_date": pd.bdate_range("2020-01-02", periods=n, unit="us"),
            "market_data.roll_free_return": returns,
            "market_data.realized_vol_1h": pd.array([pd.NA] * n, dtype="Float64"),
        }
    )


def model(seed: int = 1, name: str = "champion", provenance: str = "synthetic") -> ServedModel:
    frame = history(seed)
    return ServedModel(
        name=name,
        symbol="ZL",
        horizon="1m",
        sessions=21,
        cutoff=frame["data_date"].iloc[-1].date(),
        provenance=provenance,
        snapshot=f"s{seed}",
        weights={"vol_cone": 0.7, "hourly_cone": 0.3},
        finals={},
        history=frame,
    )


def candidate(seed: int = 1, checks: Any = GOOD, **changes: Any) -> Candidate:
    made = model(seed, **changes)
    return Candidate(made, GateReport(made.name, checks, 0.001), made.history.iloc[-1:])


@pytest.fixture
def parent(spec: ParentSpec) -> ParentRun:
    return active.start(spec)


def aliases(parent: ParentRun) -> dict[str, str]:
    found = parent.client.get_registered_model("soyoil-zl-1m").aliases
    return {name: str(version) for name, version in found.items()}


def test_a_version_says_why_and_forecasts_through_mlflow(parent: ParentRun, root: Path) -> None:
    import mlflow.pyfunc

    register(parent, Registration([candidate()], {"champion": "champion"}, FRESH))
    (version,) = parent.client.search_model_versions("name = 'soyoil-zl-1m'")
    assert version.tags["gate"] == "passed"
    assert version.tags["gate.leak"] == "passed: none found"
    assert version.tags["snapshot"] == "s1"
    assert version.run_id == parent.run_id
    assert aliases(parent) == {"champion": "1"}
    loaded = mlflow.pyfunc.load_model("models:/soyoil-zl-1m@champion")
    rows = history().iloc[-3:]
    got = loaded.predict(rows)
    want = model().forecast(rows).quantiles
    np.testing.assert_array_equal(got[["q10", "q50", "q90"]].to_numpy(), want)
    assert got["data_date"].tolist() == rows["data_date"].tolist()
    assert set(got["fallback"]) == {""}
    names = loaded.metadata.get_input_schema().input_names()
    assert names == ["data_date", "market_data.roll_free_return", "market_data.realized_vol_1h"]
    assert loaded.metadata.saved_input_example_info is not None
    folder = next((root / "mlruns").rglob("requirements.txt"))
    assert "soyoil==" in folder.read_text()
    assert "numpy==" in folder.read_text()


def test_a_model_is_listed_with_the_run_that_scored_it(
    parent: ParentRun, root: Path, make_record: Callable[..., RunRecord]
) -> None:
    import mlflow.pyfunc

    def score(parent: ParentRun) -> Any:
        tags = {"horizon": "1m", "model": "champion"}
        return parent.log_child(make_record("zl_1m_champion", tags=tags))

    def listed(parent: ParentRun, run_id: str) -> list[str]:
        return [model.model_id for model in parent.client.get_run(run_id).outputs.model_outputs]

    run_id = score(parent)
    # A process that was killed before had only begun this one.
    client, experiment = parent.client, parent.experiments.models
    dead = client.create_run(experiment).info.run_id
    client.set_terminated(dead, "KILLED")
    client.create_logged_model(experiment, "zl 1m champion", dead)
    both = [candidate(), candidate(name="lightgbm")]
    register(parent, Registration(both, {"champion": "champion"}, FRESH))
    versions = {v.tags["model"]: v for v in client.search_model_versions("name = 'soyoil-zl-1m'")}
    (model_id,) = listed(parent, run_id)
    assert versions["champion"].tags["logged_model"] == model_id
    assert listed(parent, parent.run_id) == [versions["lightgbm"].tags["logged_model"]], (
        "not scored here"
    )
    models = {m.model_id: m for m in client.search_logged_models([experiment])}
    assert {i: str(m.status) for i, m in models.items()} == {model_id: "READY"}
    assert (models[model_id].name, models[model_id].source_run_id) == ("zl 1m champion", run_id)
    loaded = mlflow.pyfunc.load_model(f"models:/{model_id}")
    assert len(loaded.predict(history().iloc[-1:])) == 1

    # The same bytes in a later run: no second model, but listed there too.
    active.finish("FINISHED")
    later = active.start(parent.spec)
    again = score(later)
    register(later, Registration(both[:1], {"champion": "champion"}, FRESH))
    assert listed(later, again) == [model_id]
    assert len(client.search_logged_models([experiment])) == 1


def test_the_same_bytes_are_one_version_and_new_ones_another(parent: ParentRun) -> None:
    for seed in (1, 1, 2, 1):
        register(parent, Registration([candidate(seed)], {"champion": "champion"}, FRESH))
    versions = parent.client.search_model_versions("name = 'soyoil-zl-1m'")
    assert sorted(int(version.version) for version in versions) == [1, 2]
    assert aliases(parent) == {"champion": "1"}


def test_an_alias_moves_only_to_what_passed(parent: ParentRun) -> None:
    both = [candidate(1), candidate(1, name="lightgbm")]
    register(parent, Registration(both, {"champion": "champion"}, FRESH))
    register(parent, Registration([candidate(2, BAD), both[1]], {"challenger": "lightgbm"}, FRESH))
    assert aliases(parent) == {"champion": "1", "challenger": "2"}
    third = parent.client.get_model_version("soyoil-zl-1m", "3")
    assert third.tags["gate"] == "failed"
    assert third.tags["gate.coverage"] == "failed: 50 % of outcomes inside"
    assert third.description == "50 % of outcomes inside"


def test_an_invented_market_never_takes_the_alias_of_a_real_one(
    parent: ParentRun, caplog: pytest.LogCaptureFixture
) -> None:
    real = candidate(1, provenance="observed")
    for made in (candidate(2), real, candidate(3)):
        register(parent, Registration([made], {"champion": "champion"}, FRESH))
    assert aliases(parent) == {"champion": "2"}
    assert "stays at version 2, which knows observed data" in caplog.text
    again = replace(real, model=replace(real.model, snapshot="later"))
    register(parent, Registration([again], {"champion": "champion"}, FRESH))
    assert aliases(parent) == {"champion": "4"}


def test_no_alias_moves_without_a_leak_check(parent: ParentRun) -> None:
    register(parent, Registration([candidate(1)], {"champion": "champion"}, FRESH))
    stale = replace(FRESH, passed=False, reason="there is no record of a leak check")
    register(parent, Registration([candidate(2)], {"champion": "champion"}, stale))
    assert aliases(parent) == {"champion": "1"}
    second = parent.client.get_model_version("soyoil-zl-1m", "2")
    assert second.tags["gate.leakcheck"] == "failed: there is no record of a leak check"
    # The same bytes after a check that passed: no second version, and the alias moves.
    register(parent, Registration([candidate(2)], {"champion": "champion"}, FRESH))
    assert aliases(parent) == {"champion": "2"}
    again = parent.client.get_model_version("soyoil-zl-1m", "2")
    assert again.tags["gate.leakcheck"] == "passed: passed for this snapshot and code"
