"""Fixtures of the reliability tests."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "sources"))

from homes import Home, make_home


@pytest.fixture
def home(project_root: Path, tmp_path: Path) -> Home:
    """An empty project of the test's own."""
    return make_home(project_root, tmp_path)
