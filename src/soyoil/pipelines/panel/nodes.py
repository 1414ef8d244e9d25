"""Nodes of the panel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from soyoil.base.errors import SplitError
from soyoil.external.config import ALL_OFF, ExternalConfig
from soyoil.features.config import EVERY_GROUP, FeaturesConfig
from soyoil.models.champion import ChampionConfig
from soyoil.models.config import FitConfig
from soyoil.models.engines import ENGINES
from soyoil.models.registry import CHAMPION
from soyoil.panel.config import PanelConfig
from soyoil.panel.engines import Cut, EngineRules, PanelForecasts, fit_engines
from soyoil.panel.gate import Gate
from soyoil.panel.losses import REFERENCE, PanelRules
from soyoil.panel.result import PanelResult, make_panel, panel_series
from soyoil.panel.roots import RootSeries
from soyoil.panel.store import ResultStore
from soyoil.params import Profile, TargetConfig, WeightsConfig
from soyoil.pipelines.split.nodes import make_snapshot
from soyoil.reports.panel.page import panel_page
from soyoil.reports.panel.terminal import panel_view
from soyoil.reports.terminal import progress_bar
from soyoil.sources.base import SourceConfig
from soyoil.sources.identity import check_market, market_identity
from soyoil.splits.plan import SplitConfig
from soyoil.splits.snapshot import Snapshot
from soyoil.tracking.artifacts import RunReport
from soyoil.warehouse.guard import forbid_warehouse

Read = Callable[[], pd.DataFrame]

FEATURES_AGAIN = (
    "Run the stages before it with the roots of the panel in source.symbols: "
    "kedro run --pipelines=ingest,regimes,features."
)


@dataclass(frozen=True)
class MatrixTables:
    """Warehouse tables that engines are fitted on, read when they are needed.

    Attributes
    ----------
    matrix, regimes
        Functions that read ``features.daily_ml_matrix`` and ``training.regime_weights``.
    source, target, external
        Market of the run and its outside sources: the rows must be of them.
    """

    matrix: Read
    regimes: Read
    source: SourceConfig
    target: TargetConfig
    external: ExternalConfig = ALL_OFF
    features: FeaturesConfig = EVERY_GROUP

    def snapshots(self, symbols: Sequence[str]) -> Cut:
        """Function that cuts the snapshot of a root, as the split stage does for its target.

        Raises
        ------
        SplitError
            The matrix holds no row of a root.
        HandoverError
            Rows were made with other parameters.
        """
        matrix, regimes = self.matrix(), self.regimes()
        missing = [symbol for symbol in symbols if symbol not in set(matrix["symbol"].unique())]
        if missing:
            raise SplitError(
                f"The matrix holds no row of {', '.join(missing)}, so that engines cannot be "
                f"fitted on them. {FEATURES_AGAIN}"
            )
        market = market_identity(
            self.source, self.target.symbol, self.external.identity(), self.features.groups
        )
        check_market("features.daily_ml_matrix", matrix, symbols, market)
        matrix = matrix[matrix["symbol"].isin(symbols)]

        def cut(symbol: str) -> Snapshot:
            target = TargetConfig(symbol=symbol)
            return make_snapshot(matrix, regimes, target, self.source, self.external, self.features)

        return cut


def score_panel(
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
    external: ExternalConfig = ALL_OFF,
    features: FeaturesConfig = EVERY_GROUP,
    **configs: Any,
) -> PanelResult:
    """Score every root of the panel on its own sessions, with the engines that are wanted."""
    rules = PanelRules(split, champion, panel.min_rows)
    symbols = panel.roots(source.symbols)
    forecasts = PanelForecasts()
    if panel.engines:
        # Kedro types the arguments that a node names, and these are named by the registry.
        own = {name: ENGINES[name].config.model_validate(configs[name]) for name in panel.engines}
        forecasts = forecast_panel(
            panel_series(sessions, symbols)[0],
            MatrixTables(matrix, regimes, source, target, external, features),
            rules,
            EngineRules(profile, weights, fit, own),
            ResultStore(folder),
        )
    with progress_bar("panel") as advance:
        return make_panel(sessions, symbols, panel.exclude, rules, advance, forecasts)


def forecast_panel(
    series: Sequence[RootSeries],
    tables: MatrixTables,
    rules: PanelRules,
    engines: EngineRules,
    store: ResultStore,
) -> PanelForecasts:
    """Fit engines on every root; the warehouse is read before the first fit and not after."""
    cut = tables.snapshots([root.symbol for root in series])
    total = len(engines.configs)
    with (
        forbid_warehouse("fitting reads the snapshots only"),
        progress_bar(f"panel, {'+'.join(engines.configs)}") as bar,
    ):
        place = {engine: number for number, engine in enumerate(engines.configs)}

        def advance(engine: str, done: int, of: int) -> None:
            bar(place[engine] * of + done, total * of)

        return fit_engines(cut, series, rules, engines, store, advance)


def report_panel(result: PanelResult) -> RunReport:
    """Tables, page and verdict; printed, and as files of a tracked run."""
    console = Console(highlight=False)
    console.print(panel_view(result))
    return RunReport(
        files={
            "panel.html": panel_page(result),
            "panel.csv": result.roots.to_csv(index=False, date_format="%Y-%m-%d"),
            "panel_means.csv": result.means.to_csv(index=False),
        },
        tags={
            **_engine_tags(result),
            "kind": "panel",
            "symbols": " ".join(result.roots["symbol"].unique()),
            "provenance": result.provenance,
            "rolls": "unknown" if result.rolls_unknown else "known",
            "gate": result.gate.word.lower(),
            "gate_reasons": result.gate.sentence(CHAMPION, REFERENCE),
        },
        metrics=panel_metrics(result),
    )


def _engine_tags(result: PanelResult) -> dict[str, str]:
    """Engines with their feature groups and verdicts; nothing without engines."""
    if not result.engines:
        return {}
    tags = {"engines": " ".join(result.engines)}
    for name, gate in result.engines.items():
        tags[f"{name}.feature_groups"] = result.feature_groups[name]
        tags[f"{name}.gate"] = gate.word.lower()
        tags[f"{name}.gate_reasons"] = gate.sentence(name, REFERENCE)
    return tags


def panel_metrics(result: PanelResult) -> dict[str, float]:
    """Mean skill with its interval by horizon, and the verdict as 1 or 0.

    Those of the champion are ``panel.<horizon>.<metric>``, those of an engine
    ``panel.<engine>.<horizon>.<metric>``.
    """
    out = _metrics(result, CHAMPION, "panel", result.gate)
    for name, gate in result.engines.items():
        out |= _metrics(result, name, f"panel.{name}", gate)
    for row in result.engines_add.to_dict("records"):
        for end in ("", "_low", "_high"):
            out[f"panel.{row['horizon']}.engines_add{end}"] = float(row[f"skill_pinball{end}"])
    return out


def _metrics(result: PanelResult, model: str, prefix: str, gate: Gate) -> dict[str, float]:
    out = {f"{prefix}.gate": float(gate.passed)}
    names = {
        "skill_pinball": "skill_pinball",
        "skill_pinball_low": "skill_pinball_low",
        "skill_pinball_high": "skill_pinball_high",
        "share_positive": "share_positive",
        "worst_skill": "worst_skill_pinball",
        "coverage_80": "coverage_80",
    }
    means = result.means[result.means["model"] == model]
    for row in means.to_dict("records"):
        out |= {f"{prefix}.{row['horizon']}.{key}": float(row[c]) for c, key in names.items()}
    return out
