"""The tracking hook inside real Kedro sessions, each in a process of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from soyoil import __version__
from soyoil.hooks.tracking import command_line
from soyoil.tracking.environment import environment_tags

LAZY = ("mlflow", "torch", "lightgbm", "matplotlib")

SETTINGS = "from soyoil.settings import *\n"

REGISTRY = """
import pandas as pd
from kedro.pipeline import Node, Pipeline
from soyoil.tracking.record import RunRecord

def record(profile):
    tags = {"provenance": "synthetic"}
    return RunRecord("zl_1m_naive", tags, {"profile": profile}, {"pooled.uniform.mae": 0.5})

def table(_):
    row = {"horizon": "1m", "model": "naive", "verdict": "no skill", "provenance": "synthetic"}
    row |= {"rolls": "known", "seconds": 1.0}
    skills = ("skill_pinball", "skill_mae")
    keys = [f"{skill}{end}" for skill in skills for end in ("", "_low", "_high")]
    scores = {f"pooled.uniform.{key}": 0.25 for key in (*keys, "coverage_80", "independent_n")}
    return pd.DataFrame([row | scores])

def bad(_):
    raise ValueError("no such luck")

def stopped(_):
    raise KeyboardInterrupt

def register_pipelines():
    run = Node(record, "params:profile", "1m.naive.run", name="run")
    def with_run(function, output):
        return Pipeline([run, Node(function, "params:profile", output, name=output)])
    return {
        "evaluate": with_run(table, "skill_table"),
        "bad": with_run(bad, "x"),
        "stopped": with_run(stopped, "y"),
        "split": Pipeline([Node(table, "params:profile", "z", name="z")]),
        "__default__": Pipeline([]),
    }
"""

CATALOG = """
"{horizon}.{model}.run":
  type: soyoil.datasets.run_record.RunRecordDataset
  metadata: {kedro-viz: {layer: tracking}}
skill_table:
  type: pandas.CSVDataset
  filepath: skill_table.csv
x: {type: MemoryDataset}
y: {type: MemoryDataset}
z: {type: MemoryDataset}
"""

SESSIONS = f"""
import json, sys
from pathlib import Path
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from soyoil.base.errors import SoyoilError
from soyoil.tracking import close_interrupted

bootstrap_project(Path.cwd())
loaded = [name for name in {LAZY} if name in sys.modules]
ends = {{}}
for name in sys.argv[1:]:
    given = {{"profile": "full", "split": {{"warm_up": 100}}}} if name == "evaluate" else None
    try:
        with KedroSession.create(Path.cwd(), runtime_params=given) as session:
            session.run(pipeline_names=[name])
        ends[name] = "done"
    except KeyboardInterrupt:
        close_interrupted()
        ends[name] = "interrupted"
    except Exception as error:
        ends[name] = repr(error)
engines = [name for name in ("torch", "lightgbm", "xgboost") if name in sys.modules]
Path("ends.json").write_text(json.dumps([loaded, engines, ends]))
"""


def make_project(root: Path, conf: Path) -> None:
    package = root / "src" / "demo_tracked"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "settings.py").write_text(SETTINGS)
    (package / "pipeline_registry.py").write_text(REGISTRY)
    (root / "conf" / "base").mkdir(parents=True)
    (root / "conf" / "local").mkdir()
    for file in conf.glob("base/*.yml"):
        shutil.copy(file, root / "conf" / "base")
    (root / "conf" / "base" / "catalog.yml").write_text(CATALOG)
    (root / "pyproject.toml").write_text(
        '[tool.kedro]\npackage_name = "demo_tracked"\nproject_name = "demo"\n'
        'kedro_init_version = "1.7.0"\nsource_dir = "src"\n'
    )


def run_sessions(root: Path, *names: str) -> tuple[Any, str]:
    environment = {
        **os.environ,
        "MLFLOW_TRACKING_URI": f"sqlite:///{root / 'mlflow.db'}",
        "KEDRO_DISABLE_TELEMETRY": "1",
        "KEDRO_LOGGING_CONFIG": str(root / "conf" / "base" / "logging.yml"),
        "KEDRO_LOGGING_MODULE_ALLOWLIST": "soyoil",
        "COLUMNS": "200",
    }
    done = subprocess.run(
        [sys.executable, "-c", SESSIONS, *names],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((root / "ends.json").read_text()), done.stdout + done.stderr


def _git(root: Path, *args: str) -> str:
    user = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", *user, "-C", str(root), *args]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _runs(kind: str) -> dict[str, Any]:
    from mlflow import MlflowClient

    client = MlflowClient()
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    found = client.search_runs(ids, f"tags.kind = '{kind}'")
    return {run.data.tags["pipeline"]: run for run in found}


@pytest.mark.ci
def test_sessions(tmp_path: Path, project_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{root / 'mlflow.db'}")
    make_project(root, project_root / "conf")
    (loaded, engines, ends), output = run_sessions(root, "split", "evaluate", "bad", "stopped")
    assert loaded == []
    assert engines == []
    assert ends == {
        "split": "done",
        "evaluate": "done",
        "bad": "ValueError('no such luck')",
        "stopped": "interrupted",
    }
    parents, children = _runs("pipeline"), _runs("model")
    assert {name: run.info.status for name, run in parents.items()} == {
        "evaluate": "FINISHED",
        "bad": "FAILED",
        "stopped": "KILLED",
    }
    assert parents["bad"].data.tags["error"] == "ValueError: no such luck"
    assert set(children) == set(parents)
    for name, child in children.items():
        assert child.data.tags["pipeline_run"] == parents[name].info.run_id
        assert child.info.status == "FINISHED"

    parent, child = parents["evaluate"], children["evaluate"]
    assert parent.info.run_name.startswith("evaluate zl full 20")
    assert {
        "profile": "full",
        "symbol": "ZL",
        "source_kind": "synthetic",
        "provenance": "synthetic",
        "soyoil_version": __version__,
        "git_sha": "unknown",
        "command": "kedro run --pipelines=evaluate --params=profile=full,split.warm_up=100",
    }.items() <= parent.data.tags.items()
    assert parent.data.params["split.warm_up"] == "100"
    assert parent.data.params["split.first_origin"] == "2016-01-04"
    assert parent.data.params["source.symbols"].startswith("ZL,ZS")
    assert parent.data.metrics["stage.evaluate.seconds"] > 0
    assert parent.data.metrics["peak_memory_mb"] > 10
    assert {k: child.data.tags[k] for k in ("profile", "source_kind", "git_sha")} == {
        "profile": "full",
        "source_kind": "synthetic",
        "git_sha": "unknown",
    }
    folder = root / "mlruns" / parent.info.run_id / "artifacts"
    assert {f.name for f in folder.iterdir()} == {"parameters.json", "skill_table.csv"}
    assert (folder / "skill_table.csv").read_text().startswith("horizon,model,verdict")
    note = parent.data.tags["mlflow.note.content"]
    link, _, rest = note.partition("\n\n")
    assert link.startswith("**[Models of this run](#/experiments/")
    assert rest.startswith("`kedro run --pipelines=evaluate --params=profile=full")
    assert "| 1m | naive | +25.0 % [+25, +25] | +25.0 % [+25, +25] | 25 % | no skill |" in note
    assert list((root / "mlruns" / ".running").iterdir()) == []
    assert "mlflow ui" in output
    # The store was made in the second session, which a newcomer's first one is like.
    noise = ("alembic", "atabase", "mlflow.store", "Deprecat")
    assert [line for line in output.splitlines() if any(word in line for word in noise)] == []


def test_start_up_imports_no_heavy_library() -> None:
    code = f"""
import sys
import soyoil.settings, soyoil.hooks.tracking, soyoil.tracking, soyoil.cli.main
import soyoil.datasets.run_record, soyoil.datasets.warehouse
print([name for name in {LAZY} if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("run_params", "command"),
    [
        ({"pipeline_names": None}, "kedro run --pipelines=train"),
        (
            {
                "pipeline_names": ["fit", "evaluate"],
                "env": "bigquery",
                "tags": ["1m", "1w"],
                "node_names": ["a"],
                "from_nodes": None,
                "runtime_params": {"source": {"kind": "databento", "token": "s3cret"}, "x": 1},
            },
            "kedro run --pipelines=fit,evaluate --env=bigquery --tags=1m,1w --nodes=a "
            "--params=source.kind=databento",
        ),
    ],
)
def test_command_line_tells_known_parameters_only(run_params: dict[str, Any], command: str) -> None:
    assert command_line(run_params) == command


def test_git_tags(tmp_path: Path) -> None:
    assert environment_tags(tmp_path)["git_sha"] == "unknown"
    _git(tmp_path, "init", "--quiet")
    empty = environment_tags(tmp_path)
    assert (empty["git_sha"], "git_dirty" in empty) == ("unknown", False)
    _git(tmp_path, "commit", "--allow-empty", "--quiet", "-m", "first")
    clean = environment_tags(tmp_path)
    assert clean["git_sha"] == _git(tmp_path, "rev-parse", "HEAD")
    assert (clean["git_dirty"], len(clean["git_sha"])) == ("false", 40)
    (tmp_path / "new.py").touch()
    assert environment_tags(tmp_path)["git_dirty"] == "true"
