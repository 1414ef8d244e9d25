"""The recipe of a model in CONTRIBUTING.md, followed to the letter."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[1]
SMALL = (
    "source.symbols=ZL,source.synthetic.start=2018-01-02,source.synthetic.end=2021-12-31,"
    "split.first_origin=2020-06-01,split.min_train_rows=60,split.valid_sessions=42"
)


def blocks() -> dict[str, str]:
    """Code of the recipe by the file that it names in its first line."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.partition("### A model\n")[2].partition("\n### ")[0]
    found = re.findall(r"```(?:python|yaml)\n# (\S+)\n(.*?)```", section, re.DOTALL)
    return dict(found)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the recipe's three files."""
    root = tmp_path_factory.mktemp("recipe")
    skip = shutil.ignore_patterns("__pycache__", "*.egg-info", "local")
    for name in ("src", "conf"):
        shutil.copytree(ROOT / name, root / name, ignore=skip)
    shutil.copy(ROOT / "pyproject.toml", root)
    for name, code in blocks().items():
        path = root / name
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        path.write_text(f"{before}\n{code}" if before else code, encoding="utf-8")
    return root


def kedro(root: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "kedro", *words],
        cwd=root,
        env={
            **os.environ,
            "PYTHONPATH": str(root / "src"),
            "MLFLOW_TRACKING_URI": f"sqlite:///{root / 'mlflow.db'}",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def test_the_recipe_is_three_files() -> None:
    assert list(blocks()) == [
        "src/soyoil/models/ridge.py", "src/soyoil/models/engines.py", "conf/base/parameters.yml",
    ]  # fmt: skip


STORED = """
from pathlib import Path
import numpy as np
from soyoil.datasets.models import FinalModelDataset
from soyoil.models.baselines import vol_cone_sigma
from soyoil.serving.final import final_arrays, forecast_by
from soyoil.splits.snapshot import read_snapshot

model = FinalModelDataset("data/06_models/1w/final/ridge").load()
snapshot = read_snapshot(Path("data/05_model_input/snapshots"))
arrays = final_arrays(model, snapshot.matrix, vol_cone_sigma(snapshot.returns, 5))
found = forecast_by(model, arrays, np.arange(len(arrays.y) - 3, len(arrays.y)))
assert found.quantiles.shape == (3, 3) and np.isfinite(found.quantiles).all()
assert set(found.drivers) == set(model.columns)
"""


@pytest.mark.ci
def test_a_model_of_three_files_is_fitted_scored_and_searched(project: Path) -> None:
    made = "1w.ridge.run,1w.ridge_uniform.scores,1w.ridge.final_model"
    kedro(project, "run", f"--to-outputs={made}", f"--params={SMALL}")
    output = project / "data" / "07_model_output" / "1w"
    weighted, uniform = (
        pd.read_parquet(output / name / "predictions.parquet")
        for name in ("ridge", "ridge_uniform")
    )
    assert len(weighted) == len(uniform) > 300
    assert not weighted["q50"].equals(uniform["q50"])
    scores = project / "data" / "08_reporting" / "1w" / "ridge" / "scores.json"
    assert json.loads(scores.read_text(encoding="utf-8"))["model"] == "ridge"
    said = kedro(
        project,
        "run",
        "--pipeline=sweep",
        f"--params={SMALL},sweep.model=ridge,sweep.horizon=1w,sweep.trials=3,"
        "sweep.startup_trials=1,sweep.inner.folds=2,sweep.inner.min_train_rows=60",
    )
    assert "ridge.penalty" in said
    done = subprocess.run(
        [sys.executable, "-c", STORED],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
