"""The helpers of this folder are importable by the tests in it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from soyoil.models.engines import ENGINES
from soyoil.panel import engines as panel_engines
from soyoil.pipelines.fit import nodes as fit_nodes

sys.path.insert(0, str(Path(__file__).parent))

from explain_market import install_seeded_engine

from counted_fits import Fits


@pytest.fixture
def fits(market: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fits]:
    """Fits in this process, counted, by an engine that heeds its seed."""
    counted = Fits()
    before = ENGINES["lightgbm"]
    install_seeded_engine(market)
    monkeypatch.setattr(panel_engines, "run_walk_forward", counted)
    monkeypatch.setattr(fit_nodes, "run_walk_forward", Fits())
    yield counted
    ENGINES["lightgbm"] = before
