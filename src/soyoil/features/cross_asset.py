"""Other markets as they stood at the decision time of the target.

At decision time t a root is worth its last price by then: the last hourly close that had ended
(``decision_close``), or, from daily bars and where its session had no bar yet, the close of the
latest session that had ended. Both enter one as-of view, so nothing later can. Returns run from
one decision of the target to the next, over holidays of either side, within contracts: a root
has a level, the sum of its roll-free returns up to the session before plus the part of the
session's own return up to the decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import BoolArray, FloatArray
from soyoil.features.registry import FeatureSpec, register
from soyoil.market.asof import AsOfView
from soyoil.market.instruments import INSTRUMENTS, TARGET_ROOT
from soyoil.market.rolls import (
    FLIP_BACK_RETURN_SESSIONS,
    contract_changes,
    log_positive,
    sessions_since_seen,
)

GROUP: Final = "cross_asset"
ROOTS: Final = tuple(root for root in INSTRUMENTS if root != TARGET_ROOT)
"""Roots that have columns; those that are not configured are NULL."""

RETURN_WINDOWS: Final = (1, 5, 21)
CO_WINDOW: Final = 63
MAX_STALENESS_DAYS: Final = 7
LEG_WINDOW: Final = 5
MIN_VARIANCE: Final = 1e-12
"""Below this variance of daily returns a price is taken as constant."""

CRUSH_LEGS: Final = ("ZL", "ZM", "ZS")
_VALUES: Final = ("price", "level", "missing", "instrument_id", "used_date")


def _spec(column: str, formula: str, history: int) -> FeatureSpec:
    return FeatureSpec(f"{GROUP}.{column}", formula, history, source="cross")


def _root_columns(root: str) -> list[FeatureSpec]:
    columns = [
        _spec(
            f"return_{window}d_{root}",
            f"roll-free log return of {root} over {window} decisions of the target",
            window + 2,
        )
        for window in RETURN_WINDOWS
    ]
    pairs = f"{CO_WINDOW} daily roll-free returns of the target and {root}"
    return [
        *columns,
        _spec(f"corr_63d_{root}", f"correlation of {pairs}", CO_WINDOW + 2),
        _spec(f"beta_63d_{root}", f"covariance / variance of {root}, {pairs}", CO_WINDOW + 2),
        _spec(
            f"staleness_days_{root}",
            f"calendar days since the session of the last bar of {root} used",
            1,
        ),
    ]


COLUMNS: Final = (
    *(column for root in ROOTS for column in _root_columns(root)),
    _spec("board_crush", "0.022 ZM + 0.11 ZL - ZS / 100", 1),
    _spec("oil_share", "0.11 ZL / (0.11 ZL + 0.022 ZM)", 1),
    _spec(
        "legs_matched",
        f"of ZL, ZM, ZS none or all changed contract within {LEG_WINDOW} sessions",
        LEG_WINDOW + 1,
    ),
    _spec(
        "crush_change_5d",
        f"board crush less that of {LEG_WINDOW} sessions ago, where no leg changed contract",
        LEG_WINDOW + 1,
    ),
    _spec("boho", "7.5 ZL / 100 - HO", 1),
    _spec("crack_321", "(2 x 42 RB + 42 HO - 3 CL) / 3", 1),
)
"""Every column of the group, in the order of the contract."""

for _column in COLUMNS:
    register(_column)


@dataclass(frozen=True)
class _Aligned:
    """One root at the decisions of the target; arrays of shape ``(n,)``, NaN where stale.

    Attributes
    ----------
    price
        Unadjusted price in quoted units.
    level
        Sum of roll-free log returns.
    missing
        Number of sessions so far without a roll-free return.
    contract
        Vendor's number of the contract.
    staleness
        Calendar days between the trade dates of the target and of the bar used.
    """

    price: FloatArray
    level: FloatArray
    missing: FloatArray
    contract: FloatArray
    staleness: FloatArray


def cross_asset_features(
    sessions: pd.DataFrame, matrix_rows: pd.DataFrame, target: str
) -> pd.DataFrame:
    """Features of other roots at the decision times of the target.

    Parameters
    ----------
    sessions
        Rows of ``market_data.soyoil_futures_sessions`` of every symbol, without thin ones.
    matrix_rows
        ``symbol``, ``data_date`` and ``decision_time`` of the rows wanted, one per symbol and
        date.
    target
        Root whose rows are filled.

    Returns
    -------
    DataFrame
        `COLUMNS` on the index of `matrix_rows`: ``float64``, ``staleness_days_*`` ``Int64``,
        ``legs_matched`` ``boolean``. NULL on rows of other symbols, for roots without sessions
        and for the target itself, where the last bar is older than `MAX_STALENESS_DAYS` and
        where the arithmetic has no answer (a price that is not positive, a constant price).

    Notes
    -----
    ``legs_matched`` is a heuristic: front-only bars name no delivery month, so legs count as
    matched unless some, but not all, changed contract lately.
    """
    names = [column.name for column in COLUMNS]
    rows = matrix_rows.loc[matrix_rows["symbol"] == target].sort_values("data_date", kind="stable")
    aligned = _align(sessions, rows)
    own = sessions[sessions["symbol"] == target].set_index("data_date")["roll_free_return"]
    returns = rows["data_date"].map(own).to_numpy(dtype="float64")
    values = _spreads(aligned, len(rows))
    for root in ROOTS:
        if root in aligned and root != target:
            values |= _root_features(root, aligned[root], returns)
    filled = pd.DataFrame(values, index=rows.index).reindex(index=matrix_rows.index, columns=names)
    types = {name: "Int64" for name in names if ".staleness_days_" in name}
    types[f"{GROUP}.legs_matched"] = "boolean"
    floats = filled.drop(columns=list(types)).astype("float64")
    # Typed apart, so that the floats stay in one block.
    out: pd.DataFrame = pd.concat([floats, filled[list(types)].astype(types)], axis=1)
    return out[names]


def _anchors(rows: pd.DataFrame) -> FloatArray:
    """Log price from which the roll-free return of each session is measured, shape ``(n,)``.

    The return at any price p of session t is ``ln p - anchor_t``, so a price within the session
    needs nothing of its close. The rule is that of `soyoil.market.rolls.roll_free`.
    """
    contract = rows["instrument_id"].to_numpy(dtype="int64")
    log_open, log_close = (
        log_positive(rows[column].to_numpy(dtype="float64")) for column in ("open", "close")
    )
    returns = rows["roll_free_return"].to_numpy(dtype="float64")
    changed = contract_changes(contract)
    anchors = np.full(len(rows), np.nan)
    anchors[1:] = log_close[:-1]
    anchors[changed] = log_open[changed]
    lag = sessions_since_seen(contract, FLIP_BACK_RETURN_SESSIONS)
    # Only the few flip-backs are visited, as in `roll_free`.
    for at in np.flatnonzero(changed & (lag > 0)):
        seen = at - lag[at]
        anchors[at] = log_close[seen] + float(np.nansum(returns[seen + 1 : at]))
    return anchors


def _prior(values: FloatArray) -> FloatArray:
    out = np.zeros(len(values))
    out[1:] = values[:-1]
    return out


def _observations(rows: pd.DataFrame) -> pd.DataFrame:
    """Prices and levels of one root as they became known: at decisions and at closes.

    Parameters
    ----------
    rows
        Sessions of the root, ascending.

    Returns
    -------
    DataFrame
        ``symbol``, ``known_at``, ``event_time`` and `_VALUES`.
    """
    returns = rows["roll_free_return"].to_numpy(dtype="float64")
    level = np.cumsum(np.nan_to_num(returns, nan=0.0))
    missing = np.cumsum(np.isnan(returns)).astype("float64")
    at_decision = rows["decision_close"].to_numpy(dtype="float64")
    part = log_positive(at_decision) - _anchors(rows)
    common = rows[["symbol", "instrument_id"]].assign(used_date=rows["data_date"])
    closes = common.assign(
        known_at=rows["known_at"],
        event_time=rows["event_time"],
        price=rows["close"],
        level=level,
        missing=missing,
    )
    decisions = common.assign(
        known_at=rows["decision_time"],
        event_time=rows["decision_time"],
        price=at_decision,
        level=_prior(level) + part,
        missing=_prior(missing),
    )
    known = decisions.loc[~np.isnan(at_decision)]
    both: pd.DataFrame = pd.concat([closes, known], ignore_index=True)
    return both


def _align(sessions: pd.DataFrame, rows: pd.DataFrame) -> dict[str, _Aligned]:
    """Every known root that has sessions, at the decision times of `rows`."""
    ordered = sessions[sessions["symbol"].isin(list(INSTRUMENTS))].sort_values(
        ["symbol", "data_date"], kind="stable"
    )
    parts = {str(root): _observations(part) for root, part in ordered.groupby("symbol")}
    if not parts or rows.empty:
        return {}
    wanted = pd.DataFrame(
        {
            "symbol": pd.Series(np.repeat(list(parts), len(rows)), dtype=ordered["symbol"].dtype),
            "decision_time": pd.concat([rows["decision_time"]] * len(parts), ignore_index=True),
        }
    )
    view = AsOfView(pd.concat(parts.values(), ignore_index=True))
    latest = view.latest(wanted, list(_VALUES))
    latest["staleness"] = (
        np.tile(rows["data_date"].to_numpy(), len(parts)) - latest.pop("used_date")
    ).dt.days
    numbers = latest[["price", "level", "missing", "instrument_id", "staleness"]]
    fresh = numbers.where(latest["staleness"] <= MAX_STALENESS_DAYS).to_numpy(dtype="float64")
    blocks = fresh.reshape(len(parts), len(rows), -1)
    return {root: _Aligned(*block.T.copy()) for root, block in zip(parts, blocks, strict=True)}


def _change(values: FloatArray, lag: int) -> FloatArray:
    out = np.full(len(values), np.nan)
    out[lag:] = values[lag:] - values[:-lag]
    return out


def _window_sums(values: FloatArray, window: int) -> FloatArray:
    """Sums over trailing windows; each window is summed afresh, so none carries rounding."""
    out = np.full(len(values), np.nan)
    if len(values) >= window:
        views = np.lib.stride_tricks.sliding_window_view(values, window)
        out[window - 1 :] = np.ascontiguousarray(views).sum(axis=1)
    return out


def _root_features(root: str, at: _Aligned, target_returns: FloatArray) -> dict[str, FloatArray]:
    """Returns, co-movement with the target and staleness of one root."""
    out: dict[str, FloatArray] = {}
    for window in RETURN_WINDOWS:
        # A session without a roll-free return in between leaves the sum without meaning.
        whole = _change(at.missing, window) == 0
        out[f"{GROUP}.return_{window}d_{root}"] = np.where(whole, _change(at.level, window), np.nan)
    corr, beta = co_movement(target_returns, out[f"{GROUP}.return_1d_{root}"], CO_WINDOW)
    out[f"{GROUP}.corr_63d_{root}"] = corr
    out[f"{GROUP}.beta_63d_{root}"] = beta
    out[f"{GROUP}.staleness_days_{root}"] = at.staleness
    return out


def co_movement(y: FloatArray, x: FloatArray, window: int) -> tuple[FloatArray, FloatArray]:
    """Rolling correlation of `y` and `x`, and rolling beta of `y` on `x`.

    Parameters
    ----------
    y, x
        Daily returns, shape ``(n,)``.
    window
        Pairs per value; all of them must be there.

    Returns
    -------
    tuple of arrays
        Correlation in -1..1 and beta, shape ``(n,)``; NaN where a pair is missing or the
        variance that divides is below `MIN_VARIANCE`.
    """
    corr, beta = (np.full(len(x), np.nan) for _ in range(2))
    if len(x) < window:
        return corr, beta
    centred = []
    for values in (y, x):
        views = np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(values, window))
        centred.append(views - views.mean(axis=1, keepdims=True))
    dy, dx = centred
    floor = MIN_VARIANCE * (window - 1)
    var_y, var_x = (np.where(s > floor, s, np.nan) for s in ((dy**2).sum(1), (dx**2).sum(1)))
    cross = (dy * dx).sum(axis=1)
    corr[window - 1 :] = np.clip(cross / np.sqrt(var_y * var_x), -1.0, 1.0)
    beta[window - 1 :] = cross / var_x
    return corr, beta


def _spreads(aligned: Mapping[str, _Aligned], count: int) -> dict[str, FloatArray]:
    """Crush, oil share, BOHO and crack from prices at the decision."""
    nothing = np.full(count, np.nan)
    zl, zm, zs, ho, rb, cl = (
        aligned[root].price if root in aligned else nothing
        for root in ("ZL", "ZM", "ZS", "HO", "RB", "CL")
    )
    oil, meal = 0.11 * zl, 0.022 * zm
    crush = meal + oil - zs / 100.0
    products = np.where((oil > 0) & (meal > 0), oil + meal, np.nan)
    rolled = np.stack([_recent_changes(aligned.get(leg), count) for leg in CRUSH_LEGS])
    legs = rolled.sum(axis=0)
    known = ~np.isnan(legs) & ~np.isnan(crush)
    matched = np.where(known, (legs == 0) | (legs == len(CRUSH_LEGS)), np.nan)
    return {
        f"{GROUP}.board_crush": crush,
        f"{GROUP}.oil_share": oil / products,
        f"{GROUP}.legs_matched": matched,
        f"{GROUP}.crush_change_5d": np.where(legs == 0, _change(crush, LEG_WINDOW), np.nan),
        f"{GROUP}.boho": zl / 100.0 * 7.5 - ho,
        f"{GROUP}.crack_321": (2.0 * 42.0 * rb + 42.0 * ho - 3.0 * cl) / 3.0,
    }


def _recent_changes(at: _Aligned | None, count: int) -> FloatArray:
    """1 where the contract changed within `LEG_WINDOW` sessions, 0 where not, NaN if unknown."""
    if at is None:
        return np.full(count, np.nan)
    step = _change(at.contract, 1)
    changes: BoolArray = step != 0
    return np.minimum(_window_sums(np.where(np.isnan(step), np.nan, changes), LEG_WINDOW), 1.0)
