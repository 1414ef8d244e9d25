"""Back months: files by contract, when they are known, and the twin of known carry."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from outside_files import MemoryStore

from soyoil.base.errors import ConfigError, SourceError
from soyoil.contracts.contract import load_contract
from soyoil.contracts.validation import validate
from soyoil.external.config import ExternalConfig, PlantedConfig
from soyoil.external.load import Loaded, load_external
from soyoil.external.schedule import first_notices, last_trades
from soyoil.external.twins.curve import TILT, curve_twin
from soyoil.external.twins.market import TwinMarket
from soyoil.features.groups.curve import curve_features
from soyoil.sources.base import SourceConfig, no_progress
from soyoil.sources.synthetic.config import SyntheticConfig
from soyoil.sources.synthetic.market import generate_batch
from soyoil.sources.synthetic.rolls import contract_offsets

NOW = pd.Timestamp("2025-06-20 12:00", tz="UTC").as_unit("us")
TABLE = "market_data.futures_curve_daily"
SHORT = SyntheticConfig.model_validate({"start": "2018-01-02", "end": "2019-04-30"})
Write = Callable[[str, str], Path]


def load(store: MemoryStore, path: Path, now: pd.Timestamp = NOW) -> Loaded:
    config = ExternalConfig.model_validate({"curve": {"path": str(path), "required": True}})
    loaded = load_external(config, store, now)
    for name, rows in loaded.records.tables.items():
        validate(rows, load_contract(name))
    store.write(loaded.records)
    return loaded


def prices(store: MemoryStore) -> dict[tuple[str, str], tuple[float, str]]:
    """Price and moment of knowledge by contract and day."""
    rows = store.rows(TABLE).sort_values(["contract", "event_time"])
    return {
        (name, f"{day:%F}"): (price, f"{known:%F %H:%M}")
        for name, day, price, known in zip(
            rows["contract"], rows["event_time"], rows["price"], rows["known_at"], strict=True
        )
    }


def reasons(loaded: Loaded) -> dict[str, int]:
    return {str(k): int(n) for k, n in loaded.rejected["reason"].value_counts().items()}


def test_expiries_by_hand() -> None:
    months = np.array(["2024-03-01", "2023-12-01", "2022-05-01"], dtype="datetime64[D]")
    assert [str(d) for d in first_notices(months)] == ["2024-02-29", "2023-11-30", "2022-04-29"]
    # The 15th of May 2022 is a Sunday: the business day before is a Friday.
    assert [str(d) for d in last_trades(months)] == ["2024-03-14", "2023-12-14", "2022-05-13"]


HOURLY = (
    "ts_event,rtype,symbol,open,high,low,close,volume\n"
    # Tuesday's session begins on Monday evening; its last bar before 13:20 in Chicago counts.
    "2024-01-09T01:00:00.000000000Z,34,ZLH4,48,48,48,48.10,5\n"
    "2024-01-09T19:00:00.000000000Z,34,ZLH4,48,48,48,48.35,5\n"
    "2024-01-09T18:00:00.000000000Z,34,ZLH4,48,48,48,48.20,5\n"
    # At 20:00 UTC it is 14:00 in Chicago, after the close.
    "2024-01-09T20:00:00.000000000Z,34,ZLH4,48,48,48,40.00,5\n"
    "2024-01-09T18:00:00.000000000Z,34,ZLK4,48,48,48,48.60,5\n"
    "2024-01-09T18:00:00.000000000Z,34,ZLH4-ZLK4,0,0,0,-0.25,5\n"
    "2024-01-09T18:00:00.000000000Z,34,ZSH4,1240,1240,1240,1240,5\n"
    "2024-01-09T18:00:00.000000000Z,34,ZLG4,48,48,48,48.60,5\n"
    "2024-01-09T18:00:00.000000000Z,34,ZLN4,48,48,48,4860,5\n"
)


def test_hourly_bars_are_known_at_the_close_of_their_session(
    store: MemoryStore, write: Write
) -> None:
    loaded = load(store, write("bars.csv", HOURLY))
    assert prices(store) == {
        ("ZLH2024", "2024-01-09"): (48.35, "2024-01-09 19:20"),
        ("ZLK2024", "2024-01-09"): (48.60, "2024-01-09 19:20"),
    }
    assert reasons(loaded) == {"no_delivery_month": 1, "implausible": 1}
    row = store.rows(TABLE).iloc[0]
    assert f"{row['delivery_month']:%F}" == "2024-03-01"
    assert f"{row['first_notice_day']:%F}" == "2024-02-29"
    assert f"{row['last_trade_day']:%F}" == "2024-03-14"
    assert not load(store, write("bars.csv", HOURLY)).records.tables
    later = NOW + pd.Timedelta(days=1)
    revised = load(store, write("bars.csv", HOURLY.replace("48.35", "48.36")), later)
    assert "1 of them revisions" in revised.notes[0]


def test_settlements_and_utc_days_are_known_at_noon_of_the_next_day(
    store: MemoryStore, write: Write, tmp_path: Path
) -> None:
    write(
        "settle.csv",
        "date,contract,settle\n2024-01-09,ZLH24,48.5\n2024-01-09,zlz2024,49.5\n"
        "2024-01-09,ZLN4,48.9\n2024-01-09,ZLN4,48.8\n2024-01-10,ZLH24,\n2024-01-32,ZLH24,48\n",
    )
    # Whole nanoseconds and billionths, as Databento writes them where nothing is made pretty.
    ns = pd.Timestamp("2024-01-11", tz="UTC").value
    sunday = pd.Timestamp("2024-01-14", tz="UTC").value
    write(
        "days.csv",
        f"ts_event,symbol,close\n{ns},ZLF5,47250000000\n{ns},ZLF4,48250000000\n"
        f"{sunday},ZLF5,47300000000\n",
    )
    loaded = load(store, tmp_path)
    assert prices(store) == {
        ("ZLF2024", "2024-01-11"): (48.25, "2024-01-12 12:00"),
        ("ZLF2025", "2024-01-11"): (47.25, "2024-01-12 12:00"),
        ("ZLH2024", "2024-01-09"): (48.5, "2024-01-10 12:00"),
        ("ZLZ2024", "2024-01-09"): (49.5, "2024-01-10 12:00"),
    }
    assert reasons(loaded) == {"two_values_for_one_day": 2, "no_day": 1, "no_session": 1}


def test_a_year_of_one_digit_is_the_next_that_has_not_ended(
    store: MemoryStore, write: Write
) -> None:
    write_ = "date,symbol,settle\n2019-12-02,ZLF0,30\n2019-12-02,ZLZ9,31\n2020-01-03,ZLZ9,32\n"
    load(store, write("s.csv", write_))
    assert {name for name, _ in prices(store)} == {"ZLF2020", "ZLZ2019", "ZLZ2029"}


def test_a_parquet_file_whose_times_are_the_index(store: MemoryStore, tmp_path: Path) -> None:
    times = pd.DatetimeIndex(["2024-01-09 18:00"], tz="UTC", name="ts_event")
    frame = pd.DataFrame({"symbol": ["ZLH4"], "close": [48.35]}, index=times)
    frame.to_parquet(tmp_path / "bars.parquet")
    load(store, tmp_path / "bars.parquet")
    assert prices(store) == {("ZLH2024", "2024-01-09"): (48.35, "2024-01-09 19:20")}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("ts_event,instrument_id,close\n2024-01-09T18:00:00Z,1,48\n", "needs a column of symbols"),
        ("ts_event,symbol,close\n2024-01-09T18:00:00Z,ZL.v.0,48\n", "ZL.v.0.* are no contracts"),
        ("date,symbol\n2024-01-09,ZLH4\n", "is none of prices by contract"),
    ],
)
def test_files_of_another_form_are_refused(
    store: MemoryStore, write: Write, text: str, word: str
) -> None:
    with pytest.raises(SourceError, match=word):
        load(store, write("x.csv", text))


def test_the_twin_has_the_prices_of_the_bars() -> None:
    source = SourceConfig(synthetic=SHORT)
    bars = generate_batch(source, no_progress).bars
    market = TwinMarket(SHORT, "ZL")
    rows = curve_twin(market).set_index(["contract", "event_time"])["price"]
    dates = pd.to_datetime(market.path.sessions.dates[:-40]).tz_localize("UTC").as_unit("us")
    closes = bars.groupby((bars["ts_event"] + pd.Timedelta(hours=1)).dt.normalize()).last()
    seen = 0
    for day in dates[5:200:10]:
        if day not in closes.index:
            continue
        number = int(closes.loc[day, "instrument_id"]) % 1_000_000
        name = f"ZL{'FGHJKMNQUVXZ'[number % 100 - 1]}{number // 100}"
        assert rows[name, day] == pytest.approx(closes.loc[day, "close"], abs=0.011)
        seen += 1
    assert seen >= 15


def decided(market: TwinMarket) -> pd.DataFrame:
    dates = market.path.sessions.dates
    here = dates <= market.end
    return pd.DataFrame(
        {
            "symbol": "ZL",
            "data_date": pd.Series(dates[here].astype("datetime64[us]")),
            "decision_time": market.decisions[here],
        }
    )


def test_carry_of_the_twin_is_what_it_was_made_with() -> None:
    market = TwinMarket(SHORT, "ZL")
    rows = decided(market)
    found = curve_features(rows, {"curve": curve_twin(market)})
    months, offsets = contract_offsets(SHORT, "ZL", market.path.sessions)
    days = rows["data_date"].to_numpy(dtype="datetime64[D]")
    starts = (months - 1970 * 12).astype("datetime64[M]").astype("datetime64[D]")
    front = np.searchsorted(first_notices(starts), days, side="right")
    gap = found["curve.months_12m"]
    back = np.searchsorted(months, months[front] + gap.astype(int))
    want = (offsets[front] - offsets[back]) / (gap / 12)
    # Prices are rounded to a hundredth of a cent per lb.
    np.testing.assert_allclose(found["curve.carry_12m"], want, atol=1e-3)
    assert (gap == 12).all()
    assert set(np.unique(found["curve.months_3m"])) <= {2, 3, 4}


def test_a_planted_effect_tilts_the_curve_and_another_target_has_none() -> None:
    market = TwinMarket(SHORT, "ZL", PlantedConfig(source="curve", strength=0.6))
    rows = decided(market)
    tilted, plain = (
        curve_features(rows, {"curve": curve_twin(own)})["curve.carry_12m"]
        for own in (market, TwinMarket(SHORT, "ZL"))
    )
    total = np.cumsum(market.path.returns)
    after = (total[21:] - total[:-21])[: len(rows)]
    told = tilted[: len(after)] - plain[: len(after)]
    assert np.std(told) == pytest.approx(TILT, rel=0.35)
    assert np.corrcoef(told, after)[0, 1] > 0.4
    with pytest.raises(ConfigError, match="contracts of ZL alone"):
        curve_twin(TwinMarket(SHORT, "ZS"))
