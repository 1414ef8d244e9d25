"""Price history with the cone fanned out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from soyoil.forecast.outlook import Outlook
from soyoil.reports.figures import BAND, BLUE, GREY, base_figure

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

HISTORY: Final = 504
"""Sessions of history that are drawn."""


def fan_figure(sessions: pd.DataFrame, outlooks: Sequence[Outlook], unit: str) -> Figure:
    """Last two years of the price on today's level, and the cone from the origin on.

    Parameters
    ----------
    sessions
        ``data_date``, ``close``, ``roll_free_return``; the last row is the origin. The line is the
        price without the jumps at rolls, so that it and the cone are of one position.
    outlooks
        One per horizon, shortest first.
    unit
        Unit of the price.
    """
    shown = sessions.tail(HISTORY)
    back = shown["roll_free_return"].iloc[::-1].shift(1).fillna(0.0).cumsum().iloc[::-1]
    price = float(shown["close"].iloc[-1]) * np.exp(-back.to_numpy(dtype="float64"))
    origin = outlooks[0].origin.isoformat()
    days = [origin, *(o.target_date.isoformat() for o in outlooks)]
    close = outlooks[0].close
    low, median, high = ([close, *(o.price(i) for o in outlooks)] for i in range(3))
    figure = base_figure("", 440)
    figure.add_scatter(
        x=shown["data_date"].dt.strftime("%Y-%m-%d").tolist(), y=price.round(3).tolist(),
        mode="lines", name="price, rolls taken out", line={"color": GREY, "width": 1.2},
    )  # fmt: skip
    figure.add_scatter(
        x=days, y=high, mode="lines", line={"color": BAND, "width": 0}, showlegend=False,
        hovertemplate="P90 %{y:.2f}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=days, y=low, mode="lines", line={"color": BAND, "width": 0}, fill="tonexty",
        fillcolor=BAND, name="80 % interval", hovertemplate="P10 %{y:.2f}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=days, y=median, mode="lines+markers", name="median", line={"color": BLUE, "width": 1.4},
        hovertemplate="P50 %{y:.2f}<extra></extra>",
    )  # fmt: skip
    figure.update_yaxes(title=unit)
    return figure
