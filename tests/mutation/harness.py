"""Single bugs as data, and the means to plant one and run the tests that must notice."""

import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MUTANTS_FILE: Final = Path(__file__).with_name("mutants.toml")
PACKAGE: Final = "soyoil"
FAILED: Final = 1
"""Exit status of pytest when tests ran and some failed; any other number is no verdict."""


@dataclass(frozen=True)
class Mutant:
    """One bug, planted by replacing a text that stands once in its file.

    Attributes
    ----------
    name
        What is wrong, in words.
    file
        Path below ``src/soyoil``.
    old, new
        Text to replace, and its replacement.
    tests
        Test that must fail, as node ids; empty for an equivalent mutant.
    missed
        Whether no test noticed it when it was first planted.
    equivalent
        Why no test can notice it; empty where one must.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...] = ()
    missed: bool = False
    equivalent: str = ""

    def applied(self, text: str) -> str:
        """The file with the bug.

        Raises
        ------
        ValueError
            If the text does not stand exactly once in the file.
        """
        count = text.count(self.old)
        if count != 1:
            raise ValueError(f"mutant {self.name!r}: its text stands {count} times in {self.file}")
        return text.replace(self.old, self.new)


def load_mutants() -> list[Mutant]:
    """All mutants, in the order of the file."""
    entries = tomllib.loads(MUTANTS_FILE.read_text(encoding="utf-8"))["mutant"]
    return [Mutant(**{**entry, "tests": tuple(entry.get("tests", ()))}) for entry in entries]


def copy_sources(root: Path, folder: Path) -> Path:
    """A copy of ``src`` in a folder of its own, without compiled files."""
    target = folder / "src"
    shutil.copytree(
        root / "src", target, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
    )
    return target


def run_tests(
    root: Path, sources: Path, tests: tuple[str, ...]
) -> subprocess.CompletedProcess[str]:
    """Run tests against a copy of the sources; the same draws of Hypothesis every time."""
    scratch = sources.parent
    environment = {
        **os.environ,
        "PYTHONPATH": str(sources),
        # A mutant may have the size and the second of the file before it.
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(scratch / "hypothesis"),
    }
    command = [
        sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "--tb=short",
        "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-seed=0", *tests,
    ]  # fmt: skip
    return subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )


def run_mutant(root: Path, sources: Path, mutant: Mutant) -> subprocess.CompletedProcess[str]:
    """Plant one bug in the copy, run its tests, and take it out again."""
    path = sources / PACKAGE / mutant.file
    text = path.read_text(encoding="utf-8")
    path.write_text(mutant.applied(text), encoding="utf-8")
    try:
        return run_tests(root, sources, mutant.tests)
    finally:
        path.write_text(text, encoding="utf-8")
