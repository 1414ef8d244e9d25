"""The helpers of this folder are importable by the tests in it."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

sys.path.insert(0, str(Path(__file__).parent))


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
