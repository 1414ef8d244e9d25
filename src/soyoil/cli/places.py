"""What the commands that keep a project in order share: its context, and where it keeps things."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kedro.framework.context import KedroContext
from kedro.framework.session import KedroSession

from soyoil.base.data_folder import data_folder
from soyoil.base.redact import redact
from soyoil.datasets.inspection import InspectorDataset
from soyoil.params import Sections, check_parameters
from soyoil.tracking.environment import STORE_VARIABLE
from soyoil.tracking.mlflow_store import artifacts_folder
from soyoil.tracking.store_access import sqlite_path
from soyoil.upkeep.places import Places

INSPECTOR: Final = "warehouse_inspector"
"""Dataset of the catalog that knows the connection of the warehouse."""


@dataclass(frozen=True)
class Opened:
    """A project whose configuration is right.

    Attributes
    ----------
    parameters
        Checked.
    warehouse
        What opens the warehouse.
    places
        Where the project keeps things.
    tracking
        Address of the tracking store.
    """

    parameters: Sections
    warehouse: InspectorDataset
    places: Places
    tracking: str


@contextmanager
def opened(options: dict[str, Any]) -> Iterator[Opened]:
    """The project of the working directory, with the options of ``kedro run``."""
    session = KedroSession.create(
        env=options["env"], conf_source=options["conf_source"], runtime_params=options["params"]
    )
    with session:
        yield look_into(session.load_context())


def look_into(context: KedroContext) -> Opened:
    """Parameters and places of a context.

    Raises
    ------
    ConfigError
        A parameter, the catalog or the connection is wrong.
    """
    parameters = check_parameters(context.config_loader["parameters"])
    dataset: Any = context.catalog.get(INSPECTOR)
    warehouse: InspectorDataset = dataset
    tracking = os.environ[STORE_VARIABLE]
    return Opened(
        parameters, warehouse, _places(context.project_path, warehouse, tracking), tracking
    )


def _places(root: Path, warehouse: InspectorDataset, tracking: str) -> Places:
    store, files = sqlite_path(tracking), warehouse.files()
    elsewhere = []
    if not files:
        elsewhere.append(
            f"warehouse {warehouse.place}: its tables stay in BigQuery, which keeps earlier states "
            "of them for seven days (time travel)"
        )
    if store is None:
        elsewhere.append(f"tracking store {redact(tracking)}: runs and models stay on that server")
    artifacts = artifacts_folder(root)
    return Places(root, data_folder(root), files, store, artifacts, tuple(elsewhere))
