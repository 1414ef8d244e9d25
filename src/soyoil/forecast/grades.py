"""How the forecasts of the ledger turned out, against the cones that were frozen beside them."""

from __future__ import annotations

from typing import Final

import pandas as pd

from soyoil.forecast.ledger import market_name
from soyoil.metrics.breakdown import coverage_band
from soyoil.metrics.evaluate import skill
from soyoil.metrics.losses import row_losses
from soyoil.splits.snapshot import Snapshot
from soyoil.targets.horizons import HORIZONS
from soyoil.targets.labels import build_labels

MIN_INDEPENDENT: Final = 5.0
"""Fewer labels than this that do not overlap raise no alarm."""

FORECASTS: Final = {"champion": "q", "vol_cone": "vol_cone_q", "hourly_cone": "hourly_q"}


def graded(ledger: pd.DataFrame, snapshot: Snapshot) -> pd.DataFrame:
    """Outcome and losses of every forecast that has come due.

    Parameters
    ----------
    ledger
        The ledger.
    snapshot
        Sessions of the symbol; rows of other symbols and markets are left out.

    Returns
    -------
    DataFrame
        ``data_date``, ``horizon``, ``model_version``, ``label_end_date``, ``y``, ``error`` (of the
        median), ``covered`` and ``pinball_<forecast>`` for the champion and both cones; log
        returns. Empty if nothing has come due.
    """
    parts = []
    here = (ledger["symbol"] == snapshot.symbol) & (ledger["market"] == market_name(snapshot))
    own = ledger[here]
    for name, horizon in HORIZONS.items():
        labels = build_labels(snapshot.sessions(), horizon).dropna(subset=[horizon.target])
        labels = labels[["data_date", "label_end_date", horizon.target]]
        rows = own[own["horizon"] == name].merge(labels, on="data_date", validate="m:1")
        y = rows[horizon.target]
        out = rows[["data_date", "horizon", "model_version", "label_end_date"]].assign(y=y)
        for forecast, prefix in FORECASTS.items():
            columns = {f"{prefix}{level}": f"q{level}" for level in (10, 50, 90)}
            losses = row_losses(rows[list(columns)].rename(columns=columns).assign(y=y))
            out[f"pinball_{forecast}"] = losses["pinball"]
            if forecast == "champion":
                out["error"], out["covered"] = losses["error"], losses["covered"]
        parts.append(out)
    return pd.concat(parts, ignore_index=True).sort_values(
        ["data_date", "horizon"], kind="stable", ignore_index=True
    )


def summary(grades: pd.DataFrame) -> pd.DataFrame:
    """What the graded forecasts say, by horizon.

    Parameters
    ----------
    grades
        As `graded` gives them.

    Returns
    -------
    DataFrame
        ``horizon``, ``n``, ``independent_n``, ``coverage`` with the band ``band_low``,
        ``band_high`` of a calibrated interval, ``skill`` against the vol cone frozen then, and
        ``alarm``: empty, or a sentence that says what left its band.
    """
    rows = []
    for name, horizon in HORIZONS.items():
        own = grades[grades["horizon"] == name]
        n = len(own)
        if not n:
            nan = float("nan")
            rows.append((name, 0, 0.0, nan, nan, nan, nan, ""))
            continue
        independent = n / horizon.sessions
        coverage = float(own["covered"].mean())
        low, high = coverage_band(n, horizon.sessions)
        pinball, cone = (float(own[f"pinball_{name}"].mean()) for name in ("champion", "vol_cone"))
        outside = independent >= MIN_INDEPENDENT and not low <= coverage <= high
        alarm = (
            f"{name}: {100 * coverage:.0f} % of {n} outcomes were inside the 80 % interval; of a "
            f"calibrated one {100 * low:.0f} to {100 * high:.0f} % are."
            if outside
            else ""
        )
        rows.append((name, n, independent, coverage, low, high, skill(pinball, cone), alarm))
    columns = [
        "horizon", "n", "independent_n", "coverage", "band_low", "band_high", "skill", "alarm",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)
