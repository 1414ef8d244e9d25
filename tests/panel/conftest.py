"""The helpers of this folder are importable by the tests in it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from soyoil.models.engines import ENGINES
from soyoil.panel import engines as panel_engines

sys.path.insert(0, str(Path(__file__).parent))

from small_market import SIGNALS, Small

from counted_fits import Fits


@pytest.fixture(scope="module")
def small(market: ModuleType) -> Small:
    parts = [
        market.make_snapshot(seed, signal).matrix.assign(symbol=symbol)
        for seed, (symbol, signal) in enumerate(SIGNALS.items())
    ]
    return Small(market, pd.concat(parts, ignore_index=True))


@pytest.fixture
def fits(market: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fits]:
    counted = Fits()
    before = ENGINES["lightgbm"]
    market.install_engine()
    monkeypatch.setattr(panel_engines, "run_walk_forward", counted)
    yield counted
    ENGINES["lightgbm"] = before
