"""A copy of the project's configuration in a temporary folder, and ways to run it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

SMALL = (
    "source.symbols=ZL",
    "split.first_origin=2023-01-03",
    "lightgbm.n_estimators=15",
    "xgboost.n_estimators=15",
    "tft.max_epochs=1",
    "tft.train_stride=20",
    "tft.encoder_length=8",
)

MANY = """
import json, sys
from pathlib import Path
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project

bootstrap_project(Path.cwd())
from soyoil.cli import run

results = {}
for name, args in json.loads(sys.argv[1]).items():
    outcome = CliRunner().invoke(run, args)
    crash = outcome.exception
    if isinstance(crash, SystemExit):
        crash = None
    results[name] = [outcome.exit_code, outcome.output + (repr(crash) if crash else "")]
print("RESULTS" + json.dumps(results))
"""


@dataclass(frozen=True)
class Project:
    """A project root with its own data folder and tracking store."""

    root: Path

    @property
    def environment(self) -> dict[str, str]:
        """Environment of its processes."""
        return {
            **os.environ,
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.root / 'mlflow.db'}",
            "KEDRO_DISABLE_TELEMETRY": "1",
            "DO_NOT_TRACK": "true",
            "COLUMNS": "250",
        }

    def execute(
        self, command: Sequence[str], timeout: float = 240
    ) -> subprocess.CompletedProcess[str]:
        """Run a Python command line in the project's root."""
        return subprocess.run(
            [sys.executable, *command],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def run(
        self, *args: str, params: Sequence[str] = SMALL, start: Sequence[str] = ("-m", "kedro")
    ) -> subprocess.CompletedProcess[str]:
        """``kedro run`` with small parameters."""
        return self.execute([*start, "run", f"--params={','.join(params)}", *args])

    def run_many(self, commands: Mapping[str, Sequence[str]]) -> dict[str, tuple[int, str]]:
        """Exit code and output of several ``kedro run`` commands, one process for all."""
        done = self.execute(["-c", MANY, json.dumps(commands)])
        line = next((x for x in done.stdout.splitlines() if x.startswith("RESULTS")), None)
        assert line is not None, done.stdout + done.stderr
        found = json.loads(line.removeprefix("RESULTS"))
        return {name: (code, output) for name, (code, output) in found.items()}


def make_project(source: Path, root: Path, store: Path) -> Project:
    """Configuration and an empty tracking store only.

    Code comes from the installed package, data starts empty. The store is copied because MLflow
    takes seconds for a new one.
    """
    shutil.copytree(source / "conf", root / "conf", ignore=shutil.ignore_patterns("local"))
    (root / "conf" / "local").mkdir()
    shutil.copy(source / "pyproject.toml", root)
    (root / "src").mkdir()
    shutil.copy(store, root / "mlflow.db")
    return Project(root)


@pytest.fixture
def project(project_root: Path, migrated_store: Path, tmp_path: Path) -> Project:
    """An empty project of the test's own."""
    return make_project(project_root, tmp_path, migrated_store)


@pytest.fixture(scope="module")
def shared_project(
    project_root: Path, migrated_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Project:
    """An empty project that the tests of a module share."""
    return make_project(project_root, tmp_path_factory.mktemp("project"), migrated_store)


@pytest.fixture(scope="module")
def second_project(
    project_root: Path, migrated_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Project:
    """Another empty project that the tests of a module share."""
    return make_project(project_root, tmp_path_factory.mktemp("second"), migrated_store)
