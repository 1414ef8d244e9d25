"""A report shows what belongs together, or is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from soyoil.base.handover import HandoverError, MadeFrom, stamp_of, stamped
from soyoil.metrics.evaluate import scored_rows_hash
from soyoil.models.registry import CHAMPION
from soyoil.models.report import FitReport
from soyoil.pipelines.grid import FITTED, MODELS
from soyoil.pipelines.report.inputs import check_report_inputs
from soyoil.splits.snapshot import Snapshot
from soyoil.targets.horizons import HORIZONS

Results = dict[str, Any]
DATES = pd.date_range("2024-01-02", periods=5, unit="us")


def _snapshot(close: float = 47.0) -> Snapshot:
    matrix = pd.DataFrame({"data_date": DATES, "market_data.close": close})
    regimes = pd.DataFrame({"regime_name": ["a"], "start_date": DATES[:1]})
    return Snapshot(matrix, regimes, "ZL", "synthetic", {})


def _forecasts(seed: int, made_from: MadeFrom) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame({"data_date": DATES, "q50": draw.normal(size=5), "y": draw.normal(size=5)})
    return stamped(frame, made_from)


def _results(snapshot: Snapshot) -> tuple[pd.DataFrame, Results]:
    results: Results = {}
    rows = []
    for h, horizon in enumerate(HORIZONS):
        hashes = {"snapshot": snapshot.content_hash}
        plan = stamped(pd.DataFrame({"fold": [h]}), MadeFrom(hashes))
        hashes["split_plan"] = stamp_of(plan)["content"]
        results[f"{horizon}.split_plan"] = plan
        for m, model in enumerate(MODELS):
            found = _forecasts(100 * h + m, MadeFrom(hashes))
            results[f"{horizon}.{model}.predictions"] = found
            if model in FITTED:
                content = stamp_of(found)["content"]
                results[f"{horizon}.{model}.fit_report"] = FitReport(
                    pd.DataFrame(), {}, {}, 1.0, content
                )
            if model == CHAMPION:
                experts = pd.DataFrame({"data_date": DATES, "weight.vol_cone": 1.0})
                results[f"{horizon}.{model}.experts"] = stamped(
                    experts, MadeFrom(hashes), predictions=stamp_of(found)["content"]
                )
            rows.append(
                {
                    "horizon": horizon,
                    "model": model,
                    "scored_rows_hash": scored_rows_hash(found["data_date"]),
                    "pooled.uniform.mae": (found["q50"] - found["y"]).abs().mean(),
                }
            )
    return pd.DataFrame(rows), results


def _cut(table: pd.DataFrame, results: Results) -> None:
    name = "1m.lightgbm.predictions"
    attrs = results[name].attrs
    results[name] = results[name].iloc[:3]
    results[name].attrs = attrs


def _other_snapshot(table: pd.DataFrame, results: Results) -> None:
    other = _results(_snapshot(48.0))[1]
    for name in ("3m.split_plan", *(f"3m.{model}.predictions" for model in MODELS)):
        results[name] = other[name]


def _other_plan(table: pd.DataFrame, results: Results) -> None:
    name = "1w.drift.predictions"
    hashes = {"snapshot": _snapshot().content_hash, "split_plan": "00"}
    results[name] = stamped(results[name].copy(), MadeFrom(hashes))


def _other_fit(table: pd.DataFrame, results: Results) -> None:
    name = "6m.xgboost.fit_report"
    results[name] = replace(results[name], predictions="00")


def _other_experts(table: pd.DataFrame, results: Results) -> None:
    results["6m.champion.experts"] = results["3m.champion.experts"]


def _other_score(table: pd.DataFrame, results: Results) -> None:
    table.loc[3, "pooled.uniform.mae"] *= 1.001


def _other_rows(table: pd.DataFrame, results: Results) -> None:
    table.loc[3, "scored_rows_hash"] = "00"


def _no_row(table: pd.DataFrame, results: Results) -> None:
    table.drop(index=4, inplace=True)


FAULTS: dict[str, Callable[[pd.DataFrame, Results], None]] = {
    "1m.lightgbm.predictions cannot be used: it was changed after": _cut,
    "3m.split_plan cannot be used: it was made from another snapshot": _other_snapshot,
    "1w.drift.predictions cannot be used: it was made from another split_plan": _other_plan,
    "6m.xgboost.fit_report cannot be used: it goes with other forecasts": _other_fit,
    "6m.champion.experts cannot be used: it was made from another split_plan": _other_experts,
    "skill_table cannot be used: its row 1w .* is of other forecasts": _other_score,
    "skill_table cannot be used: its row 1w": _other_rows,
    "skill_table cannot be used: it has no row for 1w": _no_row,
}


def test_what_belongs_together_is_shown() -> None:
    check_report_inputs(_snapshot(), *_results(_snapshot()))


@pytest.mark.parametrize("said", FAULTS)
def test_what_does_not_is_refused(said: str) -> None:
    table, results = _results(_snapshot())
    FAULTS[said](table, results)
    with pytest.raises(HandoverError, match=said):
        check_report_inputs(_snapshot(), table, results)
