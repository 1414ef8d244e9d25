"""What a new user gets wrong: one clear message, exit code not 0, nothing half-written."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from tiers import slow

UPSTREAM = "--pipelines=ingest,regimes,features,split"

# name: (arguments, regular expression in the message)
CASES: dict[str, tuple[Sequence[str], str]] = {
    "missing folder": (
        ["--pipeline=ingest", "--params=source.kind=databento,source.path=nowhere"],
        r"nowhere.*(no such|not there|does not exist)",
    ),
    "empty folder": (
        ["--pipeline=ingest", "--params=source.kind=databento,source.path=empty"],
        r"empty.*dbn\.zst",
    ),
    "no folder": (
        ["--pipeline=ingest", "--params=source.kind=databento"],
        r"source\.kind=databento needs source\.path",
    ),
    "unknown source": (
        ["--pipeline=ingest", "--params=source.kind=bloomberg"],
        r"'source\.kind' is 'bloomberg'.*'synthetic', 'databento' or 'warehouse'",
    ),
    "misspelt parameter": (
        ["--params=split.first_orign=2020-01-02"],
        r"unknown parameter 'split\.first_orign'.*Did you mean 'split\.first_origin'",
    ),
    "misspelt group": (["--params=lightgmb.seed=3"], r"unknown parameter 'lightgmb'.*lightgbm"),
    "wrong value": (
        ["--params=lightgbm.learning_rate=7"],
        r"'lightgbm\.learning_rate' is 7.*less than or equal to 1",
    ),
    "wrong profile": (["--params=profile=medium"], r"'profile' is 'medium'.*'quick' or 'full'"),
    "unknown horizon": (["--tags=2w"], r"Unknown tag '2w'.*12m, 1m, 1w, 3m, 6m"),
    "unknown model": (["--tags=lightgbn"], r"Unknown tag 'lightgbn'.*Did you mean 'lightgbm'"),
    "unknown cell": (
        ["--namespaces=1m.lightgbn"],
        r"Unknown namespace '1m\.lightgbn'.*Did you mean '1m\.lightgbm'",
    ),
    "unknown pipeline": (["--pipeline=trian"], r"Unknown pipeline 'trian'.*Did you mean 'train'"),
    "unknown root": (
        ["--pipeline=ingest", "--params=source.symbols=ZL+ZLL"],
        r"Unknown futures root 'ZLL'.*ZL",
    ),
    "target without bars": (
        ["--params=source.symbols=ZS+CL"],
        r"target\.symbol.*ZL.*source\.symbols",
    ),
    "source ends before the first fold": (
        [UPSTREAM, "--params=source.symbols=ZL,source.synthetic.end=2014-12-31"],
        r"no session from split\.first_origin=2016-01-04.*2014-12-31",
    ),
    "horizon longer than history": (
        [
            UPSTREAM,
            "--params=source.symbols=ZL,source.synthetic.start=2025-01-06,"
            "source.synthetic.hourly_from=2025-01-06",
        ],
        r"Horizon \w+ needs more than \d+ sessions|no session from split\.first_origin"
        r"|keeps 0 training",
    ),
    "key of another plan": (
        ["--pipeline=split", "--params=split.plan=fixed,split.first_origin=2020-01-02"],
        r"split\.first_origin is a key of split\.plan=walk_forward, but split\.plan is fixed",
    ),
    "unknown plan": (
        ["--pipeline=split", "--params=split.plan=kfold"],
        r"'split\.plan' is 'kfold'.*'walk_forward' or 'fixed'",
    ),
    "unknown weighting": (
        ["--pipeline=split", "--params=weights.scheme=uniqueness"],
        r"'weights\.scheme' is 'uniqueness'.*'regime_uniqueness'",
    ),
    "half-life without decay": (
        ["--pipeline=split", "--params=weights.decay_halflife_sessions=100"],
        r"weights\.decay_halflife_sessions is for weights\.scheme=regime_decay",
    ),
    "fixed split after the end of data": (
        [
            UPSTREAM,
            "--params=source.symbols=ZL,split.plan=fixed,source.synthetic.end=2023-12-29",
        ],
        r"split\.plan=fixed.*leaves .*no test row.*horizon h training validation test "
        r"1w 5 \d+ \(\d+\.\d\d\) .* 12m 252 ",
    ),
}


@pytest.fixture(scope="module")
def outcomes(shared_project) -> dict[str, tuple[int, str]]:  # type: ignore[no-untyped-def]
    (shared_project.root / "mlflow.db").unlink()
    (shared_project.root / "empty").mkdir()
    found: dict[str, tuple[int, str]] = shared_project.run_many(
        {name: list(args) for name, (args, _) in CASES.items()}
    )
    return found


@pytest.mark.ci
@pytest.mark.parametrize("name", CASES)
def test_one_clear_message(outcomes: dict[str, tuple[int, str]], name: str) -> None:
    code, output = outcomes[name]
    flat = re.sub(r"\s+", " ", output)
    assert code != 0, output
    assert "Traceback" not in output
    assert re.search(CASES[name][1], flat), output
    errors = [line for line in output.splitlines() if line.startswith("Error:")]
    assert len(errors) == 1, output


@pytest.mark.ci
def test_nothing_was_tracked(outcomes: dict[str, tuple[int, str]], shared_project) -> None:  # type: ignore[no-untyped-def]
    assert outcomes
    assert not (shared_project.root / "mlflow.db").exists()
    assert not list((shared_project.root / "data").rglob("predictions.parquet"))


def edit_regimes(root: Path, change: dict[str, object]) -> None:
    """Change the second regime."""
    path = root / "conf" / "base" / "parameters_regimes.yml"
    content = yaml.safe_load(path.read_text())
    content["regimes"][1] |= change
    path.write_text(yaml.safe_dump(content))


@pytest.mark.slow
def test_the_kind_is_set_where_the_warehouse_sees_it(project) -> None:  # type: ignore[no-untyped-def]
    local = project.root / "conf" / "local"
    (local / "parameters.yml").write_text("source: {kind: databento, path: nowhere}\n")
    code, output = project.run_many({"x": ["--pipeline=ingest"]})["x"]
    assert code != 0
    assert "Set `source_kind: databento` in conf/local/globals.yml" in output
    (local / "parameters.yml").write_text("source: {path: nowhere}\n")
    (local / "globals.yml").write_text("source_kind: databento\n")
    code, output = project.run_many({"x": ["--pipeline=ingest"]})["x"]
    assert code != 0
    assert "nowhere" in output, "now the folder is what is wrong"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        slow({"start": "2018-02-01"}, r"normal_pre_2018.*trade_war_2018_2019.*overlap"),
        slow({"start": "2018-04-01"}, r"normal_pre_2018.*trade_war_2018_2019.*leave a gap"),
        ({"wieght": 3}, r"unknown parameter 'regimes\.1\.wieght'"),
        slow({"weight": -1}, r"'regimes\.1\.weight' is -1.*greater than 0"),
    ],
)
def test_wrong_regimes_are_refused(project, change: dict[str, object], message: str) -> None:  # type: ignore[no-untyped-def]
    edit_regimes(project.root, change)
    code, output = project.run_many({"x": ["--pipeline=regimes"]})["x"]
    assert code != 0
    assert re.search(message, re.sub(r"\s+", " ", output)), output
    assert "Traceback" not in output
    assert not list((project.root / "data").rglob("*.duckdb"))
