"""The helpers of this folder are importable by the tests in it."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from soyoil.models.engines import ENGINES
from soyoil.panel import engines as panel_engines

sys.path.insert(0, str(Path(__file__).parent))

from small_market import SIGNALS, Fits, Small


@pytest.fixture(scope="module")
def market_module() -> ModuleType:
    """The small market of the sweep's tests, with its engine without a library."""
    path = Path(__file__).parents[1] / "sweep" / "market.py"
    spec = importlib.util.spec_from_file_location("sweep_market", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["sweep_market"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def small(market_module: ModuleType) -> Small:
    parts = [
        market_module.make_snapshot(seed, signal).matrix.assign(symbol=symbol)
        for seed, (symbol, signal) in enumerate(SIGNALS.items())
    ]
    return Small(market_module, pd.concat(parts, ignore_index=True))


@pytest.fixture
def fits(market_module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fits]:
    counted = Fits()
    before = ENGINES["lightgbm"]
    market_module.install_engine()
    monkeypatch.setattr(panel_engines, "run_walk_forward", counted)
    yield counted
    ENGINES["lightgbm"] = before
