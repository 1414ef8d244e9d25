"""``--env=bigquery`` does what the embedded default does."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

PARAMS = "--params=source.symbols=ZL,split.first_origin=2023-01-03"
STAGES = ("ingest", "regimes", "features", "split")


@pytest.mark.ci
def test_the_same_snapshot_from_both_warehouses(
    project: Any, shared_project: Any, bigquery_server: Any
) -> None:
    """Rows, their order and types are equal to the bit; a second run writes nothing."""
    settings = project.root / "conf" / "bigquery" / "globals.yml"
    raw = yaml.safe_load(settings.read_text())
    raw["warehouse"] |= {
        "project": bigquery_server.project,
        "endpoint": bigquery_server.endpoint,
        "storage_endpoint": bigquery_server.storage_endpoint,
        "dataset_prefix": "env_<source_kind>_",
    }
    settings.write_text(yaml.safe_dump(raw))
    snapshots = {}
    for env, root in (("bigquery", project), ("base", shared_project)):
        chosen = ["--env=bigquery"] if env == "bigquery" else []
        done = root.run_many({s: [f"--pipeline={s}", PARAMS, *chosen] for s in STAGES})
        assert [code for code, _ in done.values()] == [0] * len(STAGES), done
        current = root.root / "data" / "05_model_input" / "snapshots" / "current.json"
        snapshots[env] = json.loads(current.read_text())
    assert snapshots["bigquery"] == snapshots["base"]
    assert not (project.root / "data" / "warehouse").exists()
    again = project.run("--env=bigquery", "--pipeline=features", params=(PARAMS.split("=", 1)[1],))
    assert again.returncode == 0, again.stdout + again.stderr
    assert "features.daily_ml_matrix: 0 inserted, 0 updated, 0 deleted" in (
        again.stdout + again.stderr
    )
