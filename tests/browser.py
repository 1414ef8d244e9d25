"""A browser without a window, for tests of what a person sees."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

NAMES = (
    "chromium", "chromium-browser", "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)  # fmt: skip
BROWSER = next((found for found in map(shutil.which, NAMES) if found), "")
NEEDS_BROWSER = pytest.mark.skipif(not BROWSER, reason="needs Chromium or Chrome")


def browse(folder: Path, address: str, *options: str, budget_ms: int = 15_000) -> str:
    """What the browser prints of a page; its profile is kept in the folder."""
    done = subprocess.run(
        [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu",
            f"--virtual-time-budget={budget_ms}", f"--user-data-dir={folder / 'profile'}",
            *options, address,
        ],
        capture_output=True, text=True, check=True, timeout=170,
    )  # fmt: skip
    return done.stdout
