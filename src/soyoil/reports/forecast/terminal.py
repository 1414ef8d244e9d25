"""The forecast in the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.table import Table

from soyoil.forecast.outlook import Outlook
from soyoil.market.rolls import ROLLS_UNKNOWN
from soyoil.reports.terminal import percent


def forecast_table(
    symbol: str, unit: str, outlooks: Sequence[Outlook], rolls: str = "known"
) -> Table:
    """One row per horizon, for a terminal of 80 columns; says so where rolls are unknown."""
    first = outlooks[0]
    table = Table(
        title=f"{symbol} from the session of {first.origin:%Y-%m-%d}, close {first.close:.2f}",
        caption=(f"{ROLLS_UNKNOWN} " if rolls == "unknown" else "")
        + (
            f"P10, P50 and P90 in {unit} of a position rolled from this contract; the change of "
            "P10 and P90 in %. covers: outcomes so far inside the 80 % interval. The verdict is on "
            "the pinball skill against the vol cone."
        ),
        box=None,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for header in ("", "due"):
        table.add_column(header, no_wrap=True)
    for header in ("P10", "P50", "P90", "change %", "higher", "covers", "verdict"):
        table.add_column(header, justify="right", no_wrap=True)
    for outlook in outlooks:
        low, high = (100 * math.expm1(outlook.quantiles[i]) for i in (0, 2))
        table.add_row(
            outlook.horizon.name,
            f"{outlook.target_date:%Y-%m-%d}",
            *(f"{outlook.price(level):.2f}" for level in range(3)),
            f"{low:+.1f} {high:+.1f}",
            percent(outlook.probability_higher, 0),
            percent(outlook.record.coverage, 0),
            outlook.record.verdict,
        )
    return table
