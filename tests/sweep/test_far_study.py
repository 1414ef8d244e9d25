"""Studies on a cluster: the trials of local ones, and only where files are shared."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from soyoil.base.errors import ConfigError
from soyoil.models import executors
from soyoil.models.config import FitConfig
from soyoil.pipelines.sweep.nodes import make_studies
from soyoil.sweep.worker import run_studies, search_far

spec = importlib.util.spec_from_file_location("far_market", Path(__file__).parent / "market.py")
assert spec is not None
assert spec.loader is not None
market = importlib.util.module_from_spec(spec)
sys.modules["far_market"] = market
spec.loader.exec_module(market)


def test_a_worker_that_does_not_see_the_folder_refuses(tmp_path: Path) -> None:
    (study, *_), (span, *_) = make_studies(market.make_inputs(tmp_path))
    with pytest.raises(ConfigError, match=r"does not see .*SOYOIL_DATA.*fit\.backend=local"):
        search_far(tmp_path / "seen", study, span)


@pytest.mark.ci
@pytest.mark.timeout(600)
def test_trials_on_a_cluster_are_those_of_this_machine(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    found = {}
    for backend in ("local", "dask"):
        inputs = market.make_inputs(tmp_path / backend)
        fit = FitConfig.model_validate({"backend": backend, "workers": 1})
        inputs = replace(inputs, base=replace(inputs.base, fit=fit))
        specs, spans = make_studies(inputs)
        trials = list(run_studies(specs, spans))
        found[backend] = {(t.study.name, t.number): (t.state, t.value, t.params) for t in trials}
        executors.shutdown(kill=True)
        assert not [p for p in (tmp_path / backend).rglob(".unfinished*") if p.is_dir()]
    assert found["local"] == found["dask"]
    assert found["local"]
