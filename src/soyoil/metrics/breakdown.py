"""Scores by regime and coverage by regime and year, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import pandas as pd

from soyoil.metrics.evaluate import NOMINAL_COVERAGE
from soyoil.metrics.keys import MetricKey, Weighting, pooled
from soyoil.metrics.losses import row_losses

LEVEL: Final = 0.90
"""Least probability with which the coverage of a calibrated interval lies in its band."""

SCORES: Final = (
    "n", "effective_n", "independent_n", "mae", "skill_mae", "pinball", "skill_pinball",
    "coverage_80",
)  # fmt: skip

WHOLE: Final[dict[Weighting, str]] = {
    "uniform": "all rows",
    "regime": "all rows, regime weights",
    "macro": "mean over regimes",
    "worst": "worst regime, each metric",
}
"""Names of the rows that are about more than one regime, by weighting."""


@lru_cache(maxsize=1024)
def coverage_band(n: int, sessions: int) -> tuple[float, float]:
    """Bounds within which the coverage of a calibrated 80 % interval lies.

    Whether an interval held its outcome depends on the same days for neighbouring origins, so
    that n rows of horizon h count as m = n / h trials (at least one). The number of hits among
    them is Binomial(m, 0.8); the bounds are its quantiles over m. The correlation of such hits
    falls faster with the lag than the overlap does, so the band is rather too wide.

    Parameters
    ----------
    n
        Scored rows, at least one.
    sessions
        Horizon h.

    Returns
    -------
    tuple of float
        Bounds that hold with a probability of at least `LEVEL`.
    """
    # Half a second to import, and every command would pay for it.
    from scipy import stats

    trials = max(n // sessions, 1)
    tail = (1.0 - LEVEL) / 2
    low, high = stats.binom.ppf([tail, 1.0 - tail], trials, NOMINAL_COVERAGE) / trials
    return float(low), float(high)


def coverage_table(predictions: pd.DataFrame, sessions: int) -> pd.DataFrame:
    """Coverage of the 80 % interval over all rows, by regime and by year of the origin.

    Parameters
    ----------
    predictions
        ``data_date``, ``q10``, ``q50``, ``q90``, ``y``, ``regime_name``; one row per origin.
    sessions
        Horizon in sessions.

    Returns
    -------
    DataFrame
        ``group`` (``all``, ``regime``, ``year``), ``name``, ``n``, ``independent_n``,
        ``coverage_80``, ``band_low``, ``band_high``; regimes and years in time order.
    """
    rows = predictions.sort_values("data_date")
    hits = row_losses(rows)["covered"].astype("float64")
    keys = {
        "all": pd.Series("all", index=rows.index),
        "regime": rows["regime_name"],
        "year": rows["data_date"].dt.strftime("%Y"),
    }
    parts = []
    for group, names in keys.items():
        table = hits.groupby(names.astype("str"), sort=False).agg(n="size", coverage_80="mean")
        table.insert(0, "group", group)
        parts.append(table.rename_axis("name").reset_index())
    out = pd.concat(parts, ignore_index=True)
    bands = [coverage_band(int(n), sessions) for n in out["n"]]
    out["independent_n"] = out["n"] / sessions
    out["band_low"] = [low for low, _ in bands]
    out["band_high"] = [high for _, high in bands]
    order = ["group", "name", "n", "independent_n", "coverage_80", "band_low", "band_high"]
    return out[order]


def regime_scores(metrics: Mapping[str, float]) -> pd.DataFrame:
    """Pooled metrics as a table: one row per regime below those over all rows.

    Parameters
    ----------
    metrics
        As `Evaluation.metrics`.

    Returns
    -------
    DataFrame
        ``rows`` (one of `WHOLE` or a regime, in time order) and the metrics `SCORES`; NaN where
        one does not exist.
    """
    found = (MetricKey.parse(key) for key in metrics if key.startswith("pooled."))
    regimes = [key.regime for key in found if key.metric == "n" and key.regime is not None]
    keys: list[tuple[str, Weighting, str | None]] = [(n, w, None) for w, n in WHOLE.items()]
    keys += [(name, "uniform", name) for name in regimes]
    values = [
        {
            "rows": name,
            **{m: metrics.get(pooled(m, weighting, regime), float("nan")) for m in SCORES},
        }
        for name, weighting, regime in keys
    ]
    return pd.DataFrame(values, columns=["rows", *SCORES])
