"""Kedro hook that lets one run at a time write to a data folder."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Final

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol, MemoryDataset
from kedro.pipeline import Pipeline

from soyoil.base.data_folder import DataLock, acquire, data_folder
from soyoil.base.leftovers import remove_scratch, remove_unfinished
from soyoil.base.redact import redact
from soyoil.hooks.tracking import command_line
from soyoil.upkeep.swap import JOURNAL, undo_broken_restore

logger = logging.getLogger(__name__)

PAGES: Final = frozenset(
    {
        "audit_report",
        "comparison",
        "explain_report",
        "panel_report",
        "ablation_report",
        "replay_files",
    }
)
"""Outputs for people, which no stage reads: each is written whole, by any number of runs."""
APPENDED: Final = frozenset({"sweep_folder"})
"""Inputs that are written to."""


def writes_data(pipeline: Pipeline, catalog: CatalogProtocol[str, Any]) -> bool:
    """Whether a pipeline writes anything that stages, or later runs, build upon."""
    names = (pipeline.all_outputs() - PAGES) | (pipeline.all_inputs() & APPENDED)
    return any(
        name in catalog and not isinstance(catalog.get(name), MemoryDataset) for name in names
    )


class LockHooks:
    """Hold the lock of the data folder while a pipeline that writes to it runs."""

    def __init__(self) -> None:
        self._root: Path | None = None
        self._lock: DataLock | None = None

    def _release(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Check the name of the data folder.

        Raises
        ------
        ConfigError
            It cannot be a data folder.
        """
        self._root = context.project_path
        data_folder(self._root)

    @hook_impl(tryfirst=True)
    def before_pipeline_run(
        self,
        run_params: dict[str, Any],
        pipeline: Pipeline,
        catalog: CatalogProtocol[str, Any],
    ) -> None:
        """Take the lock, before anything is written and before a run is tracked, and tidy up.

        Raises
        ------
        DataFolderBusyError
            Another run holds it.
        """
        # A notebook's process outlives the interrupt of an earlier run.
        self._release()
        remove_scratch()
        if self._root is None:
            return
        data = data_folder(self._root)
        # Half a restore is no state to read from either.
        if writes_data(pipeline, catalog) or (data / JOURNAL).exists():
            self._lock = acquire(data, redact(command_line(run_params)))
            if undo_broken_restore(data):
                logger.warning("a restore was broken off: what it had replaced is back")
            remove_unfinished(data)

    @hook_impl(trylast=True)
    def after_pipeline_run(self) -> None:
        """Free the folder."""
        self._release()

    @hook_impl(trylast=True)
    def on_pipeline_error(self) -> None:
        """Free the folder."""
        self._release()
