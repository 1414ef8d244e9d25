"""The helpers of this folder, and outside rows of another, are importable by name."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parents[1] / "features"))

from leak_scene import Scene, make_scene


@pytest.fixture(scope="session")
def scene() -> Scene:
    return make_scene()
