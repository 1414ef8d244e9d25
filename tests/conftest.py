"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest

PROJECT_ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def project_root() -> Path:
    """Root of the checkout."""
    return PROJECT_ROOT


@pytest.fixture(scope="session")
def databento_dir() -> Path:
    """Folder of real Databento hourly files, or skip.

    Looked up in ``SOYOIL_REAL_DATA`` and in ``../shared/data`` beside the checkout.
    """
    root = Path(os.environ.get("SOYOIL_REAL_DATA", PROJECT_ROOT.parent / "shared" / "data"))
    folder = root / "databento"
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}")
    return folder
