"""Time and memory of the panel on random sessions, all roots and horizons, beside its parts.

Usage: ``python benchmarks/panel.py [--roots 16 84] [--sessions 3500]``. The first measurement
pays for the imports of scipy, as a run does.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time

import numpy as np
import pandas as pd

from soyoil.models.champion import ChampionConfig
from soyoil.panel.losses import PanelRules, root_losses
from soyoil.panel.result import make_panel
from soyoil.panel.roots import root_series
from soyoil.splits.plan import SplitConfig
from soyoil.targets.horizons import HORIZONS

RULES = PanelRules(SplitConfig(), ChampionConfig(), min_rows=100)


def make_sessions(roots: int, sessions: int, seed: int = 7) -> pd.DataFrame:
    """Random sessions from 2010-06 on; one in thirty dates is no session of a root."""
    rng = np.random.default_rng(seed)
    days = pd.bdate_range("2010-06-07", periods=sessions).as_unit("us").to_numpy()
    n = roots * sessions
    frame = pd.DataFrame(
        {
            "symbol": np.repeat([f"R{i:03d}" for i in range(roots)], sessions),
            "data_date": np.tile(days, roots),
            "roll_free_return": 0.015 * rng.standard_t(6, n),
            "realized_vol_1h": 0.2 * np.sqrt(rng.chisquare(10, n) / 10),
            "is_thin": False,
            "provenance": "synthetic",
        }
    )
    return frame[rng.random(n) > 1 / 30]


def measure(roots: int, sessions: int) -> None:
    """Print seconds of the whole panel, of the forecasts and losses alone, and peak memory."""
    frame = make_sessions(roots, sessions)
    symbols = tuple(frame["symbol"].unique())
    start = time.perf_counter()
    result = make_panel(frame, symbols, (), RULES)
    whole = time.perf_counter() - start
    start = time.perf_counter()
    for series in root_series(frame, symbols):
        for horizon in HORIZONS.values():
            root_losses(series, horizon, RULES)
    losses = time.perf_counter() - start
    unit = 2**20 if sys.platform == "darwin" else 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit
    rows = int(result.roots.loc[result.roots["model"] == "champion", "n"].sum())
    print(
        f"roots {roots}  scored rows {rows:,}  seconds {whole:.1f}  of them forecasts and losses "
        f"{losses:.1f}  peak RSS MiB {peak}"
    )


def main() -> None:
    """Measure every size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--roots", nargs="+", type=int, default=[16, 84])
    parser.add_argument("--sessions", type=int, default=3500)
    options = parser.parse_args()
    for roots in options.roots:
        measure(roots, options.sessions)


if __name__ == "__main__":
    main()
