"""Nodes of the ablation."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from soyoil.base.errors import ConfigError
from soyoil.contracts.contract import load_contract
from soyoil.external.config import ALL_OFF, ExternalConfig
from soyoil.external.registry import SOURCES
from soyoil.features.config import EVERY_GROUP, FeaturesConfig, group_of
from soyoil.models.champion import ChampionConfig
from soyoil.models.config import FitConfig
from soyoil.models.engines import ENGINES
from soyoil.panel.ablation.config import AblationConfig
from soyoil.panel.ablation.result import AblationResult
from soyoil.panel.ablation.score import Workshop, ablate, metrics_of, plan_trials, valued
from soyoil.panel.ablation.trials import TrialBook
from soyoil.panel.config import PanelConfig
from soyoil.panel.engines import Cut, EngineRules
from soyoil.panel.losses import PanelRules
from soyoil.panel.result import panel_series
from soyoil.panel.store import ResultStore
from soyoil.params import Profile, TargetConfig, WeightsConfig
from soyoil.pipelines.panel.nodes import MatrixTables, Read
from soyoil.reports.panel.ablation import ablation_page, ablation_view
from soyoil.reports.terminal import progress_bar
from soyoil.sources.base import SourceConfig
from soyoil.splits.plan import SplitConfig
from soyoil.tracking.artifacts import RunReport
from soyoil.warehouse.guard import forbid_warehouse

logger = logging.getLogger(__name__)


def score_ablation(
    sessions: pd.DataFrame,
    source: SourceConfig,
    split: SplitConfig,
    panel: PanelConfig,
    champion: ChampionConfig,
    matrix: Read,
    regimes: Read,
    target: TargetConfig,
    profile: Profile,
    weights: WeightsConfig,
    fit: FitConfig,
    folder: Path,
    trials: Path,
    ablation: AblationConfig,
    external: ExternalConfig = ALL_OFF,
    features: FeaturesConfig = EVERY_GROUP,
    **configs: Any,
) -> AblationResult:
    """Fit the engine with and without each group on the roots that count in the panel."""
    symbols = [s for s in panel.roots(source.symbols) if s not in panel.exclude]
    cut = MatrixTables(matrix, regimes, source, target, external, features).snapshots(symbols)
    # Kedro types the arguments that a node names, and these are named by the registry.
    own = ENGINES[ablation.engine].config.model_validate(configs[ablation.engine])
    workshop = Workshop(
        cut,
        PanelRules(split, champion, panel.min_rows),
        EngineRules(profile, weights, fit, {ablation.engine: own}),
        ResultStore(folder),
        TrialBook(trials),
    )
    columns = load_contract("features.daily_ml_matrix").feature_columns()
    base = ablation.base_of([name for name in columns if features.has(group_of(name))])
    groups = ablation.groups or groups_on(cut, symbols, external)
    planned = plan_trials(workshop, symbols, base, groups)
    logger.info(
        "ablation: %d groups (%s) beside %s; each is a trial", len(groups), "+".join(groups),
        "+".join(base),
    )  # fmt: skip
    series, provenance = panel_series(sessions, symbols)
    with (
        forbid_warehouse("fitting reads the snapshots only"),
        progress_bar(f"ablation, {ablation.engine}") as bar,
    ):
        return ablate(workshop, series, planned, provenance, lambda _, done, of: bar(done, of))


def groups_on(cut: Cut, symbols: list[str], external: ExternalConfig) -> tuple[str, ...]:
    """Groups of the outside sources that are on, those that have values.

    Raises
    ------
    ConfigError
        No source is on, or none has a value.
    """
    wanted = [group for name in external.on() for group in SOURCES[name].groups]
    found = tuple(group for group in wanted if valued(cut, symbols, group))
    if not found:
        raise ConfigError(
            "No outside source is on that has values, so there is no group to try. Switch one on "
            "(docs/sources.md) and run ingest and features, or name groups in ablation.groups."
        )
    return found


def report_ablation(result: AblationResult) -> RunReport:
    """Tables and page; printed, and as files of a tracked run."""
    Console(highlight=False).print(ablation_view(result))
    return RunReport(
        files={
            "ablation.html": ablation_page(result),
            "ablation.csv": result.table.to_csv(index=False),
            "ablation_roots.csv": result.roots.to_csv(index=False),
        },
        tags={
            "kind": "ablation",
            "engine": result.engine,
            "feature_groups": "+".join(result.base),
            "groups": "+".join(result.table["group"].unique()),
            "trials": str(result.trials),
            "provenance": result.provenance,
        },
        metrics=metrics_of(result.table),
    )
