"""Labels: roll-free log returns over the next sessions, and nothing beyond the data."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from soyoil.base.errors import ContractError
from soyoil.targets.horizons import Horizon

_TARGET = re.compile(r"^target_(?P<horizon>[0-9]+[a-z]+)_")


def forward_sums(returns: np.ndarray, sessions: int) -> np.ndarray:
    """Sum of the next `sessions` returns, shape ``(n,)``; NaN where one of them is missing.

    The last `sessions` rows are NaN: their future is not there.
    """
    # Summed from the first session on, so that no later one changes a bit of a label that is there.
    sums = pd.Series(returns).rolling(sessions, min_periods=sessions).sum()
    return sums.shift(-sessions).to_numpy().copy()


def build_labels(sessions: pd.DataFrame, horizon: Horizon) -> pd.DataFrame:
    """Labels of one symbol.

    Parameters
    ----------
    sessions
        The symbol's session index, ascending and without thin sessions: ``data_date``,
        ``close`` (unadjusted), ``roll_free_return`` (log).
    horizon
        Length of the label.

    Returns
    -------
    DataFrame
        One row per session: ``data_date``, ``label_end_date`` (NaT without a label), the
        target column (log return of a position rolled from the contract of the origin) and
        ``naive_<horizon>_log_return`` (log ratio of the unadjusted continuous closes, which
        jumps at rolls; kept to show the size of that artefact).

    Raises
    ------
    ContractError
        If the sessions are not strictly ascending.
    """
    dates = sessions["data_date"]
    if not dates.is_monotonic_increasing or dates.duplicated().any():
        raise ContractError("labels need strictly ascending sessions of one symbol")
    returns = sessions["roll_free_return"].to_numpy(dtype="float64")
    target = forward_sums(returns, horizon.sessions)
    close = sessions["close"].where(sessions["close"] > 0)
    log_close = np.log(close)
    end = dates.shift(-horizon.sessions)
    labelled = ~np.isnan(target)
    return pd.DataFrame(
        {
            "data_date": dates.to_numpy(),
            "label_end_date": end.where(labelled).to_numpy(),
            horizon.target: target,
            f"naive_{horizon.name}_log_return": (
                log_close.shift(-horizon.sessions) - log_close
            ).to_numpy(),
        }
    )


def label_report(sessions: pd.DataFrame, labels: pd.DataFrame, horizon: Horizon) -> pd.DataFrame:
    """How far labels from unadjusted continuous prices stray from roll-free ones.

    Parameters
    ----------
    sessions
        ``data_date``, ``is_roll``: the contract differs from that of the session before.
    labels
        As `build_labels` gives them for these sessions.
    horizon
        Length of the labels.

    Returns
    -------
    DataFrame
        One row: ``horizon``, ``sessions``, ``rows`` (labels), ``rolled_share`` (share of labels
        that span a roll), ``difference_rows`` (rows with both labels: the naive one needs
        positive closes), ``difference_sd`` and ``difference_mean_abs`` (naive less roll-free
        log return; NaN without rows).
    """
    target = labels[horizon.target]
    rolls = sessions["is_roll"].to_numpy(dtype="float64", na_value=0.0)
    spans = forward_sums(rolls, horizon.sessions)[target.notna().to_numpy()] > 0
    difference = (labels[f"naive_{horizon.name}_log_return"] - target).dropna()
    return pd.DataFrame(
        {
            "horizon": [horizon.name],
            "sessions": [horizon.sessions],
            "rows": [int(target.notna().sum())],
            "rolled_share": [float(spans.mean()) if len(spans) else float("nan")],
            "difference_rows": [len(difference)],
            "difference_sd": [float(difference.std(ddof=1))],
            "difference_mean_abs": [float(difference.abs().mean())],
        }
    )


def check_target_columns(columns: pd.Index, horizon: Horizon, where: str) -> None:
    """Refuse target columns of any other horizon.

    Raises
    ------
    ContractError
        Naming the foreign columns and the table, file or run that holds them.
    """
    targets = {str(c): m.group("horizon") for c in columns if (m := _TARGET.match(str(c)))}
    foreign = [column for column, name in targets.items() if name != horizon.name]
    if foreign:
        raise ContractError(
            f"{where} is of horizon {horizon.name} but holds {', '.join(foreign)}. "
            f"Only {horizon.target} may stand there."
        )
    if horizon.target not in targets:
        raise ContractError(f"{where} lacks {horizon.target}.")
