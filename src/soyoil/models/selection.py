"""Which rows and columns an engine trains on: label thinning and feature groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from soyoil.base.arrays import IntArray
from soyoil.base.errors import ConfigError
from soyoil.base.suggest import did_you_mean, nearest
from soyoil.features.config import group_of as group_of
from soyoil.features.outside import ON_REQUEST, refuse_off
from soyoil.models.base import FoldTask, HorizonArrays


def check_groups(names: Sequence[str], groups: Sequence[str]) -> None:
    """Refuse groups that no column belongs to.

    Parameters
    ----------
    names
        Feature columns of the matrix, ``<group>.<field>``.
    groups
        As in ``fit.feature_groups``.

    Raises
    ------
    ConfigError
        Naming the unknown group and all known ones.
    """
    known = list(dict.fromkeys(group_of(name) for name in names))
    refuse_off(groups, known)
    for group in groups:
        if group not in known:
            hint = did_you_mean(group, known)
            raise ConfigError(
                f"Unknown group {group!r} in fit.feature_groups.{hint} "
                f"Known groups: {', '.join(known)}."
            )


def check_columns(names: Sequence[str], columns: Sequence[str], where: str) -> None:
    """Refuse columns for the network that the matrix does not give to models.

    Parameters
    ----------
    names
        Feature columns of the matrix, ``<group>.<field>``.
    columns
        As in ``tft.features``.
    where
        Engine that names them.

    Raises
    ------
    ConfigError
        Naming the unknown column and what is near it.
    """
    for column in columns:
        if column not in names:
            near = nearest(column, names, n=3, cutoff=0.4)
            hint = f" Near it: {', '.join(near)}." if near else ""
            raise ConfigError(
                f"Unknown column {column!r} in {where}.features.{hint} docs/tables.md lists all "
                "features of features.daily_ml_matrix."
            )


def group_columns(names: Sequence[str], groups: Sequence[str]) -> IntArray:
    """Positions of the columns of some groups, in the order of `names`.

    No group means all but those of `ON_REQUEST`; an unknown one is a ConfigError.
    """
    check_groups(names, groups)
    of = [group_of(name) for name in names]
    kept = [i for i, g in enumerate(of) if (g in groups if groups else g not in ON_REQUEST)]
    return np.asarray(kept, dtype=np.int64)


def with_groups(arrays: HorizonArrays, groups: Sequence[str]) -> HorizonArrays:
    """The arrays with the columns of some feature groups only, as `group_columns` has them.

    Raises
    ------
    ConfigError
        If a group is unknown.
    """
    kept = group_columns(arrays.feature_names, groups)
    if len(kept) == len(arrays.feature_names):
        return arrays
    names = tuple(arrays.feature_names[i] for i in kept)
    return replace(arrays, X=np.ascontiguousarray(arrays.X[:, kept]), feature_names=names)


def thinned(task: FoldTask, stride: int) -> FoldTask:
    """The task with every so many training rows, counted back from the latest.

    Labels of neighbouring origins share most of their days: rows between add cost and little
    else. Early-stopping and scored rows stay.

    Parameters
    ----------
    task
        Fold with all its training rows.
    stride
        1 keeps every row.

    Returns
    -------
    FoldTask
        Training weights have mean 1 again.
    """
    if stride == 1 or len(task.train) == 0:
        return task
    keep = np.arange(len(task.train) - 1, -1, -stride)[::-1]
    weight = task.train_weight[keep]
    return replace(task, train=task.train[keep], train_weight=weight / weight.mean())
