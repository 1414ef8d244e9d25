"""CPU time of the figures of a tracked run, beside a plain matplotlib figure of the same cone.

The rows are random: ten years of sessions, as many labels and bars as a real run has. Both sides
are warm before the clock starts, and both end with a PNG of the same size.

Usage: python benchmarks/figures.py [repetitions]
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from soyoil.metrics.breakdown import coverage_table
from soyoil.reports.canvas import DPI
from soyoil.reports.plots import cone_plot, coverage_plot, ranked_plot

SESSIONS = 2_500
REGIMES = 7
FEATURES = 40


def forecasts() -> pd.DataFrame:
    """Random scored rows."""
    random = np.random.default_rng(5)
    days = pd.bdate_range("2016-01-04", periods=SESSIONS + 21, unit="us")
    names = [f"regime_number_{n}" for n in range(REGIMES)]
    return pd.DataFrame(
        {
            "data_date": days[:-21],
            "label_end_date": days[21:],
            "close": 50 * np.exp(np.cumsum(random.normal(0, 0.015, SESSIONS))),
            "q10": -0.09,
            "q50": random.normal(0, 0.01, SESSIONS),
            "q90": 0.09,
            "y": random.normal(0, 0.07, SESSIONS),
            "regime_name": np.repeat(names, -(-SESSIONS // REGIMES))[:SESSIONS],
        }
    )


def importance() -> pd.DataFrame:
    """Random importances."""
    values = np.sort(np.random.default_rng(6).exponential(0.01, FEATURES))[::-1]
    names = [f"market_data.feature_{n}" for n in range(FEATURES)]
    return pd.DataFrame({"feature": names, "contribution": values, "gain": values[::-1]})


def with_matplotlib(rows: pd.DataFrame) -> bytes:
    """The cone as a figure of matplotlib's own."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.5), layout="constrained", dpi=DPI)
    axes = figure.subplots()
    axes.set_title("cone", loc="left")
    close = rows["close"].to_numpy()
    low, median, high, outcome = (
        close * np.exp(rows[name].to_numpy()) for name in ("q10", "q50", "q90", "y")
    )
    when = rows["label_end_date"].to_numpy()
    axes.fill_between(when, low, high, alpha=0.45, linewidth=0, label="80 % interval")
    axes.plot(when, median, linewidth=0.9, label="median")
    axes.plot(when, outcome, linewidth=0.9, label="outcome")
    axes.set_ylabel("US cents/lb", fontsize=8)
    axes.legend(loc="upper left", frameon=False, fontsize=8)
    image = io.BytesIO()
    FigureCanvasAgg(figure).print_png(image, pil_kwargs={"compress_level": 1})
    return image.getvalue()


def milliseconds(draw: Callable[[], bytes], repetitions: int) -> float:
    """CPU time of one drawing."""
    draw()
    started = time.process_time()
    for _ in range(repetitions):
        draw()
    return 1e3 * (time.process_time() - started) / repetitions


def main(repetitions: int) -> None:
    """Print a table."""
    rows, table = forecasts(), importance()
    coverage = coverage_table(rows, 21)
    kinds = {"contribution": "mean |contribution|", "gain": "share of gain"}
    for name, draw in {
        "cone": lambda: cone_plot(rows, "cone", "US cents/lb").png(),
        "coverage": lambda: coverage_plot(coverage, "coverage").png(),
        "importance": lambda: ranked_plot(table, kinds, "importance").png(),
        "cone by matplotlib": lambda: with_matplotlib(rows),
    }.items():
        print(f"{name:20} {milliseconds(draw, repetitions):6.1f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
