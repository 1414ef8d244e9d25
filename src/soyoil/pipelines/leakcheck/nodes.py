"""Nodes of the leak check."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

import pandas as pd
from rich.console import Console

from soyoil.base.data_folder import data_folder_name
from soyoil.external.config import ExternalConfig
from soyoil.external.load import rows_in_use
from soyoil.external.store import ExternalStore
from soyoil.features.config import FeaturesConfig
from soyoil.leakage.check import full_check, quick_check
from soyoil.leakage.config import LeakcheckConfig
from soyoil.leakage.material import Material, Recipe
from soyoil.leakage.result import LeakError, LeakReport
from soyoil.reports.leakage.text import leak_table
from soyoil.sources.base import BarBatch, SourceConfig
from soyoil.splits.snapshot import Snapshot

logger = logging.getLogger(__name__)


def check_all(
    snapshot: Snapshot,
    batch: BarBatch,
    config: LeakcheckConfig,
    external: ExternalConfig,
    store: ExternalStore,
    features: FeaturesConfig,
    **plans: pd.DataFrame,
) -> LeakReport:
    """Every check, from the vendor's bars on.

    Parameters
    ----------
    **plans
        Fold table by horizon.
    """
    material = Material(
        target=snapshot.symbol,
        tables=rows_in_use(external, store),
        regimes=snapshot.regimes,
        groups=features,
        batch=batch,
    )

    def tell(what: str) -> None:
        logger.info("leak check: %s", what)

    return full_check(snapshot, material, plans, config, tell)


def write_check(report: LeakReport) -> tuple[dict[str, str], dict[str, Any], LeakReport]:
    """Files, the record for the registration, and the report for what has to come after them."""
    record = report.record(dt.datetime.now(dt.UTC))
    files = {"leakcheck.csv": report.table().to_csv(index=False)}
    return files, record, report


def judge_check(report: LeakReport) -> None:
    """Print the checks and fail if one of them found something.

    Raises
    ------
    LeakError
        Naming the checks.
    """
    Console().print(leak_table(report))
    if not report.passed:
        named = "; ".join(f"{f.check} {f.scope}: {f.detail}" for f in report.failed[:3])
        raise LeakError(
            f"The leak check failed: {named}. All checks are in {data_folder_name()}/08_reporting/"
            "leakcheck.csv; no alias moves to a model of this snapshot until they pass."
        )


def check_quickly(
    snapshot: Snapshot,
    sessions: pd.DataFrame,
    source: SourceConfig,
    config: LeakcheckConfig,
    external: ExternalConfig,
    store: ExternalStore,
    features: FeaturesConfig,
) -> dict[str, Any]:
    """The record of what `train` checks on its way; what it finds keeps aliases where they are."""
    own = sessions[sessions["symbol"].isin(source.symbols)]
    recipe = Recipe(
        target=snapshot.symbol,
        tables=rows_in_use(external, store),
        regimes=snapshot.regimes,
        groups=features,
    )
    report = quick_check(snapshot, recipe, own, config)
    seconds = sum(finding.seconds for finding in report.findings)
    for finding in report.failed:
        logger.error("leak check: %s %s: %s", finding.check, finding.scope, finding.detail)
    logger.info(
        "leak check (quick): %d checks in %.1f s, %s",
        len(report.findings),
        seconds,
        "nothing leaks" if report.passed else f"{len(report.failed)} failed",
    )
    return report.record(dt.datetime.now(dt.UTC))
