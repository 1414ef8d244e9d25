"""The engine without a library for the tests of this folder."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from soyoil.models.engines import ENGINES


@pytest.fixture(scope="session")
def market() -> ModuleType:
    """The module beside this file."""
    path = Path(__file__).with_name("market.py")
    spec = importlib.util.spec_from_file_location("sweep_market", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["sweep_market"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def engine(market: ModuleType) -> Iterator[None]:
    """LightGBM's place is taken by an engine without a library."""
    before = ENGINES["lightgbm"]
    market.install_engine()
    yield
    ENGINES["lightgbm"] = before
