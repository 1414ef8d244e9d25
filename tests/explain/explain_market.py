"""Runs of the small market as the split and fit stages make them, and their settings."""

import sys
import types
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from soyoil.compare.boards import ScoredRun, TrackedRun
from soyoil.explain.change import explain_pair
from soyoil.explain.config import ExplainConfig
from soyoil.explain.fits import Fitter
from soyoil.explain.result import Explained
from soyoil.explain.settings import Settings, Sides, read_settings
from soyoil.models.base import EngineFit, FoldTask, HorizonArrays
from soyoil.models.champion import CONES, ChampionConfig
from soyoil.models.config import FitConfig, LightGBMConfig, TFTConfig, XGBoostConfig
from soyoil.models.engines import ENGINES
from soyoil.models.registry import BASELINES, CHAMPION
from soyoil.panel.store import ResultStore
from soyoil.params import WeightsConfig
from soyoil.pipelines.fit.nodes import fit_model, mix_experts, predict_baselines
from soyoil.pipelines.split.nodes import make_labels, make_split_plan, make_weights
from soyoil.splits.snapshot import Snapshot
from soyoil.targets.horizons import HORIZONS

WEEK = HORIZONS["1w"]
CLEAN = {
    "git_sha": "abc", "git_dirty": "false", "soyoil_version": "1", "python": "3.11.7",
    "platform": "Linux-x86_64",
}  # fmt: skip
RAW: dict[str, Any] = {
    "profile": "quick",
    "split": {
        "first_origin": "2018-07-02", "warm_up": 40, "valid_sessions": 40, "refit_every": 60,
        "min_train_rows": 100,
    },
    "weights": WeightsConfig().model_dump(mode="json"),
    "fit": FitConfig().model_dump(mode="json"),
    "champion": ChampionConfig().model_dump(mode="json"),
    "lightgbm": LightGBMConfig(num_leaves=8, feature_fraction=0.5).model_dump(mode="json"),
    "xgboost": XGBoostConfig().model_dump(mode="json"),
    "tft": TFTConfig().model_dump(mode="json"),
}  # fmt: skip
"""What every run is made with, but for what a test plants."""


def install_seeded_engine(market: ModuleType) -> None:
    """The market's ridge, whose slope jitters by the seed of the fold."""

    def fit_fold(
        arrays: HorizonArrays, task: FoldTask, threads: int, config: LightGBMConfig
    ) -> EngineFit:
        plain: EngineFit = market._fit_fold(arrays, task, threads, config)
        jitter = 1.0 + 0.002 * np.random.default_rng(task.seed).normal()
        return replace(
            plain,
            quantiles=plain.quantiles * jitter,
            valid_quantiles=plain.valid_quantiles * jitter,
        )

    module = types.ModuleType("soyoil_seeded_engine")
    module.fit_fold = fit_fold  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    ENGINES["lightgbm"] = replace(ENGINES["lightgbm"], module=module.__name__)


def raw(**changes: Any) -> dict[str, Any]:
    """Parameters of a run: ``fit__seed=3`` changes ``fit.seed``."""
    found = {name: dict(v) if isinstance(v, dict) else v for name, v in RAW.items()}
    for name, value in changes.items():
        section, _, key = name.partition("__")
        found[section][key] = value
    return found


@cache
def whole(market: ModuleType, signal: float = 1.0) -> Snapshot:
    """The market, hashed once for all tests."""
    made: Snapshot = market.make_snapshot(signal=signal)
    return made


@cache
def later(market: ModuleType, rows: int = 250) -> Snapshot:
    """The same market with a year less of history."""
    matrix = whole(market).matrix.iloc[rows:].reset_index(drop=True)
    return replace(whole(market), matrix=matrix)


def settings_of(snapshot: Snapshot, **changes: Any) -> Settings:
    """Settings as they are read back from a tracked run."""
    return read_settings(raw(**changes), snapshot, "a run")


def tracked(settings: Settings, run_id: str, model: str = "lightgbm", **tags: str) -> ScoredRun:
    """A run as the split and fit stages make it, by none of what explains it."""
    labels, _ = make_labels(settings.snapshot, horizon=WEEK)
    plan = make_split_plan(settings.snapshot, labels, settings.split, "quick", horizon=WEEK)
    frames = (settings.snapshot, labels, plan)
    if model in BASELINES:
        rows = predict_baselines(*frames, horizon=WEEK)[BASELINES.index(model)]
    elif model == CHAMPION:
        cones = dict(zip(BASELINES, predict_baselines(*frames, horizon=WEEK), strict=True))
        experts = {name: cones[name] for name in CONES}
        experts["lightgbm"] = tracked(settings, run_id).rows
        mixed = partial(mix_experts, *frames, settings.champion, horizon=WEEK)
        rows, _ = mixed(**experts)  # type: ignore[arg-type]
    else:
        weights, _ = make_weights(settings.snapshot, plan, settings.weights, horizon=WEEK)
        engine = settings.engines["lightgbm"]
        rows, _ = fit_model(
            *frames, weights, "quick", settings.fit, engine, horizon=WEEK, model=model
        )
    run = TrackedRun(
        run_id=run_id,
        name=f"zl_1w_{model}",
        parent_id=f"parent-{run_id}",
        parent_name="train",
        started=pd.Timestamp("2026-01-01", tz="UTC"),
        tags={
            **CLEAN, "symbol": "ZL", "horizon": "1w", "horizon_sessions": "5", "model": model,
            "target": WEEK.target, "provenance": "synthetic", **tags,
        },
        params={},
    )  # fmt: skip
    return ScoredRun(run, rows)


def explained(
    folder: Path,
    a: Settings,
    b: Settings,
    *,
    model: str = "lightgbm",
    runs: tuple[ScoredRun, ScoredRun] | None = None,
    **config: Any,
) -> Explained:
    """What a change from A to B comes from."""
    both = runs or (tracked(a, "aaaaaaaa", model), tracked(b, "bbbbbbbb", model))
    fitter = Fitter(ResultStore(folder))
    given = ExplainConfig.model_validate({"min_rows": 50, **config})
    return explain_pair(both, Sides(a, b), fitter, given, CLEAN)
