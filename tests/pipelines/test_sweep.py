"""A sweep from the command line: from a snapshot alone, tracked, resumed, usable by train."""

import os
import re
import signal
import sqlite3
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
import yaml
from kedro.config import OmegaConfigLoader
from kedro.framework.cli.utils import _split_params

from soyoil.base.data_folder import data_folder_name
from soyoil.params import Parameters, check_parameters
from soyoil.regimes.table import RegimeConfig, regime_frame
from soyoil.sources.base import SourceConfig
from soyoil.sources.identity import market_identity
from soyoil.splits.snapshot import write_snapshot
from tiers import slow

SMALL = (
    "source.symbols=ZL,split.first_origin=2018-07-02,split.warm_up=40,split.valid_sessions=40,"
    "fit.workers=1,lightgbm.n_estimators=5,sweep.inner.folds=2,sweep.inner.min_train_rows=120,"
    "sweep.horizon=1w+1m"
)

LINE = (
    r"^(1[wm]) lightgbm: champion of the cones -?\d+\.\d %, best skill -?\d+\.\d %, "
    r"luck alone gives -?\d+\.\d % \(N = (\d+)\)"
    r"(?:, unprovable: \d+\.\d independent labels)?$"
)
COMMAND = r"^# kedro run --pipeline=train --tags=1[wm] --params=(\S+)$"

STRIKE = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
import soyoil.pipelines.sweep.nodes as nodes
original = nodes.run_studies
number, after = int(sys.argv[1]), int(sys.argv[2])

def struck(specs, spans):
    for count, trial in enumerate(original(specs, spans)):
        if count == after:
            os.kill(os.getpid(), number)
        yield trial

nodes.run_studies = struck
from kedro.framework.cli.cli import main
sys.argv = ["kedro", "run", *sys.argv[3:]]
main()
"""


def give_snapshot(market: ModuleType, root: Path) -> None:
    raw = yaml.safe_load((root / "conf/base/parameters_regimes.yml").read_text(encoding="utf-8"))
    frame = regime_frame([RegimeConfig.model_validate(regime) for regime in raw["regimes"]])
    # The snapshot of another market or with other regimes than the run's is refused.
    market.regimes = lambda: frame
    made_from = market_identity(SourceConfig(symbols=("ZL",)), "ZL")
    snapshot = replace(market.make_snapshot(), made_from=made_from)
    write_snapshot(snapshot, root / "data" / "05_model_input" / "snapshots")


def tracked(root: Path) -> Counter[tuple[str, str]]:
    """How often each trial stands in the tracking store, and how it ended."""
    with sqlite3.connect(root / "mlflow.db") as db:
        rows = db.execute(
            "select s.value, t.value from tags k join tags s using (run_uuid)"
            " join tags t using (run_uuid) join runs r using (run_uuid)"
            " where k.key = 'kind' and k.value = 'trial' and s.key = 'study' and t.key = 'trial'"
            " and r.lifecycle_stage = 'active' and r.status in ('FINISHED', 'FAILED')"
        ).fetchall()
    return Counter((str(study), str(number)) for study, number in rows)


def parents(root: Path) -> Counter[str]:
    with sqlite3.connect(root / "mlflow.db") as db:
        query = (
            "select r.status from runs r join tags k using (run_uuid)"
            " where k.key = 'kind' and k.value = 'pipeline'"
        )
        return Counter(str(status) for (status,) in db.execute(query))


@pytest.fixture(scope="module")
def outcomes(market, shared_project) -> dict[str, tuple[int, str]]:  # type: ignore[no-untyped-def]
    give_snapshot(market, shared_project.root)
    wrong = "sweep.space.lightgbm.fit.rows_per_lable.kind=int"
    first, more = (
        ["--pipeline=sweep", f"--params={SMALL},sweep.trials={trials}"] for trials in (3, 4)
    )
    unknown = ["--pipeline=sweep", f"--params={SMALL},sweep.trails=3"]
    key = ["--pipeline=sweep", f"--params={SMALL},{wrong},{wrong.replace('kind=int', 'low=0')}"]
    found: dict[str, tuple[int, str]] = shared_project.run_many(
        {"unknown": unknown, "key": key, "first": first, "more": more}
    )
    return found


@pytest.mark.ci
def test_unknown_keys_are_refused_before_anything_runs(outcomes) -> None:  # type: ignore[no-untyped-def]
    code, output = outcomes["unknown"]
    assert code != 0
    assert "unknown parameter 'sweep.trails'. Did you mean 'sweep.trials'" in output
    code, output = outcomes["key"]
    assert code != 0
    assert "rows_per_lable" in output
    assert "Traceback" not in output


@pytest.mark.ci
def test_a_sweep_reads_the_snapshot_only(outcomes, shared_project) -> None:  # type: ignore[no-untyped-def]
    for name, trials in (("first", 3), ("more", 4)):
        code, output = outcomes[name]
        assert code == 0, output
        lines = re.findall(LINE, output, re.MULTILINE)
        assert lines == [("1w", str(trials)), ("1m", str(trials))]
    assert not (shared_project.root / "data" / "warehouse").exists()
    assert not (shared_project.root / "data" / "07_model_output").exists()


@pytest.mark.ci
def test_trials_are_tracked_once(outcomes, shared_project) -> None:  # type: ignore[no-untyped-def]
    assert outcomes["more"][0] == 0
    found = tracked(shared_project.root)
    assert len(found) == 8
    assert set(found.values()) == {1}
    assert parents(shared_project.root) == {"FINISHED": 2}
    table = pd.read_csv(shared_project.root / "data/08_reporting/sweeps/trials.csv")
    assert len(table) == 8
    assert table.groupby("horizon")["best"].sum().tolist() == [1, 1]


def parameters(root: Path, runtime: dict[str, object]) -> Parameters:
    loader = OmegaConfigLoader(
        str(root / "conf"),
        base_env="base",
        default_run_env="local",
        runtime_params=runtime,
        merge_strategy={"parameters": "soft"},
        custom_resolvers={"data_folder": data_folder_name},
    )
    return check_parameters(loader["parameters"])


@pytest.mark.ci
def test_train_takes_the_best_configuration(outcomes, shared_project) -> None:  # type: ignore[no-untyped-def]
    root = shared_project.root
    assert outcomes["more"][0] == 0
    files = sorted((root / "data/08_reporting/sweeps").glob("1*.yml"))
    assert len(files) == 2
    table = pd.read_csv(root / "data/08_reporting/sweeps/trials.csv", float_precision="round_trip")
    table = table.set_index("study")
    for file in files:
        best = table.loc[[file.stem]].query("best").iloc[0]
        text = file.read_text()
        command = re.search(COMMAND, text, re.MULTILINE)
        assert command is not None
        given = parameters(root, _split_params(None, None, command[1]))
        local = root / "conf/local/parameters_sweep_best.yml"
        local.write_text(text)
        copied = parameters(root, {})
        local.unlink()
        for found in (given, copied):
            assert found.lightgbm.num_leaves == int(best["lightgbm.num_leaves"])
            assert found.lightgbm.lambda_l2 == best["lightgbm.lambda_l2"]
            assert found.lightgbm.n_estimators == 5, "what the sweep was run with"
            assert found.fit.rows_per_label == int(best["fit.rows_per_label"])
        assert given.fit == copied.fit
        assert given.lightgbm == copied.lightgbm
        assert given.weights == copied.weights


@pytest.mark.ci
def test_the_page_needs_no_network(outcomes, shared_project) -> None:  # type: ignore[no-untyped-def]
    assert outcomes["more"][0] == 0
    pages = list((shared_project.root / "data/08_reporting/sweeps").glob("*.html"))
    assert [p.name for p in pages] == ["sweep_lightgbm_1w_1m.html"]
    text = pages[0].read_text()
    assert "default-src 'none'" in text
    assert text.count('<div class="plot"') == 4, "history and slices of both horizons"
    assert len(text) < 6_000_000
    assert not [p for p in pages[0].parent.iterdir() if p.name.startswith(".")]


@pytest.mark.ci
@pytest.mark.parametrize("number", [slow(signal.SIGINT), signal.SIGKILL])
def test_an_interrupted_sweep_is_resumed(  # type: ignore[no-untyped-def]
    market, outcomes, shared_project, project, number: signal.Signals
) -> None:
    give_snapshot(market, project.root)
    args = ["--pipeline=sweep", f"--params={SMALL},sweep.trials=4"]
    done = project.execute(["-c", STRIKE, str(int(number)), "3", *args])
    assert done.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL), done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    if number == signal.SIGINT:
        assert "run the same command again" in done.stderr
        assert parents(project.root) == {"KILLED": 1}
    again = project.execute(["-m", "kedro", "run", *args])
    assert again.returncode == 0, again.stdout + again.stderr
    assert parents(project.root) == {"KILLED": 1, "FINISHED": 1}
    found = tracked(project.root)
    assert found == tracked(shared_project.root)
    tables = [
        pd.read_csv(root / "data/08_reporting/sweeps/trials.csv").drop(columns="seconds")
        for root in (project.root, shared_project.root)
    ]
    pd.testing.assert_frame_equal(tables[0], tables[1], check_exact=True)


@pytest.mark.ci
def test_workers_end_with_the_sweep(market, project) -> None:  # type: ignore[no-untyped-def]
    psutil = pytest.importorskip("psutil")
    give_snapshot(market, project.root)
    args = ["--pipeline=sweep", f"--params={SMALL},sweep.trials=50"]
    done = project.execute(["-c", STRIKE, str(int(signal.SIGINT)), "2", *args])
    assert done.returncode == 130
    left = []
    for process in psutil.process_iter(["pid"]):
        try:
            if Path(process.cwd()) == project.root and process.pid != os.getpid():
                left.append(process.pid)
        except (psutil.Error, OSError):
            continue
    assert not left
