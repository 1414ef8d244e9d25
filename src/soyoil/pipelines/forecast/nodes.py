"""Nodes of the forecast."""

from __future__ import annotations

import datetime as dt
import io
import json
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import pandas as pd
from rich.console import Console, RenderableType

from soyoil import __version__
from soyoil.base import clock
from soyoil.base.errors import SplitError
from soyoil.base.handover import text_hash
from soyoil.forecast.config import ForecastConfig
from soyoil.forecast.grades import graded, summary
from soyoil.forecast.ledger import ABSENT, SAME, compare, extend, forecast_rows
from soyoil.forecast.outlook import Outlook, missing_sessions, outlooks
from soyoil.market.instruments import get_instrument
from soyoil.models.champion import ChampionConfig
from soyoil.pipelines.grid import bound
from soyoil.reports.forecast.page import ForecastResults, age_text, forecast_page
from soyoil.reports.forecast.terminal import forecast_table
from soyoil.reports.forecast.words import sentence
from soyoil.serving.challengers import Challengers, challengers
from soyoil.serving.served import ServedModel
from soyoil.splits.plan import SplitConfig
from soyoil.splits.snapshot import Snapshot

logger = logging.getLogger(__name__)

TEXT_WIDTH: Final = 80
"""Columns of the table that is kept as a text."""

LEVELS: Final = ("p10", "p50", "p90")
MODEL: Final = "cones"
"""Name of the rule: the champion of the cones, without engines."""


@dataclass(frozen=True, eq=False)
class Forecast:
    """A forecast and what it was made from.

    Attributes
    ----------
    snapshot
        Sessions up to the origin.
    outlooks
        One per horizon, shortest first.
    rows
        The same as rows of the ledger.
    missing
        Sessions that ended since the origin.
    live
        Whether it belongs into the ledger: it is no forecast of a past evening, and the data was
        not stale, or that was asked for.
    """

    snapshot: Snapshot
    outlooks: Sequence[Outlook]
    rows: pd.DataFrame
    missing: int
    live: bool


def _cut(snapshot: Snapshot, asof: dt.date | None) -> Snapshot:
    if asof is None:
        return snapshot
    kept = snapshot.matrix["data_date"] <= pd.Timestamp(asof)
    if not kept.any():
        first = snapshot.matrix["data_date"].iloc[0]
        raise SplitError(
            f"forecast.asof={asof} is before the first session of {snapshot.symbol}, "
            f"{first:%Y-%m-%d}. Choose a later day."
        )
    return replace(snapshot, matrix=snapshot.matrix[kept].reset_index(drop=True))


def make_forecast(
    snapshot: Snapshot,
    split: SplitConfig,
    champion: ChampionConfig,
    forecast: ForecastConfig,
    *,
    strict: bool,
) -> Forecast:
    """Forecast every horizon from the last session.

    Raises
    ------
    SplitError
        The data is stale, and that was not allowed, or none is left.
    ModelError
        No session stands behind the first origin.
    """
    known = _cut(snapshot, forecast.asof)
    last = known.matrix["data_date"].iloc[-1].date()
    missing = 0
    # An invented market has no today.
    if known.provenance != "synthetic":
        today = forecast.asof + dt.timedelta(days=1) if forecast.asof else clock.today()
        missing = missing_sessions(known.symbol, last, today)
    stale = missing > forecast.max_age_sessions and not forecast.allow_stale
    if stale and strict:
        raise SplitError(
            f"The data is stale: {age_text(last, missing)} No forecast was made. Load newer bars, "
            "or take it as it is with --params=forecast.allow_stale=true."
        )
    found = outlooks(known, split, champion)
    parameters = {
        "champion": champion.deciding(found[0].weights),
        "first": split.scored_from[1].isoformat(),
        "warm_up": split.warm_up,
    }
    version = f"{MODEL}-{text_hash(parameters)[:12]}"
    rows = forecast_rows(known, found, version, __version__)
    return Forecast(known, found, rows, missing, forecast.asof is None and not stale)


def forecast_node(*, strict: bool) -> Callable[..., Forecast]:
    """Node function of the forecast; a strict one refuses stale data."""
    return bound(make_forecast, strict=strict)


def record(forecast: Forecast, ledger: pd.DataFrame) -> pd.DataFrame:
    """Rows to add to the ledger: none if they are there, or if the forecast is of a past evening.

    Raises
    ------
    LedgerError
        The ledger was changed.
    """
    if not forecast.live:
        return ledger.iloc[:0]
    now = pd.Timestamp(dt.datetime.now(dt.UTC)).as_unit("us")
    return extend(ledger, forecast.rows, now)


def challenge(forecast: Forecast, **served: ServedModel | None) -> Challengers:
    """What the engines of the last training say of the same session.

    Parameters
    ----------
    forecast
        The forecast.
    **served
        Champion of each horizon by name, as far as one was trained.
    """
    models = [model for model in served.values() if model is not None]
    found = challengers(forecast.snapshot, models if len(models) == len(served) else [])
    if found.note:
        logger.info("engines are left out: %s", found.note)
    return found


def _ledger_text(forecast: Forecast, ledger: pd.DataFrame, asof: dt.date | None) -> str:
    there = compare(ledger, forecast.rows)
    market = forecast.rows["market"].iloc[0]
    here = (ledger["symbol"] == forecast.snapshot.symbol) & (ledger["market"] == market)
    days = ledger.loc[here, "data_date"].nunique()
    kept = f"The ledger holds the forecasts of {days:,} session{'' if days == 1 else 's'}"
    if (there == SAME).all():
        return f"{kept}, this one among them, bit by bit."
    other = there[~there.isin([SAME, ABSENT])]
    if len(other):
        return (
            f"{kept}, and of this one another: it differs in {other.iloc[0]}. The bars of that day "
            "were changed since, or the code. What was said then stays."
        )
    why = "a past evening's is not added" if asof else "those from stale data are not added"
    return f"{kept}, this one not: {why}."


def _plain(forecast: Forecast, unit: str, engines: Challengers) -> dict[str, Any]:
    first = forecast.outlooks[0]
    return {
        "symbol": forecast.snapshot.symbol,
        "provenance": forecast.snapshot.provenance,
        "rolls": forecast.snapshot.rolls,
        "origin": first.origin.isoformat(),
        "close": first.close,
        "unit": unit,
        "missing_sessions": forecast.missing,
        "snapshot": forecast.snapshot.content_hash,
        "horizons": [
            {
                "horizon": o.horizon.name,
                "sessions": o.horizon.sessions,
                "target_date": o.target_date.isoformat(),
                "log_return": dict(zip(LEVELS, o.quantiles, strict=True)),
                "price": {f"p{10 + 40 * i}": o.price(i) for i in range(3)},
                "probability_higher": o.probability_higher,
                "weights": dict(o.weights),
                "verdict": o.record.verdict,
                "coverage_so_far": None if math.isnan(o.record.coverage) else o.record.coverage,
                "sentence": sentence(o, unit),
            }
            for o in forecast.outlooks
        ],
        "engines": {
            "fitted_to": None if engines.cutoff is None else engines.cutoff.isoformat(),
            "note": engines.note,
            "champion_with_engines": {
                name: dict(zip(LEVELS, values, strict=True))
                for name, values in engines.mixed.items()
            },
            "challengers": [
                {
                    "horizon": row.horizon,
                    "engine": row.engine,
                    "log_return": dict(zip(LEVELS, row.quantiles, strict=True)),
                    "weight": row.weight,
                    "drivers": dict(row.drivers),
                    "fallback": row.fallback,
                }
                for row in engines.rows
            ],
        },
    }


def _as_text(table: RenderableType, forecast: Forecast, ledger: str) -> str:
    """The table of the terminal as a file, with what is said below it."""
    text = io.StringIO()
    console = Console(file=text, width=TEXT_WIDTH)
    console.print(table)
    if forecast.missing:
        console.print(age_text(forecast.outlooks[0].origin, forecast.missing), markup=False)
    console.print(ledger, markup=False)
    return text.getvalue()


def publish(
    forecast: Forecast,
    ledger: pd.DataFrame,
    snapshot: Snapshot,
    engines: Challengers,
    config: ForecastConfig,
) -> tuple[dict[str, str], pd.DataFrame, pd.DataFrame]:
    """Files by name, the forecast as rows, and how those of the ledger turned out.

    Parameters
    ----------
    forecast
        The forecast.
    ledger
        The ledger with it, if it belongs there.
    snapshot
        All sessions: what has come due does not depend on the evening that is looked at.
    engines
        What the engines say beside it.
    config
        ``asof``.
    """
    unit = get_instrument(forecast.snapshot.symbol).unit
    records = {outlook.horizon.name: outlook.record for outlook in forecast.outlooks}
    grades = summary(graded(ledger, snapshot), records)
    for alarm in grades["alarm"]:
        if alarm:
            logger.warning("%s", alarm)
    text = _ledger_text(forecast, ledger, config.asof)
    known = forecast.snapshot
    table = forecast_table(known.symbol, unit, forecast.outlooks, known.rolls)
    Console().print(table)
    if forecast.missing:
        logger.warning("%s", age_text(forecast.outlooks[0].origin, forecast.missing))
    logger.log(logging.WARNING if "another" in text else logging.INFO, "%s", text)
    results = ForecastResults(
        forecast.snapshot, forecast.outlooks, forecast.missing, grades, text, engines
    )
    name = f"forecast_{config.asof}" if config.asof else "forecast"
    return (
        {
            f"{name}.html": forecast_page(results),
            f"{name}.json": json.dumps(_plain(forecast, unit, engines), indent=2) + "\n",
            f"{name}.txt": _as_text(table, forecast, text),
        },
        forecast.rows,
        grades,
    )
