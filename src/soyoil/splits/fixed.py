"""The classic split: training, validation and test at given dates, purged at both boundaries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from soyoil.base.arrays import BoolArray, DayArray
from soyoil.base.errors import SplitError
from soyoil.splits.plan import Fold, SplitConfig, SplitPlan, span_text, usable_rows

Peers = Mapping[str, tuple[int, BoolArray]]
"""Length in sessions and labelled rows by name of the horizon."""


@dataclass(frozen=True)
class _Cut:
    """The only fold, and how many independent labels its scored roles hold.

    Attributes
    ----------
    fold
        Rows after the purge.
    independent
        Labelled sessions of the role's span, whatever `origins` keeps of them, divided by h.
    """

    fold: Fold
    independent: dict[str, float]


def _cut(days: DayArray, labelled: BoolArray, h: int, config: SplitConfig) -> _Cut:
    usable = usable_rows(days, labelled, config)
    valid_from, test_from = (
        int(np.searchsorted(days, np.datetime64(day, "us")))
        for day in (config.valid_from, config.test_from)
    )
    spans = {
        "train": (config.warm_up, valid_from - h),
        "valid": (max(valid_from, config.warm_up), test_from - h),
        "test": (max(test_from, config.warm_up), len(days)),
    }
    every = usable_rows(days, labelled, config.model_copy(update={"origins": "all"}))
    position = np.arange(len(days))
    rows, independent = {}, {}
    for role, (begin, end) in spans.items():
        inside = (position >= begin) & (position < end)
        rows[role] = np.flatnonzero(usable & inside).astype("int64")
        independent[role] = float((every & inside).sum()) / h
    fold = Fold(0, test_from - 1, rows["train"], rows["valid"], rows["test"])
    return _Cut(fold, independent)


def _lacking(cut: _Cut, config: SplitConfig) -> list[str]:
    """What a cut lacks, in words; empty if it can be used."""
    out = []
    if len(cut.fold.train) < config.min_train_rows:
        out.append(f"{len(cut.fold.train)} training rows")
    roles = {"valid": "validation", "test": "test"}
    if config.valid_from == config.test_from:
        del roles["valid"]
    for role, word in roles.items():
        count = len(cut.fold.rows()[role])
        if count == 0:
            out.append(f"no {word} row")
        elif cut.independent[role] < 1:
            out.append(f"{count} {word} rows, less than one independent label")
    return out


def _table(cuts: Mapping[str, tuple[int, _Cut]]) -> str:
    head = f"{'horizon':>9}{'h':>5}{'training':>16}{'validation':>16}{'test':>16}"
    lines = [head]
    for name, (h, cut) in cuts.items():
        cells = (
            f"{len(cut.fold.rows()[role])} ({cut.independent[role]:.2f})"
            for role in ("train", "valid", "test")
        )
        lines.append(f"{name:>9}{h:>5}" + "".join(f"{cell:>16}" for cell in cells))
    return "\n".join(lines)


def _refusal(
    name: str, days: DayArray, cuts: Mapping[str, tuple[int, _Cut]], config: SplitConfig
) -> str:
    h, cut = cuts[name]
    good = [peer for peer, (_, other) in cuts.items() if not _lacking(other, config)]
    usable = f"It can be used with --tags={','.join(good)}. " if good else ""
    return (
        f"Horizon {name}: split.plan=fixed, training before {config.valid_from}, validation from "
        f"there, test from {config.test_from}, leaves {' and '.join(_lacking(cut, config))} "
        f"after the purge of {h} sessions at each boundary. The data covers {span_text(days)}. "
        "Rows after the purge, in brackets independent labels (labelled sessions / h):\n"
        f"{_table(cuts)}\n"
        f"Needed: split.min_train_rows={config.min_train_rows} training rows, one independent "
        f"label in validation and in test. {usable}Else set split.valid_from and "
        "split.test_from, use longer data, or split.plan=walk_forward."
    )


def fixed_split(
    dates: pd.Series,
    labelled: BoolArray,
    horizon: tuple[str, int],
    config: SplitConfig,
    peers: Peers | None = None,
) -> SplitPlan:
    """Make the classic split, a plan of one fold.

    Parameters
    ----------
    dates
        Sessions of one symbol, ascending.
    labelled
        Whether a row has a label.
    horizon
        Name and length in sessions.
    config
        `valid_from`, `test_from`, `warm_up`, `min_train_rows`, `last_origin`, `origins`.
    peers
        All horizons, to be counted beside this one in a refusal.

    Returns
    -------
    SplitPlan
        Training rows end strictly before the first validation session, validation rows
        strictly before the first test session.

    Raises
    ------
    SplitError
        If training keeps fewer than `min_train_rows` rows, or validation or test hold less
        than one independent label. The message has the counts of all horizons.
    """
    name, h = horizon
    days = dates.to_numpy(dtype="datetime64[us]")
    cut = _cut(days, labelled, h, config)
    if _lacking(cut, config):
        cuts = {
            peer: (length, _cut(days, mask, length, config))
            for peer, (length, mask) in (peers or {}).items()
        }
        raise SplitError(_refusal(name, days, {**cuts, name: (h, cut)}, config))
    return SplitPlan(name, h, days, (cut.fold,))
