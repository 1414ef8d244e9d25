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


@pytest.mark.ci
@pytest.mark.timeout(900)
def test_the_same_results_from_both_warehouses(
    project: Any, shared_project: Any, bigquery_server: Any
) -> None:
    """Snapshot, forecasts, ledger and scores are equal to the bit; a second run writes nothing.

    After the split no request is made: the warehouse then stands at a port that counts calls.
    """
    settings = project.root / "conf" / "bigquery" / "globals.yml"
    set_connection(
        settings,
        project=bigquery_server.project,
        endpoint=bigquery_server.endpoint,
        storage_endpoint=bigquery_server.storage_endpoint,
        dataset_prefix="env_<source_kind>_",
    )
    snapshots = {}
    for env, root in (("bigquery", project), ("base", shared_project)):
        chosen = ["--env=bigquery"] if env == "bigquery" else []
        done = root.run_many({s: [f"--pipeline={s}", PARAMS, *chosen] for s in STAGES})
        assert [code for code, _ in done.values()] == [0] * len(STAGES), done
        current = root.root / "data" / "05_model_input" / "snapshots" / "current.json"
        snapshots[env] = json.loads(current.read_text())
    assert snapshots["bigquery"] == snapshots["base"]
    rows = [
        pd.read_parquet(root.root / "data" / "07_model_output" / "forecast.parquet")
        for root in (project, shared_project)
    ]
    assert len(rows[0]) == 5
    pd.testing.assert_frame_equal(*rows, check_exact=True)
    assert not (project.root / "data" / "warehouse").exists()
    again = project.run("--env=bigquery", "--pipeline=forecast", params=(PARAMS.split("=", 1)[1],))
    assert again.returncode == 0, again.stdout + again.stderr
    assert "features.daily_ml_matrix: 0 inserted, 0 updated, 0 deleted" in (
        again.stdout + again.stderr
    )
    text = " ".join((again.stdout + again.stderr).split())
    assert "forecasts.zl_predictions: 0 inserted, 0 updated, 0 deleted" in text
    assert "this one among them, bit by bit" in text
    with refusing_port() as (address, calls):
        set_connection(settings, endpoint=f"http://{address}", storage_endpoint=address)
        for root, chosen in ((project, ["--env=bigquery"]), (shared_project, [])):
            done = root.run("--pipelines=fit,evaluate", "--tags=1w", *chosen)
            assert done.returncode == 0, done.stdout + done.stderr
        assert calls == []
        # The port would have noticed: a stage that reads the warehouse calls it, and fails.
        set_connection(settings, timeout_s="2")
        assert project.run("--env=bigquery", "--pipeline=split").returncode != 0
        assert calls
    for model in ("vol_cone", "lightgbm", "xgboost", "tft"):
        found = []
        for root in (project, shared_project):
            data = root.root / "data"
            forecasts = data / "07_model_output" / "1w" / model / "predictions.parquet"
            scores = json.loads((data / "08_reporting" / "1w" / model / "scores.json").read_text())
            scores.pop("seconds")
            # It is a hash over the scores, those seconds among them.
            scores["made_from"].pop("content")
            found.append((pd.read_parquet(forecasts), scores))
        pd.testing.assert_frame_equal(found[0][0], found[1][0], check_exact=True)
        assert found[0][1] == found[1][1]
