"""Pages that ask for nothing from anywhere and show what they were given."""

import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from made_report import DAYS, NASTY, predictions, results
from markupsafe import escape

from soyoil.compare.boards import Refusal, ScoredRun, TrackedRun, make_boards
from soyoil.compare.config import CompareConfig
from soyoil.compare.diff import run_diff
from soyoil.compare.scores import leaderboard
from soyoil.pipelines.evaluate import create_pipeline as create_evaluate
from soyoil.pipelines.fit import create_pipeline as create_fit
from soyoil.pipelines.report import create_pipeline as create_report
from soyoil.pipelines.split import create_pipeline as create_split
from soyoil.reports.compare.page import diff_page, leaderboard_page
from soyoil.reports.figures import thin
from soyoil.reports.page import Html, Page, Table
from soyoil.reports.train.origin import Origin, origin_text
from soyoil.reports.train.report import training_report
from soyoil.reports.train.sections import (
    health_section,
    missing_by_group,
    missing_by_year,
    significance_section,
    staleness,
)

SECTIONS = {
    "forecast": "What to expect",
    "trust": "Can it be trusted?",
}
FOLDED = {
    "tests": "Tests behind the verdicts",
    "champion": "Champion",
    "cones": "Price cones and outcomes",
    "coverage": "Coverage by regime",
    "folds": "Folds and purge gaps",
    "weights": "Weights and effective n",
    "importance": "Feature importance",
    "health": "Data health",
    "cost": "Cost",
}


class Reader(HTMLParser):
    """Elements, their attributes and visible text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.scripts: dict[str, str] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "img", "br", "wbr", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[self.tags[-1][1].get("id") or "code"] = data
        elif data.strip() and self.open[-1] != "style":
            self.text.append(data.strip())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def read(page: str) -> Reader:
    """Parse a page and check what holds for every one of them."""
    reader = Reader(page)
    assert reader.open == [], "every element is closed"
    for tag, attrs in reader.tags:
        for name in ("src", "href", "srcset", "data", "action", "poster", "xlink:href"):
            value = attrs.get(name)
            # A link to elsewhere asks for nothing until somebody follows it.
            near = value is None or value.startswith("#")
            assert near or (tag == "a" and value.startswith("http")), (tag, name, value)
        assert not any(name.startswith("on") for name in attrs), (tag, attrs)
    assert not reader.all("link")
    assert "url(" not in page.partition("</style>")[0]
    assert "@import" not in page.partition("</style>")[0]
    (policy,) = [m for m in reader.all("meta") if m.get("http-equiv")]
    assert (policy["content"] or "").startswith("default-src 'none'")
    assert [a["lang"] for a in reader.all("html")] == ["en"]
    assert len(reader.all("h1")) == 1
    ids = [attrs["id"] for _, attrs in reader.tags if attrs.get("id")]
    assert len(ids) == len(set(ids))
    for link in reader.all("a"):
        place = link["href"] or ""
        assert not place.startswith("#") or place[1:] in ids
    assert len(reader.all("caption")) == len(reader.all("table"))
    assert all(cell.get("scope") for cell in reader.all("th"))
    for plot in (a for a in reader.all("div") if a.get("class") == "plot"):
        assert plot["role"] == "img"
        assert plot["aria-label"]
        views = json.loads(reader.scripts[f"{plot['id']}-data"])
        assert all(view["data"] and view["layout"] for view in views)
    return reader


@pytest.fixture(scope="module")
def report() -> str:
    return training_report(results())


def test_report_has_every_section_and_asks_for_nothing(report: str) -> None:
    reader = read(report)
    assert [a["id"] for a in reader.all("section")] == [*SECTIONS, *FOLDED], "in this order"
    for name, heading in (SECTIONS | FOLDED).items():
        assert reader.text.count(heading) == 2, f"{name}: in the navigation and above the section"
    text = " ".join(reader.text)
    assert "Synthetic data: the market is invented" in text
    assert "Run train zl, 89ab Command kedro run" in " ".join(text.split())
    assert "skill of +0.1 % at 1w, +0.0 % at 1m" in text
    for shown in (
        "62.0",
        "38.0",
        "+1.2",
        "[-2.0, +4.0]",
        "no skill",
        "12.5",
        "321",
        "333",
        "66.6",
        "0.457",
        "3.5",
    ):
        assert shown in text
    plots = [a for a in reader.all("div") if a.get("class") == "plot"]
    assert (
        "By 9 October 2023, with 80 % probability between 45.24 and 55.26 US cents/lb; no" in text
    )
    # Forecast, skill card, weights of experts; cone, coverage, plan, weights per horizon; two
    # kinds of a tree, one of a network.
    assert len(plots) == 3 + 4 * 2 + 3


def test_the_workshop_is_folded_away_behind_the_answers(report: str) -> None:
    before, _, workshop = report.partition('<details id="workshop"')
    assert workshop
    assert all(f'<section id="{name}"' in before for name in SECTIONS)
    assert all(f'<section id="{name}"' in workshop for name in FOLDED)
    print_rules = report.partition("@media print")[2].partition("</style>")[0]
    assert ".workshop { display: none; }" in print_rules


def test_references_carry_a_badge_of_their_own(report: str) -> None:
    rows = re.findall(r"<tr><th scope=\"row\"[^>]*>(.*?)</th>(.*?)</tr>", report)
    shown = {
        (name.replace("<wbr>", ""), *found)
        for name, cells in rows
        for found in re.findall(r'class="badge (\w+)">([^<]+)<', cells)
    }
    for model in ("random_walk", "vol_cone"):
        assert {x[1:] for x in shown if x[0] == model} == {("reference", "reference")}
    assert ("lightgbm", "bad", "no skill") in shown
    (figure,) = [
        views
        for name, text in read(report).scripts.items()
        if name.endswith("-data")
        for views in json.loads(text)
        if "no skill" in [trace.get("name") for trace in views["data"]]
    ]
    of = {trace["name"]: trace["y"][1] for trace in figure["data"]}
    assert set(of["reference"]) == {"random_walk"}
    assert not set(of["no skill"]) & {"random_walk", "vol_cone"}


ORIGIN = Origin("0123abcd", f"train {NASTY}", "kedro run --pipelines=train", "http://h/#/runs/0123")


def test_the_run_its_command_and_its_page_in_mlflow_stand_on_the_page() -> None:
    page = Page("t", origin_text(ORIGIN)).render()
    assert NASTY not in page
    reader = read(page)
    text = " ".join(reader.text)
    for shown in ("0123abcd", "kedro run --pipelines=train", f"train {NASTY}"):
        assert shown in text
    assert ORIGIN.link in [a["href"] for a in reader.all("a")]
    wrong = replace(ORIGIN, link="javascript:alert(1)", made_again=True)
    again = origin_text(wrong)
    assert "javascript:" not in again
    assert "Made again from the results of" in again


def test_a_skill_table_without_tests_has_no_table_of_them() -> None:
    table = results().skill_table
    old = table.drop(columns=[c for c in table if "dm_p" in c or "detectable" in c])
    page = Page("t")
    significance_section(page, old)
    assert not page.sections
    significance_section(page, table)
    assert "Diebold-Mariano" in page.render()


def test_names_are_escaped_wherever_they_stand(report: str) -> None:
    assert NASTY not in report
    assert "alert('x')</script>" not in report
    reader = read(report)
    assert f"market_data.{NASTY}" in reader.text, "shown as it is"
    assert NASTY in reader.text
    assert any(
        NASTY in text.replace("<\\/", "</") or "alert('x')" in text
        for text in reader.scripts.values()
    )


def test_observed_data_carries_no_banner() -> None:
    assert "invented" not in " ".join(read(training_report(results("observed"))).text)


def test_scores_after_releases_are_shown_where_a_source_tells_of_them(report: str) -> None:
    assert 'id="events"' not in report
    found = results()
    since = pd.Series(np.arange(len(DAYS)) % 21, dtype="float64")
    matrix = found.snapshot.matrix.assign(**{"fundamentals.days_since_wasde": since})
    snapshot = replace(found.snapshot, matrix=matrix)
    text = " ".join(read(training_report(replace(found, snapshot=snapshot))).text)
    assert "champion by release and event" in text
    assert "First decision after WASDE" in text
    assert "5 sessions after that of WASDE" in text
    assert "Outside sources by year" not in text


def test_missing_values_of_outside_sources_are_shown_by_year() -> None:
    matrix = pd.DataFrame(
        {
            "data_date": pd.to_datetime(["2021-12-30", "2021-12-31", "2022-01-03"]).as_unit("us"),
            "market_data.x": np.nan,
            "macro.vix": [np.nan, 20.0, 21.0],
            "macro.cpi_yoy": [np.nan, np.nan, 0.1],
            "macro.rate_10y": np.nan,
            "positioning.a": np.nan,
        }
    )
    table = missing_by_year(matrix, list(matrix.columns[1:]))
    assert table.to_dict() == {"macro": {2021: 0.75, 2022: 0.0}}
    page = Page("health", Html(""))
    health_section(page, matrix, list(matrix.columns[1:]), pd.DataFrame())
    assert "Outside sources by year" in page.render()


def test_same_results_give_the_same_page(report: str) -> None:
    assert training_report(results()) == report


def test_lines_are_thinned_from_the_last_row() -> None:
    rows = pd.DataFrame({"x": range(1000)})
    kept = thin(rows, 300)["x"].tolist()
    assert kept == list(range(3, 1000, 4))
    assert thin(rows, 1000) is rows


def test_missing_and_stale_data_are_counted() -> None:
    matrix = pd.DataFrame(
        {
            "a.x": [1.0, np.nan, np.nan, 4.0],
            "a.y": [1.0, 2.0, 3.0, np.nan],
            "b.z": [np.nan] * 4,
            "cross_asset.staleness_days_CL": [0.0, 1.0, 5.0, 0.0],
            "cross_asset.staleness_days_NG": [np.nan] * 4,
        }
    )
    table = missing_by_group(matrix, ["a.x", "a.y", "b.z"]).set_index("group")
    assert table.loc["a"].to_dict() == {
        "features": 2, "empty": 0, "missing": 0.375, "missing_last": 0.5, "worst": "a.x",
        "worst_missing": 0.5,
    }  # fmt: skip
    assert (table.loc["b", "empty"], table.loc["b", "worst"]) == (1, "")
    assert staleness(matrix).to_dict("records") == [
        {"series": "CL", "stale": 0.5, "longest": 5.0, "last": 0.0}
    ]


def test_figures_keep_their_numbers() -> None:
    page = Page("t")
    figure = go.Figure(layout={"height": 200, "margin": {"t": 60}})
    figure.add_scatter(x=np.arange(3), y=np.array([1.23456789, np.nan, 3.0]), name="</script>")
    page.add("s", "S", page.figure([("one", figure), ("two", figure)], "c"))
    reader = read(page.render())
    views = json.loads(reader.scripts["figure-0-data"])
    assert len(views) == 2
    trace = views[0]["data"][0]
    assert (trace["x"], trace["y"], trace["name"]) == ([0, 1, 2], [1.23457, None, 3.0], "</script>")
    assert [o["value"] for o in reader.all("option")] == ["0", "1"]


def test_a_page_without_figures_carries_no_plotly() -> None:
    page = Page("t")
    page.add("s", "S", Table("c", ("a", "b"), [("g", [["x", 1]])]).render())
    text = page.render()
    assert len(text) < 20_000
    assert [a.get("scope") for a in read(text).all("th")] == ["col", "col", "rowgroup", "row"]
    assert html.unescape(escape(NASTY)) == NASTY
    assert not {*"<>\"'"} & {*escape(NASTY)}


def tracked(run_id: str, **tags: str) -> TrackedRun:
    given = {
        "symbol": "ZL", "horizon": "1w", "horizon_sessions": "5", "model": "lightgbm",
        "target": "target_1w_log_return", "provenance": "synthetic", "git_sha": "a",
        "git_dirty": "false",
    }  # fmt: skip
    started = pd.Timestamp("2026-01-01", tz="UTC")
    return TrackedRun(run_id, NASTY, "p", NASTY, started, given | tags, {"fit.seed": run_id})


def test_leaderboard_and_difference_pages() -> None:
    a = ScoredRun(tracked("aaaaaaaa"), predictions(0.0))
    b = ScoredRun(tracked("bbbbbbbb", model=NASTY, git_sha=NASTY), predictions(0.01))
    boards, _ = make_boards([a, b], CompareConfig())
    table = leaderboard(boards, "pinball")
    refused = [Refusal(tracked("cccccccc"), f"too few {NASTY}")]
    page = leaderboard_page(boards, table, refused, "pinball", "model lightgbm")
    reader = read(page)
    text = " ".join(reader.text)
    assert NASTY not in page
    assert [a["id"] for a in reader.all("section")] == ["board-1", "refused"]
    for shown in (
        "aaaaaaa",
        boards[0].scored_rows_hash[:12],
        "700 common rows",
        f"too few {NASTY}",
    ):
        assert shown in text
    diff = run_diff(a, b)
    page = diff_page([diff])
    assert NASTY not in page
    text = " ".join(read(page).text)
    for shown in (diff.conclusion, "fit.seed", "git_sha", "Identical:"):
        assert shown in text


def test_report_ends_training_and_a_filtered_run_skips_it() -> None:
    report = create_report()
    (node,) = report.nodes
    assert not node.tags, "a node across horizons carries no tag"
    made = (create_fit() + create_split() + create_evaluate()).all_outputs()
    made |= {"quarantine", "tracked_run"}
    assert {name for name in report.inputs() if not name.startswith("params:")} <= made
    assert report.outputs() == {"report"}
