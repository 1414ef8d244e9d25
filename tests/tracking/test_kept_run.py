"""Whether a finished run is still in the store as it was."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from soyoil.tracking import active
from soyoil.tracking.active import ParentSpec
from soyoil.tracking.look.kept_run import kept_state
from soyoil.tracking.mlflow_store import open_client
from soyoil.tracking.record import RunRecord

MODELS = ["soyoil-zl-1m"]


def test_whatever_is_done_to_a_run_is_seen(
    spec: ParentSpec, make_record: Callable[..., RunRecord], tmp_path: Path
) -> None:
    def state() -> str | None:
        return kept_state(os.environ["MLFLOW_TRACKING_URI"], parent.run_id, MODELS)

    parent = active.start(spec)
    child = parent.log_child(make_record())
    assert state() is None  # it has not ended
    active.finish("FINISHED")
    client = open_client()
    whole = state()
    assert whole is not None
    assert state() == whole
    client.set_tag(parent.run_id, "note", "a reader's own")
    assert state() == whole

    seen: list[str | None] = [whole]
    client.log_metric(child, "late", 1.0)
    seen.append(state())
    client.create_registered_model(MODELS[0])
    place = tmp_path / "model"
    place.mkdir()
    client.create_model_version(MODELS[0], place.as_uri(), run_id=parent.run_id)
    seen.append(state())
    (place / "weights").write_text("x")
    seen.append(state())
    client.set_registered_model_alias(MODELS[0], "champion", "1")
    seen.append(state())
    client.log_text(parent.run_id, "x", "late.txt")
    seen.append(state())
    assert None not in seen
    assert len(set(seen)) == 6

    client.delete_run(child)
    assert state() is None
    client.restore_run(child)
    assert state() == seen[-1]
    client.delete_run(parent.run_id)
    assert state() is None


@pytest.mark.parametrize("uri", [None, "http://127.0.0.1:1", "sqlite:////nowhere/mlflow.db"])
def test_a_store_that_cannot_be_looked_at_tells_nothing(uri: str | None) -> None:
    assert kept_state(uri, "0" * 32, MODELS) is None
