"""Back months of the synthetic market: every contract at the price that its bars would show."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray
from soyoil.base.errors import ConfigError
from soyoil.external.readers.curve import NAME, SERIES, contract_names, first_days, labels
from soyoil.external.releases import close_known_at
from soyoil.external.schedule import last_trades
from soyoil.external.twins.market import TwinMarket, series_rows
from soyoil.market.instruments import TARGET_ROOT
from soyoil.sources.synthetic.rolls import contract_offsets
from soyoil.sources.synthetic.roots import root_spec

AHEAD_MONTHS: Final = 18
"""Months before delivery from which on a contract has a price."""
TILT: Final = 0.10
"""Annualised carry that a driver of one standard deviation adds, where an effect is planted."""


def curve_twin(market: TwinMarket) -> pd.DataFrame:
    """Closes of every listed contract that has not ended.

    All contracts move by the same returns and differ by constant offsets, those of the bars, so
    carry is known: the difference of two offsets over the time between deliveries. It says nothing
    of what comes, unless an effect is planted: then the curve tilts by the driver.

    Raises
    ------
    ConfigError
        The target is another root than the one whose contracts the source holds.
    """
    if market.target != TARGET_ROOT:
        raise ConfigError(
            f"external.{NAME}.origin=synthetic has the contracts of {TARGET_ROOT} alone, and "
            f"target.symbol is {market.target}. Leave the source off."
        )
    path = market.path
    last = int((path.sessions.dates <= market.end).sum())
    days = path.sessions.dates[:last].astype("datetime64[D]")
    known_at = close_known_at(days)
    months, offsets = contract_offsets(market.config, market.target, path.sessions)
    now = days.astype("datetime64[M]").astype(np.int64) + 1970 * 12
    ahead = months[None, :] - now[:, None]
    traded = (ahead <= AHEAD_MONTHS) & (days[:, None] <= last_trades(first_days(months))[None, :])
    log_price = path.log_index[:last, None] + offsets[None, :]
    if market.planted is not None and market.planted.source == NAME:
        driver = market.driver(NAME, TARGET_ROOT, days, known_at, 0.9)
        log_price = log_price - TILT * driver[:, None] * ahead / 12.0
    session, contract = np.nonzero(traded)
    price: FloatArray = np.round(root_spec(TARGET_ROOT).level * np.exp(log_price), 2)
    rows = series_rows(
        (SERIES, ""),
        days[session],
        known_at.iloc[session].reset_index(drop=True),
        {"price": price[session, contract]},
    )
    rows[SERIES] = contract_names(months[contract])
    return market.known(rows.assign(**labels(months[contract])))
