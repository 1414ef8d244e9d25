"""The panel in the terminal and as a page."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from panel_market import RULES, market
from rich.console import Console

from soyoil.market.rolls import ROLLS_UNKNOWN
from soyoil.panel.result import PanelResult, make_panel
from soyoil.reports.panel.page import panel_page
from soyoil.reports.panel.terminal import figure, panel_view

SYMBOLS = ("ZL", "6E", "ES", "NG", "MES")


@pytest.fixture(scope="module")
def result() -> PanelResult:
    """A sound root, one that is left out, a flat one, a short one, and one without hours."""
    frame = market("planted", SYMBOLS, n=1100)
    flat = frame["symbol"] == "ES"
    frame["roll_free_return"] = frame["roll_free_return"].mask(flat, 0.0)
    frame.loc[frame["symbol"] == "MES", "realized_vol_1h"] = np.nan
    short = (frame["symbol"] == "NG") & (frame["data_date"] < "2013-06-01")
    return make_panel(frame[~short], SYMBOLS, ("6E",), RULES)


def shown(result: PanelResult, width: int = 80) -> list[str]:
    console = Console(width=width, force_terminal=False)
    with console.capture() as capture:
        console.print(panel_view(result))
    return capture.get().splitlines()


def test_the_terminal_shows_every_root_in_80_columns(result: PanelResult) -> None:
    lines = shown(result)
    assert max(map(len, lines)) <= 80
    text = "\n".join(line.rstrip() for line in lines)
    assert re.search(r"^ZL +\+\d\.\d\d[* ] +\d\d ", text, re.M)
    assert re.search(r"^\(6E\) +\+\d", text, re.M)
    assert re.search(r"^ES( +flat){5}$", text, re.M)
    assert re.search(r"^NG( +short){5}$", text, re.M)
    assert re.search(r"^above 0 +1/2 ", text, re.M)
    joined = " ".join(text.split())
    assert "Not scored, too short: NG (1w 1m 3m 6m 12m)." in joined
    assert "Not scored, flat price: ES (1w 1m 3m 6m 12m)." in joined
    assert "Shown in brackets, not counted: 6E." in joined
    assert "the champion is the vol cone: MES." in joined
    assert "The data are synthetic: invented, it says nothing about a market." in joined
    assert "FAIL: the panel does not show that champion beats vol_cone: " in joined


def test_large_figures_and_missing_ones_fit_too(result: PanelResult) -> None:
    means = result.means.assign(
        skill_pinball=-0.5, skill_pinball_low=-12.3, skill_pinball_high=9.87, worst_skill=np.nan
    )
    assert max(map(len, shown(replace(result, means=means)))) <= 80


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0105, "+1.05"), (-0.00001, "-0.00"), (0.0999, "+9.99"), (0.1, "+10.0"),
     (float("nan"), "n/a")],
)  # fmt: skip
def test_figures(value: float, text: str) -> None:
    assert figure(value) == text


class _Texts(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.cells: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [v or "" for k, v in attrs if k in ("src", "href", "action")]

    def handle_data(self, data: str) -> None:
        self.cells += [data.strip()] if data.strip() else []


def test_the_page_asks_for_nothing_and_shows_every_root(result: PanelResult) -> None:
    page = panel_page(result)
    found = _Texts(page)
    assert all(link.startswith("#") for link in found.links)
    assert "default-src 'none'" in page
    assert page.count("<caption>") == page.count("<table>")
    for text in ("FAIL", "(6E)", "flat", "short", "holds", "fails", "Coverage", "Verdict"):
        assert text in found.cells, text
    assert "The data are synthetic: an invented market." in found.cells
    views = re.search(r'id="figure-0-data">(.*?)</script>', page)
    assert views is not None
    assert views[1].count('"layout"') == 5


def test_a_panel_without_a_scored_root_is_shown_too() -> None:
    result = make_panel(market("null", ("ZL",), n=30), ("ZL",), (), RULES)
    text = " ".join(" ".join(shown(result)).split())
    assert "origins none" in text
    assert "no root could be scored at 1w" in text
    assert "n/a" in panel_page(result)
    assert pd.isna(result.means["skill_pinball"]).all()


def test_roots_with_unknown_rolls_are_named(result: PanelResult) -> None:
    told = replace(result, rolls_unknown=("ES", "ZL"))
    assert f"ES, ZL: {ROLLS_UNKNOWN}" in " ".join(" ".join(shown(told)).split())
    assert f"ES, ZL: {ROLLS_UNKNOWN}" in panel_page(told)
    assert ROLLS_UNKNOWN not in panel_page(result)
    frame = market("null", ("ZL", "ES"), n=1100)
    frame.loc[frame["symbol"] == "ES", "rolls"] = "unknown"
    assert make_panel(frame, ("ZL", "ES"), (), RULES).rolls_unknown == ("ES",)
