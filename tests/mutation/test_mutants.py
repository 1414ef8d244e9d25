"""Planted bugs: each must be noticed by the tests that are named beside it."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from harness import FAILED, PACKAGE, Mutant, copy_sources, load_mutants, run_mutant, run_tests

ROOT = Path(__file__).resolve().parents[2]
MUTANTS = load_mutants()
LIVE = [mutant for mutant in MUTANTS if not mutant.equivalent]


def test_every_mutant_still_fits_the_sources() -> None:
    """The list does not rot: texts stand once, results compile, names and tests exist."""
    problems = []
    for mutant in MUTANTS:
        path = ROOT / "src" / PACKAGE / mutant.file
        try:
            compile(mutant.applied(path.read_text(encoding="utf-8")), str(path), "exec")
        except (OSError, SyntaxError, ValueError) as error:
            problems.append(f"{mutant.name}: {error}")
        if mutant.old == mutant.new:
            problems.append(f"{mutant.name}: changes nothing")
        if bool(mutant.equivalent) is bool(mutant.tests):
            problems.append(f"{mutant.name}: needs tests, or a reason why none can notice")
        for test in mutant.tests:
            file, _, name = test.partition("::")
            function = name.rpartition("::")[2].partition("[")[0]
            source = (ROOT / file).read_text(encoding="utf-8") if (ROOT / file).is_file() else ""
            if not re.search(rf"^\s*def {re.escape(function)}\(", source, re.MULTILINE):
                problems.append(f"{mutant.name}: there is no test {test}")
    problems += [n for n, count in Counter(m.name for m in MUTANTS).items() if count > 1]
    assert not problems, "\n".join(problems)


def test_the_page_lists_every_mutant() -> None:
    page = (ROOT / "docs" / "mutation.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| ([^|]+?) \| `", page, flags=re.MULTILINE)
    assert sorted(listed) == sorted(mutant.name for mutant in MUTANTS)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources that the tests import, in which all named tests pass."""
    copy = copy_sources(ROOT, tmp_path_factory.mktemp("mutants"))
    where = subprocess.run(
        [sys.executable, "-c", f"import {PACKAGE}; print({PACKAGE}.__file__)"],
        env={"PYTHONPATH": str(copy)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(where.stdout.strip()).is_relative_to(copy)
    named = tuple(dict.fromkeys(test for mutant in LIVE for test in mutant.tests))
    sound = run_tests(ROOT, copy, named)
    assert sound.returncode == 0, sound.stdout
    return copy


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("mutant", LIVE, ids=lambda mutant: mutant.name)
def test_mutant_is_noticed(mutant: Mutant, sources: Path) -> None:
    done = run_mutant(ROOT, sources, mutant)
    assert done.returncode == FAILED, f"{mutant.name}: not noticed\n{done.stdout}{done.stderr}"
