"""Purge inequalities on fold tables as they are stored, and models of shuffled labels."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import BoolArray, FloatArray
from soyoil.features.outside import present
from soyoil.leakage.result import Finding
from soyoil.models.arrays import feature_names
from soyoil.splits.plan import ROLES

RIDGE: Final = 1.0
"""Penalty in units of the training rows' number, for standardised features."""
BOUND: Final = 4.0
"""Standard errors of a correlation of independent rows."""


def check_purge(plan: pd.DataFrame, dates: pd.Series, horizon: str, sessions: int) -> Finding:
    """The inequality e < first origin of the later role, row by row of a stored fold table.

    Independent of the check that a plan is loaded with: of the table alone, without positions.

    Parameters
    ----------
    plan
        ``fold``, ``role``, ``data_date``, ``label_end_date``.
    dates
        Sessions of the snapshot, ascending.
    horizon, sessions
        Name and length of the horizon.
    """
    at = pd.Series(range(len(dates)), index=pd.DatetimeIndex(dates))
    ends = at.reindex(plan["label_end_date"]).to_numpy() - at.reindex(plan["data_date"]).to_numpy()
    if not (ends == sessions).all():
        wrong = plan[~(ends == sessions)].iloc[0]
        detail = (
            f"the label of {wrong['data_date']:%Y-%m-%d} ends on {wrong['label_end_date']:%Y-%m-%d}"
            f", which is not {sessions} sessions later"
        )
        return Finding("purge", horizon, passed=False, detail=detail)
    by_role = plan.groupby(["fold", "role"])
    last = by_role["label_end_date"].max().unstack("role").reindex(columns=list(ROLES))
    first = by_role["data_date"].min().unstack("role").reindex(columns=list(ROLES))
    for role, later in combinations(ROLES, 2):
        leaks = last[role] >= first[later]
        if leaks.any():
            fold = leaks[leaks].index[0]
            detail = (
                f"fold {fold}: labels of {role} end on {last.loc[fold, role]:%Y-%m-%d}, {later} "
                f"begins on {first.loc[fold, later]:%Y-%m-%d}"
            )
            return Finding("purge", horizon, passed=False, detail=detail)
    detail = f"{len(last)} folds, every label ends before the role after it begins"
    return Finding("purge", horizon, passed=True, detail=detail)


def check_shuffled(
    matrix: pd.DataFrame, plan: pd.DataFrame, horizon: str, shuffles: int, seed: int
) -> Finding:
    """Whether a model that is trained on shuffled labels forecasts shuffled labels.

    A ridge regression on the features that models get, fitted fold by fold on the training rows
    of the stored fold table. The labels of all rows are one random permutation, so they depend on
    nothing, not on each other either: the correlation of forecast and label over n scored rows has
    a standard error of 1 / sqrt(n), and `BOUND` of them are allowed.

    Parameters
    ----------
    matrix
        Rows of the target, ascending by ``data_date``.
    plan
        Fold table.
    horizon
        Its horizon.
    shuffles, seed
        Permutations and their seed.
    """
    names = present(feature_names(), matrix)
    features = matrix[list(names)].to_numpy(dtype="float64", na_value=np.nan)
    at = pd.Series(range(len(matrix)), index=pd.DatetimeIndex(matrix["data_date"]))
    position = at.reindex(plan["data_date"]).to_numpy(dtype="int64")
    roles, folds = plan["role"].to_numpy(), plan["fold"].to_numpy()
    rng = np.random.default_rng([seed, len(matrix)])
    # One column per permutation: a ridge of many labels costs what that of one does.
    labels = np.column_stack([rng.permutation(len(matrix)) for _ in range(shuffles)])
    labels = (labels - labels.mean()) / labels.std()
    made, true = [], []
    for fold in np.unique(folds):
        train = position[(folds == fold) & (roles == "train")]
        test = position[(folds == fold) & (roles == "test")]
        made.append(_forecast(features, labels, train, test))
        true.append(labels[test])
    forecast, label = np.concatenate(made), np.concatenate(true)
    scored = forecast.size
    found = float(np.corrcoef(forecast.ravel(), label.ravel())[0, 1])
    found = 0.0 if math.isnan(found) else found
    bound = BOUND / math.sqrt(scored)
    detail = (
        f"correlation of forecast and shuffled label {found:+.4f} over {scored:,} scored rows "
        f"({shuffles} shuffles), at most {bound:.4f} by chance"
    )
    return Finding("shuffle", horizon, passed=found <= bound, detail=detail)


def _forecast(
    features: FloatArray, labels: FloatArray, train: np.ndarray, test: np.ndarray
) -> FloatArray:
    """Ridge forecasts of the test rows, scaled by the training rows alone."""
    own = features[train]
    usable: BoolArray = ~np.isnan(own).all(axis=0)
    with np.errstate(invalid="ignore"):
        mean, std = np.nanmean(own[:, usable], axis=0), np.nanstd(own[:, usable], axis=0)
    scale = np.where(std > 0, std, 1.0)
    x, new = (np.nan_to_num((features[rows][:, usable] - mean) / scale) for rows in (train, test))
    level = labels[train].mean(axis=0)
    gram = x.T @ x + RIDGE * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, x.T @ (labels[train] - level))
    # A feature far outside its training range may not decide alone.
    return np.asarray(np.clip(new, -6, 6) @ weights + level)
