"""Projects of the tests' own, and what an undisturbed run leaves in one."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
import psutil

SMALL = (
    "source.symbols=ZL+ZS,source.synthetic.start=2018-01-02,source.synthetic.end=2021-12-31,"
    "split.first_origin=2020-06-01,split.warm_up=252,split.min_train_rows=60,"
    "split.valid_sessions=42,split.refit_every=252,lightgbm.n_estimators=20,"
    "xgboost.n_estimators=20,tft.max_epochs=1,tft.quick_folds=1"
)
TIMEOUT_S = 300


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    text: str


@dataclass(frozen=True)
class Home:
    """A project's root with its own data, tracking store and configuration."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.root / 'mlflow.db'}",
            "KEDRO_DISABLE_TELEMETRY": "1",
            "DO_NOT_TRACK": "true",
            "COLUMNS": "250",
            **self.environment,
        }

    def with_data(self, folder: str) -> Home:
        """The same project with a data folder of its own."""
        return replace(self, environment={**self.environment, "SOYOIL_DATA": folder})

    @property
    def data(self) -> Path:
        """Data folder of its commands."""
        return self.root / self.environment.get("SOYOIL_DATA", "data")

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a Python command line in the root; its output goes to one pipe."""
        return subprocess.Popen(
            [sys.executable, *words],
            cwd=self.root,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def finish(self, process: subprocess.Popen[str], timeout: float = TIMEOUT_S) -> Done:
        """Wait for a command; one that hangs is killed and has the code of that."""
        try:
            text, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            text, _ = process.communicate()
            text += f"\nnot done after {timeout:g} s"
        return Done(process.returncode, text)

    def call(self, *words: str, timeout: float = TIMEOUT_S) -> Done:
        """Run a Python command line in the root."""
        return self.finish(self.start(*words), timeout)

    def kedro(self, *words: str, timeout: float = TIMEOUT_S) -> Done:
        """Run ``kedro`` in the root."""
        return self.call("-m", "kedro", *words, timeout=timeout)

    def wait_for_workers(self, timeout: float = 60) -> list[int]:
        """Processes still at work in the root after `timeout` seconds at the latest."""
        deadline = time.monotonic() + timeout
        while (left := self._workers()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return left

    def _workers(self) -> list[int]:
        found = []
        for process in psutil.process_iter(["pid"]):
            try:
                if Path(process.cwd()) == self.root and process.pid != os.getpid():
                    found.append(process.pid)
            except (psutil.Error, OSError):
                continue
        return found

    def runs(self) -> dict[str, int]:
        """Tracked runs by status."""
        if not (self.root / "mlflow.db").exists():
            return {}
        with sqlite3.connect(self.root / "mlflow.db") as db:
            return dict(db.execute("select status, count(*) from runs group by status").fetchall())

    def leftovers(self) -> list[Path]:
        """Hidden files that a finished run leaves in the data folder, locks aside."""
        return [
            path for path in self.data.rglob(".*") if "lock" not in path.name and path.is_file()
        ]


def make_home(source: Path, root: Path) -> Home:
    """Configuration only: code comes from the installed package, data starts empty."""
    shutil.copytree(source / "conf", root / "conf", ignore=shutil.ignore_patterns("local"))
    (root / "conf" / "local").mkdir()
    shutil.copy(source / "pyproject.toml", root)
    (root / "src").mkdir()
    return Home(root)


def forecasts(home: Home) -> dict[str, pd.DataFrame]:
    """All forecasts in a project's data folder, by place."""
    folder = home.data / "07_model_output"
    return {str(p.relative_to(folder)): pd.read_parquet(p) for p in folder.rglob("*.parquet")}
