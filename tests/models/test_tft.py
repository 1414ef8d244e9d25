"""The network, in a process of its own: torch must not meet the tree engines in this one."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.ci

SCRIPT = Path(__file__).with_name("tft_cases.py")
CASES = re.findall(r"^    (\w+),$", SCRIPT.read_text().split("CASES: ")[1], re.MULTILINE)


@pytest.fixture(scope="module")
def lines() -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, str(SCRIPT)], capture_output=True, text=True, check=False, timeout=280
    )
    found = [x for x in done.stdout.splitlines() if x.startswith(("ok ", "FAILED "))]
    assert found, done.stdout + done.stderr
    return {line.split()[1].rstrip(":"): line for line in found}


def test_there_are_cases() -> None:
    assert len(CASES) >= 10


@pytest.mark.parametrize("name", CASES)
def test_case(lines: dict[str, str], name: str) -> None:
    assert lines[name] == f"ok {name}"
