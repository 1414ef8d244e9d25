"""A small chain of stages that leaves out what has not changed, without Kedro sessions."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro_datasets.json import JSONDataset
from kedro_datasets.pandas import CSVDataset

from soyoil.base import code
from soyoil.datasets.tracked_files import TrackedFilesDataset
from soyoil.datasets.tracks_runs import TracksRuns
from soyoil.datasets.warehouse import WarehouseTableDataset
from soyoil.external.config import ExternalConfig
from soyoil.features.config import FeaturesConfig
from soyoil.params import Sections, TargetConfig
from soyoil.regimes.table import RegimeConfig, regime_frame
from soyoil.runner import CellRunner
from soyoil.skipping import active
from soyoil.skipping.plan import Plan, Scene
from soyoil.sources.base import SourceConfig


class ScoresDataset(TracksRuns, JSONDataset):  # type: ignore[misc]
    """A result that is tracked."""


REGIMES = [
    {
        "name": "old",
        "start": "2000-01-01",
        "end": "2020-01-01",
        "weight": 50,
        "description": "before",
    },
    {"name": "new", "start": "2020-01-01", "weight": 100, "description": "after"},
]


@dataclass
class Chain:
    """Files, a table, two cells and a tracked part; counts how often each node ran."""

    root: Path
    raw: dict[str, Any] = field(
        default_factory=lambda: {
            "features": {"scale": 2.0}, "lightgbm": {"leaves": 3}, "xgboost": {"depth": 2},
            "regimes": REGIMES, "tracking": {"experiment": "soyoil"},
        }
    )  # fmt: skip
    ran: list[str] = field(default_factory=list)
    stop_at: str | None = None
    stop_before_record: str | None = None
    runs: int = 0
    shown: str | None = None

    @property
    def bars(self) -> Path:
        """Folder of the vendor's files."""
        return self.root / "bars"

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.root / "data"

    @property
    def warehouse(self) -> Path:
        """The warehouse."""
        return self.data / "warehouse.duckdb"

    def _said(self, name: str) -> None:
        if self.stop_at == name:
            raise KeyboardInterrupt
        self.ran.append(name)

    def _read(self) -> pd.DataFrame:
        self._said("read")
        files = sorted(self.bars.glob("*.csv"))
        return pd.concat([pd.read_csv(file) for file in files], ignore_index=True)

    def _sessions(self, bars: pd.DataFrame) -> pd.DataFrame:
        self._said("sessions")
        return (
            bars.drop_duplicates("x")
            .sort_values("x")
            .assign(y=lambda frame: frame["x"].cumsum() / 3)
        )

    def _regimes(self, regimes: list[dict[str, Any]]) -> pd.DataFrame:
        self._said("regimes")
        return regime_frame([RegimeConfig.model_validate(item) for item in regimes])

    def _matrix(
        self, sessions: pd.DataFrame, regimes: pd.DataFrame, features: dict[str, float]
    ) -> pd.DataFrame:
        self._said("matrix")
        return sessions.assign(z=sessions["y"] * features["scale"] * regimes["weight"].sum())

    def _fit(self, name: str) -> Any:
        def fit(matrix: pd.DataFrame, config: dict[str, int]) -> pd.DataFrame:
            self._said(name)
            return matrix.assign(q=matrix["z"] ** 0.5 + sum(config.values()))

        return fit

    def _score(self, name: str) -> Any:
        def score(predictions: pd.DataFrame) -> dict[str, float]:
            self._said(name)
            return {"mean": float(predictions["q"].mean()), "n": len(predictions)}

        return score

    def _report(self, first: dict[str, float], second: dict[str, float]) -> dict[str, str]:
        self._said("report")
        return {"report.html": f"{first} {second}\n"}

    def _forecast(self, scores: dict[str, float]) -> dict[str, str]:
        self._said("forecast")
        return {"forecast.txt": f"{scores}\n"}

    def pipeline(self) -> Pipeline:
        """The stages."""
        cells = ("lightgbm", "xgboost")
        nodes = [
            Node(self._read, None, "vendor_bars", name="read_source", namespace="ingest"),
            Node(self._sessions, "vendor_bars", "sessions", name="sessions", namespace="ingest"),
            Node(self._regimes, "params:regimes", "regimes", name="regimes"),
            Node(
                self._matrix, ["sessions", "regimes", "params:features"], "matrix", name="features"
            ),
            *(Node(self._fit(c), ["matrix", f"params:{c}"], f"{c}.predictions", name=c)
              for c in cells),
            *(Node(self._score(f"{c}.score"), f"{c}.predictions", f"{c}.scores", name=f"{c}.score")
              for c in cells),
            Node(self._report, [f"{c}.scores" for c in cells], "report", name="report"),
            Node(
                self._forecast, "xgboost.scores", "forecast_files", name="make",
                namespace="forecast",
            ),
        ]  # fmt: skip
        return Pipeline(nodes)

    def catalog(self) -> DataCatalog:
        """Where everything lies."""

        def csv(name: str) -> CSVDataset:
            return CSVDataset(filepath=str(self.data / name), save_args={"index": False})

        found: dict[str, Any] = {
            "vendor_bars": MemoryDataset(),
            "sessions": csv("sessions.csv"),
            "matrix": csv("matrix.csv"),
            "report": TrackedFilesDataset(path=str(self.data / "reports")),
            "forecast_files": TrackedFilesDataset(path=str(self.data / "reports")),
            "regimes": WarehouseTableDataset(
                table="training.regime_weights",
                connection={"backend": "duckdb", "path": str(self.warehouse)},
            ),
            **{f"params:{name}": MemoryDataset(value) for name, value in self.raw.items()},
        }
        for cell in ("lightgbm", "xgboost"):
            found[f"{cell}.predictions"] = csv(f"{cell}.csv")
            found[f"{cell}.scores"] = ScoresDataset(filepath=str(self.data / f"{cell}.json"))
        return DataCatalog(found)

    def run(self, *, force: bool = False) -> list[str]:
        """Run the chain; names of the nodes that ran."""
        self.ran = []
        pipeline, catalog = self.pipeline(), self.catalog()
        source = SourceConfig(kind="databento", path=str(self.bars))
        sections: Sections = Sections.model_construct(  # type: ignore[call-arg]
            source=source, target=TargetConfig(), external=ExternalConfig(),
            features=FeaturesConfig(),
        )  # fmt: skip
        plan = Plan(Scene(pipeline, catalog, sections, self.raw, {}, self.data, "sqlite://", force))
        write = plan._records.write

        def written(part: str, record: Any) -> None:
            if part == self.stop_before_record:
                raise KeyboardInterrupt
            write(part, record)

        plan._records.write = written  # type: ignore[method-assign]
        active.set_current(plan)
        try:
            CellRunner().run(pipeline, catalog, _Saved(plan))  # type: ignore[arg-type]
            if plan.tracked == "run":
                self.runs += 1
                plan.close(f"run{self.runs}", "train")
            self.shown = plan.text_of("forecast_files")
        finally:
            active.set_current(None)
        return self.ran

    def numbers(self) -> dict[str, bytes]:
        """Every result, byte by byte; rows of the table."""
        files = {
            str(path.relative_to(self.data)): path.read_bytes()
            for path in sorted(self.data.rglob("*"))
            if path.is_file() and path.suffix in (".csv", ".json", ".html", ".txt")
            and ".done" not in path.parts
        }  # fmt: skip
        table = self.catalog().load("regimes").to_csv()
        return {**files, "regimes": table.encode()}


class _Saved:
    """What Kedro's hook manager does here: tell the plan what was saved."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.hook = self

    def after_dataset_saved(self, dataset_name: str, data: Any, node: Node) -> None:
        """As `soyoil.hooks.skipping.SkipHooks`."""
        self._plan.saved(dataset_name, data)

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chain]:
    """A chain with two files that has not run."""
    made = Chain(tmp_path)
    made.bars.mkdir()
    (made.bars / "a.csv").write_text("x\n3\n1\n")
    (made.bars / "b.csv").write_text("x\n0.5\n")
    made.data.mkdir()
    package = tmp_path / "package"
    package.mkdir()
    (package / "code.py").write_text("one = 1\n")
    read = code.code_hash
    monkeypatch.setattr(code, "code_hash", lambda: read(package))
    # As if MLflow's store kept every run.
    monkeypatch.setattr(Plan, "_state_of", lambda self, run_id: f"state of {run_id}")
    yield made
    shutil.rmtree(tmp_path, ignore_errors=True)
