"""``--env=bigquery`` does what the embedded default does."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

PARAMS = "--params=source.symbols=ZL,split.first_origin=2023-01-03"
ENVIRONMENTS: dict[str, list[str]] = {"bigquery": ["--env=bigquery"], "base": []}
SETTINGS = Path("conf") / "bigquery" / "globals.yml"
STAGES = ("ingest", "regimes", "features", "split", "forecast")


@contextmanager
def refusing_port() -> Iterator[tuple[str, list[Any]]]:
    """Address of a port that hangs up on whoever calls, and the calls so far."""
    calls: list[Any] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            while True:
                try:
                    connection, caller = listener.accept()
                except OSError:
                    return
                calls.append(caller)
                connection.close()

        threading.Thread(target=answer, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}", calls


def set_connection(settings: Path, **changes: str) -> None:
    """Change the warehouse of an environment."""
    raw = yaml.safe_load(settings.read_text())
    raw["warehouse"] |= changes
    settings.write_text(yaml.safe_dump(raw))


@pytest.fixture(scope="module")
def roots(second_project: Any, shared_project: Any, bigquery_server: Any) -> dict[str, Any]:
    """Two projects after the stages that use the warehouse, by their environment."""
    set_connection(
        second_project.root / SETTINGS,
        project=bigquery_server.project,
        endpoint=bigquery_server.endpoint,
        storage_endpoint=bigquery_server.storage_endpoint,
        dataset_prefix="env_<source_kind>_",
    )
    found = {"bigquery": second_project, "base": shared_project}
    for env, root in found.items():
        chosen = ENVIRONMENTS[env]
        done = root.run_many({s: [f"--pipeline={s}", PARAMS, *chosen] for s in STAGES})
        assert [code for code, _ in done.values()] == [0] * len(STAGES), done
    return found


@pytest.mark.ci
@pytest.mark.timeout(900)
def test_the_same_snapshot_and_forecast_from_both_warehouses(roots: dict[str, Any]) -> None:
    """They are equal to the bit, and a second run writes nothing."""
    data = {env: root.root / "data" for env, root in roots.items()}
    snapshots, rows = {}, {}
    for env, folder in data.items():
        current = folder / "05_model_input" / "snapshots" / "current.json"
        snapshots[env] = json.loads(current.read_text())
        rows[env] = pd.read_parquet(folder / "07_model_output" / "forecast.parquet")
    assert snapshots["bigquery"] == snapshots["base"]
    assert len(rows["base"]) == 5
    pd.testing.assert_frame_equal(rows["bigquery"], rows["base"], check_exact=True)
    assert not (data["bigquery"] / "warehouse").exists()
    params = (PARAMS.split("=", 1)[1],)
    again = roots["bigquery"].run("--env=bigquery", "--pipeline=forecast", params=params)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "features.daily_ml_matrix: 0 inserted, 0 updated, 0 deleted" in (
        again.stdout + again.stderr
    )
    text = " ".join((again.stdout + again.stderr).split())
    assert "forecasts.zl_predictions: 0 inserted, 0 updated, 0 deleted" in text
    assert "this one among them, bit by bit" in text


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_fits_and_scores_are_the_same_and_ask_no_warehouse(roots: dict[str, Any]) -> None:
    """After the split the warehouse stands at a port that counts calls, and there are none."""
    project = roots["bigquery"]
    settings = project.root / SETTINGS
    with refusing_port() as (address, calls):
        set_connection(settings, endpoint=f"http://{address}", storage_endpoint=address)
        for env, root in roots.items():
            done = root.run("--pipelines=fit,evaluate", "--tags=1w", *ENVIRONMENTS[env])
            assert done.returncode == 0, done.stdout + done.stderr
        assert calls == []
        # The port would have noticed: a stage that reads the warehouse calls it, and fails.
        set_connection(settings, timeout_s="2")
        assert project.run("--env=bigquery", "--pipeline=split").returncode != 0
        assert calls
    for model in ("vol_cone", "lightgbm", "xgboost", "tft"):
        found = []
        for root in roots.values():
            data = root.root / "data"
            forecasts = data / "07_model_output" / "1w" / model / "predictions.parquet"
            scores = json.loads((data / "08_reporting" / "1w" / model / "scores.json").read_text())
            scores.pop("seconds")
            # It is a hash over the scores, those seconds among them.
            scores["made_from"].pop("content")
            found.append((pd.read_parquet(forecasts), scores))
        pd.testing.assert_frame_equal(found[0][0], found[1][0], check_exact=True)
        assert found[0][1] == found[1][1]
