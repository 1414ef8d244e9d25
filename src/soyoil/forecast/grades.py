"""How the forecasts of the ledger turned out, against the cones that were frozen beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from soyoil.forecast.ledger import market_name
from soyoil.forecast.monitor import ALARM, anytime_p
from soyoil.forecast.outlook import Record
from soyoil.metrics.bootstrap import skill_interval
from soyoil.metrics.breakdown import coverage_band
from soyoil.metrics.evaluate import MIN_SKILL, skill
from soyoil.metrics.losses import row_losses
from soyoil.splits.snapshot import Snapshot
from soyoil.targets.horizons import HORIZONS, Horizon
from soyoil.targets.labels import build_labels

MIN_INDEPENDENT: Final = 5.0
"""Fewer labels than this that do not overlap give no interval of the skill."""

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


def summary(grades: pd.DataFrame, records: Mapping[str, Record]) -> pd.DataFrame:
    """What the graded forecasts say, by horizon, beside what the backtest promised.

    Parameters
    ----------
    grades
        As `graded` gives them.
    records
        Backtest of the rule by horizon.

    Returns
    -------
    DataFrame
        ``horizon``, ``n``, ``independent_n``, ``coverage`` with the band ``band_low``,
        ``band_high`` of a calibrated interval; ``p``, the p-value of `anytime_p`; ``skill`` against
        the vol cone frozen then, with ``skill_low``, ``skill_high``; ``backtest``,
        ``backtest_low``, ``backtest_high`` and ``backtest_coverage``; and ``alarm``: empty, or a
        sentence that says what left its band. Of several forecasts of one origin the first counts.
    """
    rows = [_summary(grades, horizon, records[name]) for name, horizon in HORIZONS.items()]
    return pd.DataFrame(rows)


def _summary(grades: pd.DataFrame, horizon: Horizon, record: Record) -> dict[str, Any]:
    nan = float("nan")
    name, h = horizon.name, horizon.sessions
    own = grades[grades["horizon"] == name].drop_duplicates("data_date")
    n = len(own)
    out: dict[str, Any] = {
        "horizon": name, "n": n, "independent_n": n / h, "coverage": nan, "band_low": nan,
        "band_high": nan, "p": 1.0, "skill": nan, "skill_low": nan, "skill_high": nan,
        "backtest": record.skill, "backtest_low": record.low, "backtest_high": record.high,
        "backtest_coverage": record.coverage, "alarm": "",
    }  # fmt: skip
    if not n:
        return out
    covered = own["covered"].to_numpy(dtype="float64")
    pinball, cone = (
        own[f"pinball_{forecast}"].to_numpy(dtype="float64")
        for forecast in ("champion", "vol_cone")
    )
    out["coverage"], out["p"] = float(covered.mean()), anytime_p(covered, h)
    out["band_low"], out["band_high"] = coverage_band(n, h)
    out["skill"] = skill(float(pinball.mean()), float(cone.mean()))
    if n / h >= MIN_INDEPENDENT:
        interval = skill_interval(pinball, cone, np.ones(n), h)
        out["skill_low"], out["skill_high"] = interval.low, interval.high
    out["alarm"] = _alarm(out)
    return out


def _alarm(row: Mapping[str, Any]) -> str:
    said = []
    if row["p"] < ALARM:
        said.append(
            f"{100 * row['coverage']:.0f} % of {row['n']} outcomes were inside the 80 % interval; "
            f"were it calibrated, this would ever be seen with probability {row['p']:.2g}"
        )
    if row["skill_high"] < MIN_SKILL:
        said.append(
            f"the pinball skill against the vol cone is {100 * row['skill']:+.1f} % "
            f"[{100 * row['skill_low']:+.1f}, {100 * row['skill_high']:+.1f}], the backtest had "
            f"{100 * row['backtest']:+.1f} %"
        )
    return f"{row['horizon']}: {'; '.join(said)}." if said else ""
