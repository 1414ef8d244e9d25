"""What a cell is scored from, and the check that all of it belongs together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from soyoil.base.handover import MadeFrom, check_handover, refusal, stamp_of
from soyoil.market.conventions import QUANTILE_COLUMNS
from soyoil.models.registry import BASELINES, CHAMPION
from soyoil.models.report import FitReport
from soyoil.pipelines.origins import FIT_AGAIN, SplitFrames
from soyoil.splits.forecasts import prediction_frame
from soyoil.splits.plan import Fold, plan_from_frame
from soyoil.targets.horizons import Horizon
from soyoil.tracking.content import Cell, Inputs

KEY = ["fold", "data_date"]


@dataclass(frozen=True)
class RunOf:
    """What this run says a cell's frames were made with.

    Attributes
    ----------
    split, fit
        Parameters of the two stages; see `soyoil.pipelines.origins`. `fit` is empty for a
        baseline.
    last_folds
        How many of the plan's folds the model fits, counted from the last; None for all.
    """

    split: Mapping[str, Any]
    fit: Mapping[str, Any]
    last_folds: int | None = None


def check_inputs(cell: Cell, inputs: Inputs, run: RunOf) -> dict[str, str]:
    """Check that everything that is scored was made from one snapshot, as this run says.

    Returns
    -------
    dict of str
        Content hash by name of what was scored.

    Raises
    ------
    HandoverError
        A frame was changed, belongs to other data or parameters, or does not have exactly the
        rows that were to be forecast.
    """
    horizon = cell.horizon
    frames = SplitFrames(
        inputs.snapshot,
        inputs.labels,
        inputs.split_plan,
        inputs.sample_weights,
        inputs.weight_report,
    )
    hashes = frames.check(horizon, run.split)
    plain = MadeFrom({name: hashes[name] for name in ("snapshot", "labels", "split_plan")})
    if cell.model in BASELINES:
        fitted = plain
    elif cell.model == CHAMPION:
        fitted = MadeFrom(plain.inputs, run.fit)
    else:
        fitted = MadeFrom(hashes, run.fit)
    plan = plan_from_frame(
        inputs.split_plan, inputs.labels["data_date"], horizon.name, horizon.sessions
    )
    folds = plan.folds if run.last_folds is None else plan.folds[-run.last_folds :]
    forecasts = (
        (cell.model, inputs.predictions, fitted, folds),
        ("random_walk", inputs.random_walk, plain, plan.folds),
        ("vol_cone", inputs.vol_cone, plain, plan.folds),
    )
    whole = _expected(inputs, horizon, plan.folds)
    own_rows = whole[whole["fold"].isin([fold.number for fold in folds])]
    found: dict[str, str] = {}
    for model, rows, made_from, expected in forecasts:
        name = f"{horizon.name}.{model}.predictions"
        check_rows(name, rows, whole if expected is plan.folds else own_rows)
        found[name] = check_handover(rows, name, made_from, FIT_AGAIN)
    own = found[f"{horizon.name}.{cell.model}.predictions"]
    if inputs.report is not None:
        _check_report(cell, inputs.report, own, folds)
    if inputs.experts is not None:
        experts = _check_experts(cell, inputs.experts, fitted, own)
        return {**hashes, **experts, "predictions": own}
    return {**hashes, "predictions": own}


def _check_experts(
    cell: Cell, experts: pd.DataFrame, made_from: MadeFrom, own: str
) -> dict[str, str]:
    """Check the weights of the experts; content hash of each expert's forecasts by name."""
    name = f"{cell.horizon.name}.{cell.model}.experts"
    check_handover(experts, name, made_from, FIT_AGAIN)
    stamp = stamp_of(experts)
    if stamp.get("predictions") != own:
        raise refusal(name, ["it goes with other forecasts than those that are scored"], FIT_AGAIN)
    return {key: str(content) for key, content in stamp["inputs"].items() if "." in key}


def _expected(inputs: Inputs, horizon: Horizon, folds: Sequence[Fold]) -> pd.DataFrame:
    """The rows that had to be forecast, with what they are scored by; no quantiles."""
    numbers = np.concatenate([np.full(len(fold.test), fold.number) for fold in folds])
    position = np.concatenate([fold.test for fold in folds])
    rows = (numbers, position, np.full((len(position), 3), np.nan))
    frame = prediction_frame(inputs.snapshot, inputs.labels, horizon.target, rows)
    return frame.drop(columns=list(QUANTILE_COLUMNS))


def check_rows(name: str, rows: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Check that forecasts are for exactly the test rows of the folds that were fitted.

    Parameters
    ----------
    name
        Dataset of the forecasts.
    rows
        The forecasts.
    expected
        ``fold``, ``data_date`` and the columns that forecasts are scored by.

    Raises
    ------
    HandoverError
        With the number of rows that are missing, too many, given twice, or have another label,
        price or regime.
    """
    missing = [column for column in expected.columns if column not in rows.columns]
    if missing:
        raise refusal(name, [f"it has no column {', '.join(missing)}"], FIT_AGAIN)
    if rows[KEY].reset_index(drop=True).equals(expected[KEY].reset_index(drop=True)):
        _check_values(name, rows, expected)
        return
    want = pd.MultiIndex.from_frame(expected[KEY])
    have = pd.MultiIndex.from_frame(rows[KEY])
    twice = int(have.duplicated().sum())
    counts = {
        "rows are given twice": twice,
        "test rows are missing": int((~want.isin(have)).sum()),
        "rows are no test rows of the folds that were fitted": int((~have.isin(want)).sum()),
    }
    problems = [f"{count:,} {what}" for what, count in counts.items() if count]
    if problems:
        head = f"it holds {len(rows):,} rows, the plan has {len(expected):,} to score"
        raise refusal(name, [head, *problems], FIT_AGAIN)
    _check_values(name, rows.set_index(KEY).reindex(want), expected)


def _check_values(name: str, rows: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Check that rows in the expected order have the expected values."""
    problems = []
    for column in expected.columns.difference(KEY):
        then, now = rows[column].to_numpy(), expected[column].to_numpy()
        differs = (then != now) & ~(pd.isna(then) & pd.isna(now))
        if differs.any():
            problems.append(f"{int(differs.sum()):,} rows have another {column} than the snapshot")
    if problems:
        raise refusal(name, problems, FIT_AGAIN)


def _check_report(cell: Cell, report: FitReport, predictions: str, folds: Sequence[Fold]) -> None:
    name = f"{cell.horizon.name}.{cell.model}.fit_report"
    if report.predictions != predictions:
        raise refusal(name, ["it goes with other forecasts than those that are scored"], FIT_AGAIN)
    want = [fold.number for fold in folds]
    have = sorted(report.folds["fold"].tolist())
    if have != want:
        problem = f"it tells of the folds {have}, and {want} were to be fitted"
        raise refusal(name, [problem], FIT_AGAIN)
