"""A market as a vendor's CSV files, one a month; every price is invented."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

CONTRACTS = {"2018-01-02": 1000, "2018-03-14": 1001, "2018-05-14": 1002, "2018-07-13": 1003}
"""First session of each contract."""

HOURS = range(1, 19)
"""Hours of a session after midnight UTC in summer, 19:00 to 13:20 in Chicago."""
LAST = "2018-08-31"


def market(root: str = "ZL", seed: int = 7) -> pd.DataFrame:
    """Hourly bars of all weekdays from the first contract to `LAST`, as the vendor writes them."""
    days = pd.bdate_range(min(CONTRACTS), LAST)
    local = (days.tz_localize("America/Chicago") + pd.Timedelta(hours=12)).tz_convert("UTC")
    winter = (local.hour - 17).to_numpy()
    start = (np.repeat(days.to_numpy(), len(HOURS))
             + np.tile(np.array(HOURS, dtype="timedelta64[h]"), len(days))
             + np.repeat(winter, len(HOURS)).astype("timedelta64[h]"))  # fmt: skip
    rng = np.random.default_rng(seed)
    close = np.round(40 * np.exp(np.cumsum(rng.normal(0, 0.003, len(start)))), 2)
    open_ = np.r_[40.0, close[:-1]]
    firsts = np.array(list(CONTRACTS), dtype="datetime64[D]")
    number = np.searchsorted(firsts, start.astype("datetime64[D]"), side="right") - 1
    price = {
        "open": open_,
        "high": np.maximum(open_, close) + 0.02,
        "low": np.minimum(open_, close) - 0.02,
        "close": close,
    }
    return pd.DataFrame(
        {
            "ts_event": pd.Series(start).dt.strftime("%Y-%m-%dT%H:%M:%S.000000000Z"),
            "rtype": 34,
            "publisher_id": 1,
            "instrument_id": np.array(list(CONTRACTS.values()))[number],
            **{name: [f"{value:.9f}" for value in values] for name, values in price.items()},
            "volume": rng.integers(900, 1300, len(start)),
            "symbol": f"{root}.v.0",
        }
    )


def write_market(folder: Path) -> list[Path]:
    """Write the market, one file a month, and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    bars = market()
    written = []
    for month, rows in bars.groupby(bars["ts_event"].str[:7]):
        path = folder / f"glbx-mdp3-{month}.ohlcv-1h.csv"
        rows.to_csv(path, index=False, lineterminator="\n")
        written.append(path)
    return written
