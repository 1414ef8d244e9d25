"""Outside sources through ingest and features: on, failing, required, off."""

from typing import Any

import duckdb

COT = (
    "report_date_as_yyyy_mm_dd,cftc_contract_market_code,open_interest_all,"
    "noncomm_positions_long_all,noncomm_positions_short_all,noncomm_postions_spread_all,"
    "comm_positions_long_all,comm_positions_short_all,nonrept_positions_long_all,"
    "nonrept_positions_short_all\n"
    "2023-09-19,7601,1000,300,200,50,300,700,350,50\n"
    "2023-09-26,7601,1000,400,200,50,200,700,350,50\n"
)
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
