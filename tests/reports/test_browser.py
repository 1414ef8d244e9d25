"""The report as a browser shows and prints it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from made_report import results

from soyoil.pipelines.grid import MODELS
from soyoil.reports.train.report import training_report
from soyoil.targets.horizons import HORIZONS

NAMES = (
    "chromium", "chromium-browser", "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)  # fmt: skip
BROWSER = next((found for found in map(shutil.which, NAMES) if found), "")
MOST_PAGES = 8

pytestmark = [
    pytest.mark.ci,
    pytest.mark.skipif(not BROWSER, reason="needs Chromium or Chrome"),
]


def browse(folder: Path, address: str, *options: str) -> str:
    done = subprocess.run(
        [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=15000",
            f"--user-data-dir={folder / 'profile'}", *options, address,
        ],
        capture_output=True, text=True, check=True, timeout=170,
    )  # fmt: skip
    return done.stdout


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of all horizons and models."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(training_report(results("synthetic", tuple(HORIZONS), MODELS)))
    return path


def test_a_print_has_few_pages(page: Path, tmp_path: Path) -> None:
    browse(tmp_path, page.as_uri(), f"--print-to-pdf={tmp_path / 'report.pdf'}")
    pages = re.findall(rb"/Type\s*/Page\b", (tmp_path / "report.pdf").read_bytes())
    assert 2 <= len(pages) <= MOST_PAGES


def drawn(dom: str, section: str) -> list[str]:
    """Whether each figure of a section was drawn."""
    own = dom.partition(f'<section id="{section}"')[2].partition("</section>")[0]
    plots = re.findall(r'<div class="plot(?: js-plotly-plot)?"[^>]*>', own)
    return ["yes" if 'data-drawn="yes"' in plot else "no" for plot in plots]


def test_what_is_folded_away_is_drawn_when_it_is_opened(page: Path, tmp_path: Path) -> None:
    dom = browse(tmp_path, page.as_uri(), "--dump-dom", "--window-size=390,800")
    assert drawn(dom, "forecast") == ["yes"]
    assert set(drawn(dom, "folds")) == {"no"}
    dom = browse(tmp_path, f"{page.as_uri()}#folds", "--dump-dom", "--window-size=390,800")
    assert set(drawn(dom, "folds")) == {"yes"}
    assert re.search(r'<details id="workshop"[^>]* open', dom), "a link to a section opens it"
