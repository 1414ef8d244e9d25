"""A planted secret shows up in nothing that a command writes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLANTED = "planted-Secret.1"
KEY = json.dumps(
    {"type": "service_account", "private_key": f"-----BEGIN PRIVATE KEY----- {PLANTED}"}
)
GLOBALS = "warehouse: {backend: bigquery, project: my-project}\nwarehouse_credentials: mine\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for folder in ("conf", "src"):
        shutil.copytree(ROOT / folder, tmp_path / folder, dirs_exist_ok=True)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def _run(project: Path, *command: str, **environment: str) -> str:
    """All that a command that fails shows and leaves behind."""
    done = subprocess.run(
        [sys.executable, "-m", "kedro", *command],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project / "src"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    given = {project / "conf", project / "src"}
    files = [f for f in project.rglob("*") if f.is_file() and not given & set(f.parents)]
    left = b"".join(f.read_bytes() for f in files).decode(errors="replace")
    return done.stdout + done.stderr + left


@pytest.mark.slow
@pytest.mark.parametrize(
    "address",
    [f"postgresql://u:a/{PLANTED}@host/db", f"postgresql://host/db?sslpassword={PLANTED}"],
)
def test_of_a_storage_address(address: str, project: Path) -> None:
    with (project / "conf/local/parameters.yml").open("a") as file:
        file.write(f"\nsweep: {{storage: '{address}'}}\n")
    shown = _run(project, "run", "--pipeline=sweep")
    assert "PGPASSWORD" in shown
    assert PLANTED not in shown


@pytest.mark.slow
@pytest.mark.parametrize("as_text", [True, False])
def test_of_a_key_in_the_place_of_its_path(as_text: bool, project: Path) -> None:
    (project / "conf/local/globals.yml").write_text(GLOBALS)
    key = json.dumps(f"'{KEY}" if as_text else KEY)
    (project / "conf/local/credentials.yml").write_text(f"mine: {{keyfile: {key}}}\n")
    for command in (("run", "--pipeline=audit"), ("warehouse", "plan")):
        shown = _run(project, *command)
        assert "no service account" in " ".join(shown.split())
        assert PLANTED not in shown


FAILS = """
import os


def make_regime_table(regimes):
    raise RuntimeError("cannot reach postgresql://u:" + os.environ["PLANTED"] + "@host/db")
"""


@pytest.mark.slow
def test_of_an_error_that_nobody_foresaw(project: Path) -> None:
    nodes = project / "src/soyoil/pipelines/regimes/nodes.py"
    with nodes.open("a") as file:
        file.write(FAILS)
    done = subprocess.run(
        [sys.executable, "-m", "kedro", "run", "--pipeline=regimes"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project / "src"), "PLANTED": PLANTED},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    log = (project / "data/logs/stages.jsonl").read_text()
    last = json.loads(log.splitlines()[-1])
    assert last["status"] == "failed"
    assert last["error"] == "RuntimeError: cannot reach postgresql://***@host/db"
    for shown in (done.stdout, done.stderr, log):
        assert PLANTED not in shown
    assert "RuntimeError" in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_of_a_whole_run(project: Path) -> None:
    names = ("CFTC_APP_TOKEN", "DATABENTO_API_KEY", "FRED_API_KEY", "PGPASSWORD")
    given = f"export: {{path: 'gs://u:{PLANTED}@bucket/x'}}\n"
    (project / "conf/local/parameters.yml").write_text(given)
    small = (
        "source.symbols=ZL,source.synthetic.start=2014-01-02,source.synthetic.end=2021-12-31,"
        "split.first_origin=2020-06-01,split.min_train_rows=60,split.valid_sessions=42,"
        "lightgbm.n_estimators=5,xgboost.n_estimators=5,tft.max_epochs=1,tft.train_stride=20"
    )
    done = subprocess.run(
        [sys.executable, "-m", "kedro", "run", "--pipeline=train", f"--params={small}"],
        cwd=project,
        env={
            **os.environ,
            "PYTHONPATH": str(project / "src"),
            "MLFLOW_TRACKING_URI": f"sqlite:///{project / 'mlflow.db'}",
            **dict.fromkeys(names, PLANTED),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert PLANTED not in done.stdout + done.stderr
    given = {project / "conf", project / "src"}
    files = [f for f in project.rglob("*") if f.is_file() and not given & set(f.parents)]
    found = {file.name for file in files}
    assert {"mlflow.db", "stages.jsonl", "report.html", "forecast.html", "parameters.json"} <= found
    assert not [file for file in files if PLANTED.encode() in file.read_bytes()]
