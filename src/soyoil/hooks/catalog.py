"""Kedro hook that checks the catalog's entries before anything is written."""

from __future__ import annotations

from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from soyoil.hooks.catalog_check import check_datasets, check_versions


class CatalogHooks:
    """Make every dataset of a pipeline before the run takes its lock and is tracked."""

    @hook_impl(tryfirst=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol[str, Any]
    ) -> None:
        """Refuse datasets without an entry, entries of none, and versions that are not kept.

        Raises
        ------
        ConfigError
            Naming the dataset and what is wrong with its entry.
        """
        check_datasets(pipeline.datasets(), catalog)
        check_versions(run_params.get("load_versions") or {}, catalog)
