"""The forecast as one self-contained page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from soyoil.forecast.outlook import Outlook
from soyoil.market.instruments import get_instrument
from soyoil.reports.forecast.figure import fan_figure
from soyoil.reports.forecast.words import day, sentence, trust
from soyoil.reports.page import (
    Html,
    Page,
    Table,
    data_banners,
    facts,
    grid,
    heading,
    join,
    paragraph,
)
from soyoil.reports.terminal import percent
from soyoil.serving.challengers import Challengers
from soyoil.splits.snapshot import Snapshot


@dataclass(frozen=True, eq=False)
class ForecastResults:
    """What the page is made of.

    Attributes
    ----------
    snapshot
        Sessions up to the origin.
    outlooks
        One per horizon, shortest first.
    missing
        Sessions that ended since the origin.
    grades
        As `soyoil.forecast.grades.summary` gives them.
    ledger
        One sentence about the ledger.
    engines
        What the engines say beside it.
    """

    snapshot: Snapshot
    outlooks: Sequence[Outlook]
    missing: int
    grades: pd.DataFrame
    ledger: str
    engines: Challengers


def age_text(origin: object, missing: int) -> str:
    """How old the data is."""
    if not missing:
        return f"The data is of {origin:%Y-%m-%d}, the last session that has ended."
    plural = "session has" if missing == 1 else "sessions have"
    return f"The data ends on {origin:%Y-%m-%d}: {missing:,} {plural} ended since."


def _table(outlooks: Sequence[Outlook], unit: str) -> Table:
    rows = [
        [
            o.horizon.name,
            f"{o.target_date:%Y-%m-%d}",
            *(f"{o.price(level):.2f}" for level in range(3)),
            f"{100 * math.expm1(o.quantiles[0]):+.1f}",
            f"{100 * math.expm1(o.quantiles[2]):+.1f}",
            percent(o.probability_higher, 0),
            *(percent(weight, 0) for weight in o.weights.values()),
        ]
        for o in outlooks
    ]
    return Table(
        caption=f"Prices in {unit} of a position rolled from today's contract",
        header=(
            "Horizon", "Due", "P10", "P50", "P90", "P10, %", "P90, %", "Higher",
            *(f"Weight of {name}" for name in outlooks[0].weights),
        ),
        groups=[("", rows)],
        text_columns=frozenset({0, 1}),
        extra_columns=frozenset({8, 9}),
    )  # fmt: skip


def _with_interval(row: Mapping[Any, Any], value: str, bounds: str) -> str:
    low, high = 100 * row[f"{bounds}_low"], 100 * row[f"{bounds}_high"]
    said = percent(row[value], 1, signed=True)
    return said if math.isnan(low) else f"{said} [{low:+.1f}, {high:+.1f}]"


def _live(grades: pd.DataFrame) -> list[Html]:
    due = grades[grades["n"] > 0]
    if due.empty:
        return [paragraph("No forecast of the ledger has come due yet.")]
    rows = [
        [
            row["horizon"],
            f"{row['n']:,}",
            f"{row['independent_n']:.1f}",
            percent(row["coverage"], 0),
            f"{100 * row['band_low']:.0f} to {100 * row['band_high']:.0f} %",
            _with_interval(row, "skill", "skill"),
            percent(row["backtest_coverage"], 0),
            _with_interval(row, "backtest", "backtest"),
        ]
        for row in due.to_dict("records")
    ]
    table = Table(
        caption="Forecasts of the ledger that have come due",
        header=(
            "Horizon", "Forecasts", "n / h", "80 % covers", "If calibrated", "Pinball skill",
            "Backtest covers", "Backtest skill",
        ),
        groups=[("", rows)],
    )  # fmt: skip
    alarms = [paragraph(text, "banner") for text in due["alarm"] if text]
    return [*alarms, table.render()]


def _price(close: float, log_return: float) -> str:
    return f"{close * math.exp(log_return):.2f}"


def _short(feature: str) -> str:
    """A feature without its group; one that a network makes itself has none."""
    return feature.rpartition(".")[2]


def _engines(results: ForecastResults) -> list[Html]:
    engines, outlooks = results.engines, {o.horizon.name: o for o in results.outlooks}
    if engines.cutoff is None:
        return [paragraph(f"None are shown: {engines.note}.")]
    rows = []
    for row in engines.rows:
        close = outlooks[row.horizon].close
        rows.append(
            [
                row.horizon,
                row.engine,
                *(_price(close, value) for value in row.quantiles),
                percent(row.weight, 1),
                row.fallback
                or "; ".join(f"{_short(name)} {value:+.2g}" for name, value in row.drivers),
            ]
        )
    mixed = [
        [name, *(_price(outlooks[name].close, value) for value in values)]
        + [f"{outlooks[name].price(level):.2f}" for level in (0, 1, 2)]
        for name, values in engines.mixed.items()
    ]
    unit = get_instrument(results.snapshot.symbol).unit
    return [
        paragraph(
            f"Engines fitted up to {engines.cutoff:%Y-%m-%d} challenge the forecast above. Each "
            "weighs what its past forecasts have earned; beside them, the champion with them and "
            "without."
        ),
        Table(
            caption=f"The champion with the engines, and the forecast above, {unit}",
            header=("Horizon", "P10 with", "P50 with", "P90 with", "P10", "P50", "P90"),
            groups=[("", mixed)],
        ).render(),
        Table(
            caption=f"Engines, {unit}, and what moves them most today",
            header=("Horizon", "Engine", "P10", "P50", "P90", "Weight", "Moved by"),
            groups=[("", rows)],
            text_columns=frozenset({0, 1, 6}),
            extra_columns=frozenset({6}),
        ).render(),
        paragraph(
            "Moved by: the contribution of a feature to the median, in units of the vol cone's "
            "sigma as far as labels are scaled by it; of a network, the weight with which it "
            "selects a variable.",
            "note",
        ),
    ]


def forecast_section(page: Page, snapshot: Snapshot, outlooks: Sequence[Outlook]) -> None:
    """The cone in prices, and a sentence or two for each horizon.

    Parameters
    ----------
    page
        Page to append to.
    snapshot
        Sessions up to the origin.
    outlooks
        One per horizon, shortest first.
    """
    unit = get_instrument(snapshot.symbol).unit
    cards = [
        join((heading(o.horizon.name), paragraph(sentence(o, unit)), paragraph(trust(o), "note")))
        for o in outlooks
    ]
    page.add(
        "forecast",
        "What to expect",
        page.figure(
            fan_figure(snapshot.sessions(), outlooks, unit),
            f"Price on the level of today's contract, with the 80 % interval of each horizon, "
            f"{unit}",
        ),
        grid([Html("<div>{}</div>").format(card) for card in cards], "cards"),
    )


def forecast_page(results: ForecastResults) -> str:
    """The page as one HTML file that asks for nothing from anywhere."""
    snapshot, outlooks = results.snapshot, results.outlooks
    instrument = get_instrument(snapshot.symbol)
    origin = outlooks[0].origin
    lead = data_banners(snapshot.provenance, snapshot.rolls)
    kind = "banner" if results.missing else ""
    lead.append(paragraph(age_text(origin, results.missing), kind))
    lead.append(
        facts(
            [
                ("Market", f"{instrument.name} ({snapshot.symbol})"),
                ("Close", f"{outlooks[0].close:.2f} {instrument.unit}"),
                ("Snapshot", snapshot.content_hash[:16]),
            ]
        )
    )
    page = Page(f"{snapshot.symbol}: forecast of {day(origin)}", Html("".join(lead)))
    forecast_section(page, snapshot, outlooks)
    page.add(
        "numbers",
        "Numbers",
        _table(outlooks, instrument.unit).render(),
        paragraph(
            "The interval is the mix of two volatility cones that did best so far; engines are "
            "challengers and take no part in it. Its median is today's price: no direction "
            "was found that holds.",
            "note",
        ),
    )
    page.add("engines", "Engines", *_engines(results))
    page.add("ledger", "Ledger", paragraph(results.ledger), *_live(results.grades))
    return page.render()
