"""Where a project keeps what is to be kept."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LEDGERS: Final = ("09_sweeps/trials.jsonl", "07_model_output/ablation/ablation.jsonl")
"""Books of trials in the data folder: no line of them is ever removed."""
SNAPSHOTS: Final = "05_model_input/snapshots"
PANEL: Final = "07_model_output/panel"
MODELS: Final = "06_models"
FOLDERS: Final = (
    "05_model_input", "06_models", "07_model_output", "08_reporting", "09_sweeps",
)  # fmt: skip
"""Folders of the data folder that stages write."""


@dataclass(frozen=True)
class WarehouseFile:
    """A DuckDB file of the warehouse.

    Attributes
    ----------
    kind
        Kind of the source whose rows it holds.
    path
        The file, absolute; it need not be there.
    hold
        Holds off writers of the file, or of a copy of it, while it is entered.
    """

    kind: str
    path: Path
    hold: Callable[[Path], AbstractContextManager[None]]


@dataclass(frozen=True)
class Places:
    """Where a project keeps what is to be kept.

    Attributes
    ----------
    root
        Root of the project.
    data
        Data folder.
    warehouse
        DuckDB files of the warehouse; empty where it is BigQuery.
    store
        SQLite file of the tracking store; None where that is a server.
    artifacts
        Folder of the artifacts of tracked runs.
    elsewhere
        What is kept by others, in words.
    """

    root: Path
    data: Path
    warehouse: tuple[WarehouseFile, ...]
    store: Path | None
    artifacts: Path
    elsewhere: tuple[str, ...] = ()
