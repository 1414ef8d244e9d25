"""A copy of the project's configuration in a temporary folder, and a way to run it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

SMALL = (
    "source.symbols=ZL",
    "split.first_origin=2023-01-03",
    "lightgbm.n_estimators=15",
)


@dataclass(frozen=True)
class Project:
    """A project root with its own data folder and tracking store."""

    root: Path

    def command(self, args: Sequence[str]) -> list[str]:
        return [sys.executable, "-m", "kedro", "run", *args]

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.root / 'mlflow.db'}",
            "KEDRO_DISABLE_TELEMETRY": "1",
            "DO_NOT_TRACK": "true",
            "COLUMNS": "200",
        }

    def run(self, *args: str, timeout: float = 280) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(args),
            cwd=self.root,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


def make_project(source: Path, root: Path) -> Project:
    """Configuration only: code comes from the installed package, data starts empty."""
    shutil.copytree(source / "conf", root / "conf", ignore=shutil.ignore_patterns("local"))
    (root / "conf" / "local").mkdir()
    shutil.copy(source / "pyproject.toml", root)
    (root / "src").mkdir()
    (root / ".telemetry").write_text("consent: false\n")
    return Project(root)


@pytest.fixture
def project(project_root: Path, tmp_path: Path) -> Project:
    return make_project(project_root, tmp_path)


@pytest.fixture(scope="module")
def shared_project(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_project(project_root, tmp_path_factory.mktemp("project"))
