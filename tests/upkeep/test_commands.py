"""The commands in a project: a fresh one, a wrong one, and one with files to keep."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from upkeep_project import fill, places_of, rows_of

COMMANDS = """
import json, sys
from pathlib import Path
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project

bootstrap_project(Path.cwd())
from soyoil.cli.main import cli

found = []
for arguments in json.loads(sys.argv[1]):
    done = CliRunner().invoke(cli, arguments)
    crash = done.exception
    shown = repr(crash) if crash and not isinstance(crash, SystemExit) else ""
    found.append([done.exit_code, done.output + shown])
print("RESULTS" + json.dumps(found))
"""


@pytest.fixture
def root(project_root: Path, tmp_path: Path) -> Path:
    root = tmp_path / "project"
    shutil.copytree(project_root / "conf", root / "conf", ignore=shutil.ignore_patterns("local"))
    (root / "conf/local").mkdir()
    (root / "src").mkdir()
    shutil.copy(project_root / "pyproject.toml", root)
    return root


def execute(root: Path, *commands: list[str], **variables: str) -> list[tuple[int, str]]:
    hidden = ("MLFLOW_TRACKING_URI", "SOYOIL_DATA")
    environment = {k: v for k, v in os.environ.items() if k not in hidden}
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, json.dumps(commands)],
        cwd=root,
        env={**environment, "DO_NOT_TRACK": "1", "COLUMNS": "80", **variables},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    line = next((x for x in done.stdout.splitlines() if x.startswith("RESULTS")), None)
    assert line is not None, done.stdout + done.stderr
    return [(code, text) for code, text in json.loads(line.removeprefix("RESULTS"))]


def files_of(root: Path) -> list[str]:
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.suffix != ".pyc")


def test_doctor_of_a_fresh_project_warns_and_writes_nothing(root: Path) -> None:
    before = files_of(root)
    wrong = ["doctor", "--json", "--params=split.warm_upp=3"]
    (fresh, text), (plain, table), (bad, report) = execute(
        root, ["doctor", "--json"], ["doctor"], wrong
    )
    found = json.loads(text)
    assert (fresh, found["ok"]) == (0, True)
    state_of = {entry["check"]: entry["state"] for entry in found["checks"]}
    assert state_of["configuration"] == state_of["packages"] == "ok"
    fresh_ones = ("data folder", "MLflow", "warehouse", "sessions", "snapshot")
    assert [state_of[name] for name in fresh_ones] == ["warn"] * 5
    assert plain == 0
    assert max(map(len, table.splitlines())) <= 80
    assert bad == 1
    failed = [entry for entry in json.loads(report)["checks"] if entry["state"] == "fail"]
    assert [entry["check"] for entry in failed] == ["configuration"]
    assert "split.warm_up" in failed[0]["said"]
    assert files_of(root) == before


@pytest.mark.ci
def test_backup_restore_and_clean_of_a_project(root: Path, tmp_path: Path) -> None:
    places = places_of(root)
    fill(places)
    assert places.store is not None
    places.store.unlink()  # MLflow's own would take seconds to make
    folder = tmp_path / "backup"
    made, again, refused, empty = execute(
        root,
        ["backup", str(folder)],
        ["backup", str(folder)],
        ["restore", str(folder)],
        ["clean"],
    )
    assert made[0] == 0, made[1]
    assert again[0] == 1
    assert "not empty" in again[1]
    assert refused[0] == 1
    assert "--replace" in refused[1]
    assert empty[0] == 0
    assert empty[1].endswith("Nothing may go.\n")
    fill(places, rows=20)
    places.store.unlink()
    old = places.data / f".unfinished-{2**22 + 1}-0-old"
    old.write_text("x" * 1000)
    shown, restored, applied = execute(
        root, ["clean"], ["restore", str(folder), "--replace"], ["clean", "--apply"]
    )
    assert "1 may go, 1 KiB. Nothing was removed" in shown[1].replace("0.977", "1")
    assert restored[0] == 0, restored[1]
    assert rows_of(places.warehouse[0].path) == 10
    assert applied[0] == 0
    assert applied[1].endswith("1 removed, 0.977 KiB.\n")
    assert not old.exists()
