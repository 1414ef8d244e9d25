"""Node of the export."""

from __future__ import annotations

from typing import Any, Final

from soyoil import __version__
from soyoil.export.config import ExportConfig
from soyoil.export.files import Export, HorizonFrames, export_files
from soyoil.pipelines.origins import SplitFrames
from soyoil.splits.snapshot import Snapshot
from soyoil.targets.horizons import HORIZONS

TABLES: Final = ("labels", "split_plan", "sample_weights")


def make_export(snapshot: Snapshot, export: ExportConfig, **frames: Any) -> Export:
    """Files of a snapshot and its horizons.

    Parameters
    ----------
    **frames
        Frames of `TABLES` by ``<horizon>.<table>``.

    Raises
    ------
    HandoverError
        A frame belongs to another snapshot.
    """
    found = {}
    for name in export.horizons:
        labels, plan, weights = (frames[f"{name}.{table}"] for table in TABLES)
        SplitFrames(snapshot, labels, plan, weights).check(HORIZONS[name], {})
        found[name] = HorizonFrames(labels, plan, weights)
    return export_files(snapshot, found, export, __version__)
