"""Outside sources through ingest and features: on, failing, required, off."""

from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
import yaml

from soyoil.base.errors import ConfigError
from soyoil.params import check_parameters

COT = (
    "report_date_as_yyyy_mm_dd,cftc_contract_market_code,open_interest_all,"
    "noncomm_positions_long_all,noncomm_positions_short_all,noncomm_postions_spread_all,"
    "comm_positions_long_all,comm_positions_short_all,nonrept_positions_long_all,"
    "nonrept_positions_short_all\n"
    "2023-09-19,7601,1000,300,200,50,300,700,350,50\n"
    "2023-09-26,7601,1000,400,200,50,200,700,350,50\n"
)
TWINS = {name: {"origin": "synthetic"} for name in ("cftc", "usda")}
NET = "SELECT positioning.noncommercial_net_share AS net FROM features.daily_ml_matrix"


def answers(project: Any, sql: str) -> list[tuple[object, ...]]:
    (file,) = (project.root / "data" / "warehouse").glob("*.duckdb")
    with duckdb.connect(file, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def made_tables(project: Any) -> list[tuple[object, ...]]:
    """Tables of the warehouse; none where there is no warehouse either."""
    if not list((project.root / "data" / "warehouse").glob("*.duckdb")):
        return []
    return answers(project, "SELECT table_name FROM information_schema.tables")


@pytest.mark.ci
def test_sources_are_used_where_they_are_on_and_missed_where_they_fail(project: Any) -> None:
    path = project.root / "cot.csv"
    path.write_text(COT, encoding="utf-8")
    base = "source.symbols=ZL"
    on = f"{base},external.cftc.path={path}"
    gone = f"{base},external.cftc.path={project.root / 'gone.csv'}"
    # Another root as well, whose bars can be read.
    required = f"source.symbols=ZL+ZS,external.cftc.path={path}.gone,external.cftc.required=true"
    done = project.run("--pipeline=ingest", params=[required])
    assert done.returncode == 1
    assert "cot.csv.gone is not there" in " ".join(done.stderr.split())
    assert made_tables(project) == []
    found = project.run_many(
        {
            "on": ["--pipeline=ingest", f"--params={on}"],
            "regimes": ["--pipeline=regimes", f"--params={base}"],
            "features": ["--pipeline=features", f"--params={on}"],
            "off": ["--pipeline=split", f"--params={base}", "--nodes=split.make_snapshot"],
            "failing": ["--pipeline=ingest", f"--params={gone}"],
            "required": ["--pipeline=ingest", f"--params={required}"],
            "unknown": ["--pipeline=ingest", f"--params={base},external.cftk.path=x"],
        }
    )
    text = {name: " ".join(output.split()) for name, (_, output) in found.items()}
    assert {name for name, (code, _) in found.items() if code} == {"off", "required", "unknown"}
    assert "external.cftc: 2 rows read, 2 new" in text["on"]
    assert "made with the outside sources cftc, this run has none" in text["off"]
    assert "external.cftc is left out" in text["failing"]
    assert "cot.csv.gone is not there" in text["required"]
    symbols = "SELECT DISTINCT symbol FROM market_data.soyoil_futures_sessions"
    assert answers(project, symbols) == [("ZL",)]
    assert "external.cftc" in text["unknown"]
    rows = answers(
        project, f"{NET} WHERE data_date BETWEEN '2023-09-28' AND '2023-10-03' ORDER BY ALL"
    )
    assert [round(float(str(net)), 3) for (net,) in rows] == [0.1, 0.1, 0.2, 0.2]
    tables = answers(project, "SELECT table_name FROM information_schema.tables")
    assert ("cftc_positioning",) in tables
    assert ("fred_economic",) not in tables


@pytest.mark.slow
def test_twins_belong_to_the_synthetic_market_and_to_what_is_planted(project: Any) -> None:
    base = "source.symbols=ZL"
    twin = f"{base},external.cftc.origin=synthetic,external.usda.origin=synthetic"
    planted = f"{twin},external.planted.source=cftc,external.planted.strength=0.6"
    few = f"{planted},features.groups=market_data+positioning"
    snapshot = "--nodes=split.make_snapshot"
    found = project.run_many(
        {
            "ingest": ["--pipeline=ingest", f"--params={few}"],
            "regimes": ["--pipeline=regimes", f"--params={base}"],
            "features": ["--pipeline=features", f"--params={few}"],
            "plain": ["--pipeline=split", f"--params={twin}", snapshot],
            "all": ["--pipeline=split", f"--params={planted}", snapshot],
            "split": ["--pipeline=split", f"--params={few}", snapshot],
        }
    )
    text = {name: " ".join(output.split()) for name, (_, output) in found.items()}
    failed = {name for name, (code, _) in found.items() if code}
    assert failed == {"plain", "all"}, text
    assert "rows of its twin" in text["ingest"]
    assert "cftc(synthetic, planted 0.6)+usda(synthetic)" in text["plain"]
    assert "it has the groups market_data+positioning of features, this run has all" in text["all"]
    counts = answers(
        project,
        "SELECT count(positioning.noncommercial_net_share) > 2000, "
        "count(fundamentals.oil_stocks_to_use), count(pivots.P) FROM features.daily_ml_matrix",
    )
    assert counts == [(True, 0, 0)]
    assert answers(
        project, "SELECT DISTINCT provenance FROM raw_intelligence.cftc_positioning"
    ) == [("synthetic",)]
    coverage = pd.read_csv(project.root / "data" / "08_reporting" / "feature_coverage.csv")
    net = coverage[coverage["feature"] == "positioning.noncommercial_net_share"]
    assert net["source"].unique().tolist() == ["cftc"]
    share = net.set_index("year")["share_missing"]
    # The shutdowns of 2013, 2018-19 and 2025 and the outage of 2023 hold reports back.
    assert set(share.index[share > 0]) == {2013, 2019, 2023, 2025}
    assert share.max() < 0.25
    assert set(coverage.loc[coverage["group"] == "pivots", "share_missing"]) == {1.0}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"external": TWINS, "source": {"kind": "warehouse"}},
            "external.cftc.origin=synthetic, external.usda.origin=synthetic.*source.kind=warehouse",
        ),
        (
            {"features": {"groups": "market_data+pivots"}, "fit": {"feature_groups": "macro"}},
            "fit.feature_groups names the groups macro, which features.groups leaves out",
        ),
        ({"features": {"groups": "market_data+pivot"}}, "Did you mean 'pivots'"),
        (
            {"features": {"groups": "market_data"}, "tft": {"features": ["pivots.distance"]}},
            "Unknown column",
        ),
        (
            {
                "features": {"groups": "market_data"},
                "tft": {"features": ["pivots.distance_to_nearest_pivot_atr"]},
            },
            "tft.features names the groups pivots",
        ),
        ({"external": {"planted": {"source": "cftc"}}}, "needs cftc.origin=synthetic"),
    ],
)
def test_what_does_not_go_together_is_refused_before_any_node(
    project_root: Path, changes: dict[str, dict[str, Any]], words: str
) -> None:
    raw: dict[str, Any] = {}
    for path in sorted((project_root / "conf/base").glob("parameters*.yml")):
        raw |= yaml.safe_load(path.read_text(encoding="utf-8"))
    raw["source"] = {**raw["source"], "kind": "synthetic"}
    check_parameters(raw)
    for name, values in changes.items():
        raw[name] = {**raw[name], **values}
    with pytest.raises(ConfigError, match=words):
        check_parameters(raw)
