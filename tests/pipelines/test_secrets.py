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
