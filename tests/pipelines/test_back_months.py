"""Back months all the way: pulled by contract, ingested, and carry in the matrix."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

import vendor_server
from dbn_files import bar, encode
from soyoil.pipelines.ingest.pipeline import create_pipeline
from soyoil.sources.databento.download import client

PULL = """
import sys
from pathlib import Path
from kedro.framework.startup import bootstrap_project

bootstrap_project(Path.cwd())
import vendor_server
from soyoil.cli.download import download
from soyoil.sources.databento.download import client

client.connect = vendor_server.client_of(sys.argv[1])
download(sys.argv[2:])
"""
ROWS = (
    "SELECT contract, event_time::DATE::VARCHAR AS day, price FROM "
    "market_data.futures_curve_daily ORDER BY ALL"
)
CARRY = (
    "SELECT data_date::VARCHAR AS day, curve.carry_3m, curve.months_3m, curve.carry_12m, "
    "curve.months_12m, curve.log_price_3m FROM features.daily_ml_matrix "
    "WHERE symbol = 'ZL' ORDER BY data_date"
)


def answers(root: Path, sql: str) -> pd.DataFrame:
    (file,) = (root / "data" / "warehouse").glob("*.duckdb")
    with duckdb.connect(file, read_only=True) as connection:
        return connection.execute(sql).df()


def test_contracts_are_pulled_before_they_are_read() -> None:
    names = [node.name for node in create_pipeline().nodes]
    assert names.index("ingest.read_source") < names.index("ingest.read_external")


@pytest.mark.ci
def test_from_a_pull_to_carry(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bars = project.root / "bars"
    own = f"source.kind=databento,source.path={bars},source.symbols=ZL"
    pull = f"--params={own},source.download.kind=both,source.download.start=2024-01-01"
    monkeypatch.setenv(client.KEY, vendor_server.KEY)
    helpers = str(Path(vendor_server.__file__).parent)
    path = os.pathsep.join(filter(None, [helpers, os.environ.get("PYTHONPATH")]))
    monkeypatch.setenv("PYTHONPATH", path)
    with vendor_server.serving(vendor_server.Vendor(bar, encode)) as vendor:
        dry, done, again = (
            project.execute(["-c", PULL, vendor.url, pull, *options])
            for options in (["--dry-run"], [], [])
        )
        assert len(vendor.paid) == 4
    assert (dry.returncode, done.returncode, again.returncode) == (0, 0, 0), done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in dry.stdout.splitlines()] == ["roots", "ZL", "ZL.FUT", "in"]
    assert lines[:4] == dry.stdout.splitlines()
    assert lines[-1] == again.stdout.splitlines()[-1]
    given = lines[-1].rpartition("--params=")[2]
    assert given == f"external.curve.path={bars}-contracts"
    params = f"{own},{given}"
    commands = {
        name: [f"--pipeline={name}", f"--params={params}"]
        for name in ("ingest", "regimes", "features")
    }
    loaded_again = {"again": [*commands["ingest"], "--force"]}
    wrong = params.replace(given, f"external.curve.path={bars}")
    ran = project.run_many(
        commands | loaded_again | {"wrong": ["--pipeline=ingest", f"--params={wrong}"]}
    )
    assert [code for code, _ in ran.values()] == [0] * 5, ran
    text = {name: " ".join(output.split()) for name, (_, output) in ran.items()}
    assert "external.curve: 406 rows read, 406 new" in text["ingest"]
    assert "external.curve: 406 rows read, 0 new" in text["again"]
    assert "external.curve is left out" in text["wrong"]
    assert "front months, which belong in the folder of source.path" in text["wrong"]

    curve = answers(project.root, ROWS)
    assert len(curve) == 9 * (23 + 21) + 10
    # The vendor has prices on New Year's Day, on which the exchange holds no session.
    assert tuple(curve.iloc[0]) == ("ZLF2024", "2024-01-01", 47.827)
    matrix = answers(project.root, CARRY).set_index("day")
    # The last bar of a session is that of 17:00 UTC, so its row is decided before the scheduled
    # close, and has the curve of the session before.
    assert matrix.iloc[1:].notna().all().all()
    price = curve[curve["day"] == "2024-01-23"].set_index("contract")["price"]
    day = matrix.loc["2024-01-24"]
    assert day["months_12m"] == 12
    assert day["carry_12m"] == pytest.approx(np.log(price["ZLH2024"] / price["ZLH2025"]))
    assert day["months_3m"] == 2
    assert day["carry_3m"] == pytest.approx(6 * np.log(price["ZLH2024"] / price["ZLK2024"]))
