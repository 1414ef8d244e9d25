"""Results of a training run that are made up, for the tests of its report."""

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pandas as pd

from soyoil.forecast.outlook import Outlook, Record
from soyoil.models.base import CONTRIBUTION, GAIN, SELECTION
from soyoil.models.report import FitReport
from soyoil.reports.train.origin import Origin
from soyoil.reports.train.report import HorizonResults, RunResults
from soyoil.splits.snapshot import Snapshot
from soyoil.targets.horizons import HORIZONS

NASTY = "<script>alert('x')</script>&\"</table>"
DAYS = pd.bdate_range("2021-01-01", periods=700).as_unit("us")
OUTLOOK = Outlook(
    horizon=HORIZONS["1m"],
    origin=DAYS[-1].date(),
    target_date=dt.date(2023, 10, 9),
    close=50.0,
    quantiles=(-0.1, 0.0, 0.1),
    vol_cone=(-0.1, 0.0, 0.1),
    hourly_cone=(-0.1, 0.0, 0.1),
    weights={"vol_cone": 0.7, "hourly_cone": 0.3},
    record=Record(210, 10.0, 0.79, 0.001, -0.01, 0.012, "no skill"),
)

ADDS = {"1w": 0.0012, "1m": -0.0004}


def predictions(shift: float) -> pd.DataFrame:
    y = np.random.default_rng(3).normal(0, 0.04, len(DAYS))
    return pd.DataFrame(
        {
            "data_date": DAYS,
            "label_end_date": DAYS + pd.Timedelta(days=7),
            "fold": 0,
            "q10": shift - 0.05,
            "q50": shift,
            "q90": shift + 0.05,
            "y": y,
            "close": 40.0,
            "regime_name": np.where(pd.Series(DAYS) < "2022-01-01", "early", "late"),
            "regime_weight": 1.0,
        }
    )


def fit_report(importance: dict[str, dict[str, float]]) -> FitReport:
    folds = pd.DataFrame({"fold": [0], "peak_rss_mb": [321.0], "device": ["cpu: no other"]})
    return FitReport(folds, importance, {}, 12.5)


MODELS = ("champion", "random_walk", "vol_cone", "lightgbm", "tft")


def results(
    provenance: str = "synthetic",
    names: Sequence[str] = ("1w", "1m"),
    models: Sequence[str] = MODELS,
) -> RunResults:
    feature = f"market_data.{NASTY}"
    matrix = pd.DataFrame(
        {
            "data_date": DAYS,
            "market_data.close": 50.0,
            "market_data.roll_free_return": 0.0,
            "market_data.is_roll": False,
            feature: 1.0,
            "cross_asset.return_1d_CL": np.nan,
            "cross_asset.staleness_days_CL": [2.0, *[0.0] * (len(DAYS) - 1)],
        }
    )
    regimes = pd.DataFrame(
        {
            "regime_name": ["early", "late"],
            "start_date": pd.to_datetime(["2000-01-01", "2022-01-01"]).as_unit("us"),
            "end_date": pd.to_datetime(["2022-01-01", None]).as_unit("us"),
        }
    )
    plan = pd.DataFrame({"fold": 0, "role": ["train"] * 400 + ["test"] * 300, "data_date": DAYS})
    weights = pd.DataFrame(
        {
            "fold": [0],
            "cutoff": ["2022-06-01"],
            "rows": [400],
            "effective_n": [333.0],
            "independent_n": [66.6],
            "dominant": ["early"],
            "unused": [None],
            "share.early": [0.7],
            "share.late": [0.3],
        }
    )
    reports = {
        "lightgbm": fit_report(
            {GAIN: {feature: 0.6, "b": 0.4}, CONTRIBUTION: {feature: 3.0, "b": 1.0}}
        ),
        "tft": fit_report({SELECTION: {feature: 0.9, "b": 0.1}}),
    }
    experts = pd.DataFrame(
        {"data_date": DAYS[:3], "weight.vol_cone": [0.9, 0.8, 0.62], "weight.tft": [0.1, 0.2, 0.38]}
    )
    horizons = [
        HorizonResults(
            HORIZONS[name],
            {m: predictions(i / 500) for i, m in enumerate(models)},
            reports,
            plan,
            weights,
            experts,
        )
        for name in names
    ]
    metrics = {
        f"pooled.uniform.{m}{part}": value
        for m in ("skill_mae", "skill_pinball")
        for part, value in (("", 0.0123), ("_low", -0.02), ("_high", 0.04))
    } | {
        f"pooled.uniform.{name}_{m}": value
        for m in ("mae", "pinball")
        for name, value in (("dm_p", 0.4567), ("detectable", 0.0345))
    }
    table = pd.DataFrame(
        [
            {"horizon": h, "model": m, "verdict": "no skill", "pooled.uniform.coverage_80": 0.81,
             "pooled.uniform.independent_n": 140.0, "champion.engines_add": ADDS.get(h, 0.0),
             **metrics}
            for h in names
            for m in models
        ]
    )  # fmt: skip
    quarantine = pd.DataFrame(
        {
            "reason": [NASTY],
            "symbol": ["CL"],
            "file": [""],
            "count": [7],
            "first": ["2021-01-01"],
            "last": ["2021-02-01"],
        }
    )
    snapshot = Snapshot(matrix, regimes, "ZL", provenance, {})
    features = [feature, "cross_asset.return_1d_CL", "cross_asset.staleness_days_CL"]
    origin = Origin("89ab", "train zl", "kedro run", "")
    return RunResults(snapshot, features, "quick", table, horizons, [OUTLOOK], quarantine, origin)
