"""The snapshot behind a run as a data set in MLflow."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from soyoil.splits.snapshot import Snapshot

if TYPE_CHECKING:
    from mlflow import MlflowClient

CONTEXT_TAG: Final = "mlflow.data.context"
DIGEST: Final = 16
"""Characters of the content hash: as many as name a snapshot's folder."""


@dataclass(frozen=True)
class DatasetUse:
    """A snapshot as MLflow lists data sets.

    Attributes
    ----------
    name
        What it is, for people.
    digest
        Beginning of its content hash, the name of its folder.
    schema, profile
        JSON as MLflow's pages read it: columns with their types; numbers of rows and dates.
    """

    name: str
    digest: str
    schema: str
    profile: str


def dataset_use(snapshot: Snapshot) -> DatasetUse:
    """A snapshot as MLflow lists data sets."""
    matrix = snapshot.matrix
    first, last = (f"{matrix['data_date'].iloc[i]:%Y-%m-%d}" for i in (0, -1))
    columns = [{"name": str(name), "type": str(kind)} for name, kind in matrix.dtypes.items()]
    profile = {"num_rows": len(matrix), "num_elements": matrix.size, "first": first, "last": last}
    return DatasetUse(
        name=f"{snapshot.symbol.lower()} {snapshot.data_text}, to {last}",
        digest=snapshot.content_hash[:DIGEST],
        schema=json.dumps({"mlflow_colspec": columns}),
        profile=json.dumps(profile),
    )


def log_dataset(client: MlflowClient, run_id: str, use: DatasetUse) -> None:
    """List a snapshot among the inputs of a run."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    # Relative to the data folder: what is absolute tells of one machine.
    source: dict[str, Any] = {"uri": f"05_model_input/snapshots/{use.digest}"}
    dataset = Dataset(
        use.name, use.digest, "local", json.dumps(source), schema=use.schema, profile=use.profile
    )
    # A run scores and fits on the same snapshot.
    entry = DatasetInput(dataset, [InputTag(CONTEXT_TAG, "train and score")])
    client.log_inputs(run_id, [entry])
