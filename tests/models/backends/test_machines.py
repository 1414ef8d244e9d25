"""Where fits run: what is refused, and that it decides nothing."""

import importlib.util
import os
import sys
import threading
import time
import uuid
from pathlib import Path

import pytest
from pydantic import ValidationError

from soyoil.base.errors import ConfigError, ModelError
from soyoil.models.backends import far
from soyoil.models.backends.child import Child, ChildEndedError
from soyoil.models.backends.far import FarCall, call_far, checked
from soyoil.models.backends.machines import check_installed
from soyoil.models.backends.versions import installation, models_hash
from soyoil.models.config import FitConfig, LightGBMConfig
from soyoil.models.walkforward import fit_shared
from soyoil.panel.store import fit_facts
from soyoil.pipelines.origins import fit_parameters
from soyoil.regimes.weights import WeightsConfig
from soyoil.sweep.space import TrialConfig

sys.path.insert(0, str(Path(__file__).parent))

from small_folds import arrays, job, tasks

FAR = FitConfig(backend="dask", cluster="tcp://scheduler.example:8786")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"backend": "spark"}, "'local', 'dask' or 'ray'"),
        ({"cluster": "tcp://a:8786"}, "backend=dask or backend=ray"),
        ({"backend": "dask", "cluster": "a:8786"}, "write tcp://host:8786 or tls://host:8786"),
        ({"backend": "dask", "cluster": "tcp://me:pw@a:8786"}, "no address of backend=dask"),
        ({"backend": "ray", "cluster": "tcp://a:8786"}, "write auto, host:6379 or ray://host"),
        ({"backend": "dask", "cluster": "tcp://a:1", "workers": 2}, "leave workers at 0"),
    ],
)
def test_wrong_values_are_refused(written: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        FitConfig.model_validate(written)
    assert said in str(caught.value)


@pytest.mark.parametrize("backend", ["dask", "ray"])
def test_a_backend_that_is_not_installed_names_its_extra(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=rf'pip install "soyoil\[{backend}\]"'):
        check_installed(backend)  # type: ignore[arg-type]
    check_installed("local")


def test_where_fits_run_decides_nothing() -> None:
    here, config = FitConfig(workers=1), LightGBMConfig()
    assert FAR.deciding() == here.deciding()
    assert fit_facts("quick", FAR, "lightgbm", config) == fit_facts(
        "quick", here, "lightgbm", config
    )
    assert fit_parameters("quick", FAR, "lightgbm", config) == fit_parameters(
        "quick", here, "lightgbm", config
    )
    trials = [TrialConfig("lightgbm", config, fit, WeightsConfig()) for fit in (FAR, here)]
    assert trials[0].dump() == trials[1].dump()
    assert trials[0].changed() == trials[1].changed() == {}
    assert FitConfig(seed=1).deciding() != here.deciding()


def test_the_code_of_sub_packages_is_part_of_the_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    monkeypatch.setattr("soyoil.models.backends.versions._MODELS", tmp_path)
    (tmp_path / "inner").mkdir()
    for text in ("a = 1", "a = 2"):
        (tmp_path / "inner" / "a.py").write_text(text)
        found.append(models_hash())
    assert found[0] != found[1]


def call(function: object, engine: str = "lightgbm", run: str = "run") -> FarCall:
    return FarCall(run, uuid.uuid4().hex, engine, 1, function, installation(engine))  # type: ignore[arg-type]


def test_a_worker_of_another_installation_is_refused() -> None:
    other = FarCall("run", "key", "lightgbm", 1, max, {**installation("lightgbm"), "numpy": "1.0"})
    with pytest.raises(ConfigError, match=r"numpy \S+ there, 1\.0 here.*Install the same versions"):
        checked([1], other, "x", ())
    assert checked([1, 3], call(max), "x", ()) == 3


@pytest.mark.ci
def test_engines_never_meet_in_a_process_and_threads_are_set_before_they_load() -> None:
    data, (task,) = arrays(), tasks(1)
    try:
        seen = []
        for engine in ("lightgbm", "xgboost"):
            given = call(fit_shared, engine)
            for _ in range(2):
                result = call_far(data, given, engine, (job(engine, "local"), task))
                assert result.libraries == (engine,)
                seen += far.children_of("run")
        assert seen[0] == seen[1] != seen[2] == seen[3], "a process for each engine, kept"
        asked = call_far("OMP_NUM_THREADS", call(os.getenv, "xgboost"), "x", ())
        assert asked == "1"
    finally:
        far.end_children("run")
    assert not far.children_of("run")


def test_a_child_that_is_lost_is_replaced_and_one_that_always_ends_is_an_error(
    tmp_path: Path,
) -> None:
    once = tmp_path / "once"
    once.touch()
    # Ends its process if the file is there, and removes it first.
    text = (
        "__import__('os')._exit(9) if __import__('os').path.exists(path) and "
        "not __import__('os').unlink(path) else 'done again'"
    )
    try:
        assert call_far(text, call(eval), "fold 3", ({"path": str(once)},)) == "done again"
        assert not once.exists()
        with pytest.raises(ModelError, match=r"^fold 3: its process on .* ended 3 times"):
            call_far(9, call(os._exit), "fold 3", ())
    finally:
        far.end_children("run")


def test_a_child_that_is_closed_before_it_is_asked_has_ended() -> None:
    child = Child(1)
    child.close(kill=True)
    with pytest.raises(ChildEndedError, match="exit code"):
        child.call(max, "key", [1, 2], ())


def test_a_child_of_a_run_that_ends_is_not_started_again() -> None:
    errors: list[BaseException] = []

    def wait() -> None:
        try:
            call_far(60, call(time.sleep), "fold 3", ())
        except ModelError as error:
            errors.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    while not far.children_of("run"):
        thread.join(0.05)
    far.end_children("run")
    thread.join(60)
    assert not thread.is_alive()
    assert "its run was ended" in str(errors[0])
    assert not far.children_of("run")
