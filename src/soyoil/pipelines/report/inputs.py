"""Check that everything a report shows belongs together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from soyoil.base.handover import MadeFrom, check_handover, refusal, stamp_of
from soyoil.metrics.evaluate import scored_rows_hash
from soyoil.metrics.keys import pooled
from soyoil.models.registry import CHAMPION
from soyoil.pipelines.grid import FITTED, MODELS
from soyoil.pipelines.origins import FIT_AGAIN, SPLIT_AGAIN
from soyoil.splits.snapshot import Snapshot
from soyoil.targets.horizons import HORIZONS

EVALUATE_AGAIN: Final = "Run the evaluate stage again: kedro run --pipelines=evaluate,report."
MAE_TOLERANCE: Final = 1e-9
"""Relative; a CSV file keeps 15 digits or more."""


def check_report_inputs(
    snapshot: Snapshot, skill_table: pd.DataFrame, results: Mapping[str, Any]
) -> None:
    """Check plans, forecasts, fit reports and scores against the snapshot and each other.

    Parameters
    ----------
    skill_table
        A row per horizon and model.
    results
        As `soyoil.pipelines.report.nodes.make_report` takes them.

    Raises
    ------
    HandoverError
        Something was changed after it was written, or belongs to other data.
    """
    rows = {(row["horizon"], row["model"]): row for row in skill_table.to_dict("records")}
    for horizon in HORIZONS:
        hashes = {"snapshot": snapshot.content_hash}
        plan = results[f"{horizon}.split_plan"]
        hashes["split_plan"] = check_handover(
            plan, f"{horizon}.split_plan", MadeFrom(hashes), SPLIT_AGAIN
        )
        for model in MODELS:
            name = f"{horizon}.{model}.predictions"
            forecasts = results[name]
            content = check_handover(forecasts, name, MadeFrom(hashes), FIT_AGAIN)
            if model in FITTED and results[f"{horizon}.{model}.fit_report"].predictions != content:
                problem = "it goes with other forecasts than those that are shown"
                raise refusal(f"{horizon}.{model}.fit_report", [problem], FIT_AGAIN)
            if model == CHAMPION:
                _check_experts(f"{horizon}.{model}.experts", results, content, hashes)
            if (horizon, model) not in rows:
                problem = f"it has no row for {horizon} {model}"
                raise refusal("skill_table", [problem], EVALUATE_AGAIN)
            _check_scores(f"{horizon} {model}", rows[horizon, model], forecasts)


def _check_experts(
    name: str, results: Mapping[str, Any], predictions: str, hashes: Mapping[str, str]
) -> None:
    check_handover(results[name], name, MadeFrom(hashes), FIT_AGAIN)
    if stamp_of(results[name]).get("predictions") != predictions:
        raise refusal(name, ["it goes with other forecasts than those that are shown"], FIT_AGAIN)


def _check_scores(name: str, row: Mapping[Any, Any], forecasts: pd.DataFrame) -> None:
    mae = float((forecasts["q50"] - forecasts["y"]).abs().mean())
    same_rows = row["scored_rows_hash"] == scored_rows_hash(forecasts["data_date"])
    if not same_rows or not math.isclose(row[pooled("mae")], mae, rel_tol=MAE_TOLERANCE):
        problem = f"its row {name} is of other forecasts than those that are shown"
        raise refusal("skill_table", [problem], EVALUATE_AGAIN)
