"""The report as a browser shows and prints it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from made_report import results

from browser import NEEDS_BROWSER, browse
from soyoil.pipelines.grid import MODELS
from soyoil.reports.train.report import training_report
from soyoil.targets.horizons import HORIZONS

MOST_PAGES = 8

pytestmark = [pytest.mark.ci, NEEDS_BROWSER]


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


def seen(address: str, folder: Path, section: str) -> str:
    """The page once a section was drawn, or at the end of the longest wait: machines are busy."""
    dom = ""
    for budget_ms in (15_000, 60_000, 240_000):
        options = ("--dump-dom", "--window-size=390,800")
        dom = browse(folder, address, *options, budget_ms=budget_ms)
        if set(drawn(dom, section)) == {"yes"}:
            break
    return dom


def test_what_is_folded_away_is_drawn_when_it_is_opened(page: Path, tmp_path: Path) -> None:
    dom = seen(page.as_uri(), tmp_path, "forecast")
    assert drawn(dom, "forecast") == ["yes"]
    assert set(drawn(dom, "folds")) == {"no"}
    dom = seen(f"{page.as_uri()}#folds", tmp_path, "folds")
    assert set(drawn(dom, "folds")) == {"yes"}
    assert re.search(r'<details id="workshop"[^>]* open', dom), "a link to a section opens it"
