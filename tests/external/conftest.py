"""Small files in the form of the CFTC's and FRED's, and a store in memory."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from outside_files import MemoryStore, header

from soyoil.external.readers.cftc import LEGACY, Report


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a text file of a name."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def write_cot(tmp_path: Path) -> Callable[[Sequence[Sequence[object]]], Path]:
    """Writes reports as a CSV file of the CFTC's."""

    def write(
        lines: Sequence[Sequence[object]], name: str = "cot.csv", report: Report = LEGACY
    ) -> Path:
        text = [",".join(str(v) for v in line) for line in (header(report), *lines)]
        path = tmp_path / name
        path.write_text("\n".join(text) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def write_fred(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """Writes FRED's files, their text by series."""

    def write(files: Mapping[str, str]) -> Path:
        folder = tmp_path / "fred"
        folder.mkdir(exist_ok=True)
        for series, text in files.items():
            (folder / f"{series}.csv").write_text(text, encoding="utf-8")
        return folder

    return write
