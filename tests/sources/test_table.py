"""Bars from a table of the user's own."""

from __future__ import annotations

import datetime as dt
import logging
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from user_tables import COLUMNS, NAME, UserTables, bars, user_tables

from soyoil.base.errors import ContractError, SourceError
from soyoil.market.bars import BarOrigin, session_bars
from soyoil.market.rolls import ROLLS_UNKNOWN
from soyoil.sources.base import BAR_COLUMNS, QUARANTINE_COLUMNS, BarBatch, SourceConfig
from soyoil.sources.table.config import TableColumns
from soyoil.sources.table.guess import ROLES, map_columns
from soyoil.sources.table.load import read_table
from soyoil.sources.table.symbols import parse_symbol
from soyoil.sources.vendor_store import NoStore
from soyoil.warehouse.foreign import Beginnings, ForeignColumn, ForeignTable

NOW = dt.datetime(2025, 11, 22, tzinfo=dt.UTC)


def load(tables: UserTables | pd.DataFrame | pa.Table, **source: Any) -> BarBatch:
    given = tables if isinstance(tables, UserTables) else user_tables(tables)
    config = SourceConfig(kind="warehouse", **source)
    return read_table(config, lambda path: given, NoStore(), NOW)


def sessions(batch: BarBatch) -> pd.DataFrame:
    origin = BarOrigin(
        batch.schema, batch.provenance, (), batch.coverage, batch.quarantine, batch.rolls
    )
    return session_bars(batch.bars, origin).sessions


def table(**columns: str) -> ForeignTable:
    return ForeignTable("d.t", tuple(ForeignColumn(n, kind) for n, kind in columns.items()))


PRICES = dict.fromkeys(("open", "high", "low", "close"), "FLOAT64") | {"volume": "INT64"}


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"date": "DATE", "symbol": "STRING"}, {"date": "date", "symbol": "symbol"}),
        ({"data_date": "DATE", "root": "VARCHAR"}, {"date": "data_date", "root": "root"}),
        ({"ts_event": "TIMESTAMP", "Instrument": "STRING"},
         {"date": "ts_event", "symbol": "Instrument"}),
        ({"Trade_Date": "STRING", "TICKER": "STRING"}, {"date": "Trade_Date", "symbol": "TICKER"}),
        ({"date": "DATE", "ts_event": "TIMESTAMP", "symbol": "STRING"},
         {"date": "date", "symbol": "symbol"}),
        ({"date": "DATE", "symbol": "STRING", "raw_symbol": "STRING"},
         {"date": "date", "symbol": "symbol"}),
        ({"date": "DATE", "symbol": "STRING", "is_spread": "BOOL", "instrument_id": "INT64"},
         {"date": "date", "symbol": "symbol", "is_spread": "is_spread",
          "contract": "instrument_id"}),
        ({"date": "DATE", "symbol": "STRING", "expiry": "DATE", "contract_code": "STRING"},
         {"date": "date", "symbol": "symbol", "contract": "contract_code"}),
        ({"date": "DATE", "symbol": "STRING", "is_spread": "STRING"},
         {"date": "date", "symbol": "symbol"}),
    ],
)  # fmt: skip
def test_columns_are_guessed_from_names_and_types(
    columns: dict[str, str], expected: dict[str, str]
) -> None:
    found = map_columns(table(**columns, **PRICES), TableColumns())
    assert found.columns == expected | {name: name for name in COLUMNS}
    assert found.guessed == set(found.columns)


def test_prices_may_be_decimals_in_capitals() -> None:
    names = ("OPEN", "High_Price", "low", "PX_LAST", "Vol")
    found = map_columns(
        table(DATE="DATE", Symbol="STRING", **dict.fromkeys(names, "NUMERIC(38, 9)")),
        TableColumns(),
    )
    assert [found.columns[role] for role in COLUMNS] == list(names)


@pytest.mark.parametrize(
    ("columns", "given", "said"),
    [
        ({"date": "DATE", "data_date": "DATE", "symbol": "STRING", **PRICES}, {},
         ("the date could be date or data_date", "source.columns.date", "data_date DATE")),
        ({"symbol": "STRING", **PRICES}, {}, ("no column could be the date",)),
        ({"date": "DATE", **PRICES}, {}, ("the symbol or the root", "source.columns.symbol")),
        ({"date": "DATE", "symbol": "STRING", "close_price": "FLOAT64", "px_last": "FLOAT64"}, {},
         ("the close could be close_price or px_last", "no column could be the open",
          "no column could be the volume")),
        ({"date": "DATE", "symbol": "STRING", **PRICES}, {"close": "settle"},
         ("source.columns.close=settle is no column of it",)),
        ({"date": "DATE", "symbol": "STRING", **PRICES}, {"close": "clse"},
         ("did you mean close?",)),
        ({"date": "DATE", "symbol": "STRING", "legs": "STRING[]", **PRICES}, {"root": "legs"},
         ("source.columns.root=legs is STRING[]",)),
        ({"date": "BOOL", "symbol": "STRING", **PRICES}, {}, ("no column could be the date",)),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_refused_with_the_key_to_set(
    columns: dict[str, str], given: dict[str, str], said: tuple[str, ...]
) -> None:
    with pytest.raises(SourceError) as error:
        map_columns(table(**columns), TableColumns(**given))
    assert all(part in str(error.value) for part in ("d.t", "--params=source.columns.", *said))


def test_named_columns_come_before_guesses_and_none_leaves_one_out() -> None:
    columns = {"date": "DATE", "symbol": "STRING", "settle": "FLOAT64", "contract": "STRING"}
    found = map_columns(
        table(**columns, **PRICES), TableColumns(close="SETTLE", contract="none", date="date")
    )
    assert found.columns["close"] == "settle"
    assert "contract" not in found.columns
    assert found.guessed == {"symbol", "open", "high", "low", "volume"}
    assert set(ROLES) == set(TableColumns.model_fields)


@pytest.mark.parametrize(
    ("symbol", "root", "expected"),
    [
        ("ZL", "", ("ZL", "series", 0)),
        ("ZL", "ZL", ("ZL", "series", 0)),
        ("", "zl ", ("ZL", "series", 0)),
        ("ZL.v.0", "", ("ZL", "series", 0)),
        ("ZL.c.1", "", ("ZL", "back", 0)),
        ("ZLZ4", "", ("ZL", "contract", 412)),
        ("ZLZ24", "ZL", ("ZL", "contract", 412)),
        ("zlf2015", "", ("ZL", "contract", 501)),
        ("6LG1", "", ("6L", "contract", 102)),
        ("ZLZ4-ZLF5", "", ("ZL", "spread", 0)),
        ("ZL:BF F4-H4", "ZL", ("ZL", "spread", 0)),
        ("MESZ4", "", ("", "unwanted", 0)),
        ("ESZ4", "", ("ES", "contract", 412)),
        ("ZL.v.0", "MES", ("", "unwanted", 0)),
        ("ES.v.0", "ZL", ("ZL", "unknown", 0)),
        ("Soybean oil", "ZL", ("ZL", "unknown", 0)),
        ("ZLX", "", ("", "unwanted", 0)),
        ("", "", ("", "unwanted", 0)),
    ],
)
def test_symbols(symbol: str, root: str, expected: tuple[str, str, int]) -> None:
    found = parse_symbol(symbol, root, frozenset({"ZL", "ES", "6L"}))
    assert (found.root, found.kind, found.contract) == expected


def dirty(frame: pd.DataFrame, kind: str) -> pd.DataFrame | pa.Table:
    """The same bars, stored in another way."""
    plain = pa.Table.from_pandas(frame, preserve_index=False)
    if kind == "text dates":
        return frame.assign(date=frame["date"].astype(str))
    if kind == "compact dates":
        return frame.assign(date=[int(f"{day:%Y%m%d}") for day in frame["date"]])
    if kind == "midnights":
        stamps = pd.to_datetime(frame["date"]).dt.tz_localize("UTC")
        return frame.assign(date=stamps).rename(columns={"date": "ts_event"})
    if kind == "decimals":
        at = plain.schema.get_field_index("close")
        prices = [Decimal(f"{value:.2f}") for value in frame["close"]]
        return plain.set_column(at, "close", pa.array(prices, pa.decimal128(38, 9)))
    if kind == "text prices":
        return frame.assign(close=frame["close"].map("{:.2f}".format), volume=frame["volume"] * 1.0)
    if kind == "capitals":
        return frame.rename(columns=str.upper)
    if kind == "roots":
        return frame.rename(columns={"symbol": "root"})
    if kind == "spread flags":
        spreads = frame.assign(symbol="ZL-SPREAD", is_spread=True, open=0.1, close=-0.2)
        flagged = frame.assign(is_spread=None)
        return pd.concat([flagged, spreads]).astype({"is_spread": "boolean"})
    if kind == "copies":
        return pd.concat([frame, frame.iloc[:30]])
    if kind == "other roots":
        return pd.concat([frame, bars(root="MES", level=5000), bars(root="ZLX")])
    if kind == "second month":
        return pd.concat([frame.assign(symbol="ZL.c.0"), bars(seed=5).assign(symbol="ZL.c.1")])
    assert kind == "another series"
    return pd.concat([frame.assign(symbol="ZL.v.0"), bars(days=50, seed=6).assign(symbol="ZL.c.0")])


@pytest.mark.parametrize(
    "kind",
    ["text dates", "compact dates", "midnights", "decimals", "text prices", "capitals", "roots",
     "spread flags", "copies", "other roots", "second month", "another series"],
)  # fmt: skip
def test_bars_are_the_same_however_they_are_stored(kind: str) -> None:
    frame = bars()
    batch, plain = load(dirty(frame, kind)), load(frame)
    pd.testing.assert_frame_equal(batch.bars, plain.bars, check_exact=True)
    assert tuple(batch.bars.columns) == BAR_COLUMNS
    assert batch.rolls == {"ZL": "unknown"}
    assert batch.provenance == "observed"
    expected = {"duplicate_bar": 30} if kind == "copies" else {}
    assert batch.quarantine["reason"].value_counts().to_dict() == expected
    assert tuple(batch.quarantine.columns) == QUARANTINE_COLUMNS


def test_only_what_is_needed_is_read() -> None:
    tables = user_tables(bars().assign(settle=1.0, note="x", spread_legs=None))
    load(tables)
    assert tables.reads == [("date", "symbol", *COLUMNS)]


def test_what_was_guessed_is_told(caplog: pytest.LogCaptureFixture) -> None:
    frame = pd.concat([bars(), bars(days=5).assign(symbol="ZL-F4")])
    with caplog.at_level(logging.INFO, "soyoil"):
        batch = load(frame.rename(columns={"close": "px"}), columns={"close": "px"})
    said = caplog.messages
    listed = "date=date symbol=symbol open=open high=high low=low close=px volume=volume"
    assert f"{NAME}: {listed} (guessed: date, symbol, open, high, low, volume)" in said
    assert f"{NAME}: 60 bars of ZL; left out: 5 spreads" in said
    assert batch.facts == {"source_table": NAME, "source_columns": listed}
    assert f"ZL: {ROLLS_UNKNOWN}" in said


def contracts(days: int = 40) -> pd.DataFrame:
    """March and May of one year; from half time on May has more volume."""
    late = np.arange(days) >= days // 2
    march = bars(days=days).assign(symbol="ZLH4", volume=np.where(late, 5_000, 30_000))
    may = bars(days=days, level=52, seed=2).assign(
        symbol="ZLK24", volume=np.where(late, 40_000, 6_000)
    )
    idle = may.assign(symbol="ZLZ4", volume=0)
    return pd.concat([may, idle, march], ignore_index=True)


def test_of_contracts_the_busiest_of_each_session_is_taken_and_rolls_are_known() -> None:
    batch = load(contracts())
    assert batch.rolls == {"ZL": "known"}
    assert batch.bars["instrument_id"].tolist() == [403] * 20 + [405] * 20
    assert batch.quarantine.empty, "a back month without a trade is no defect"
    made = sessions(batch)
    assert made["is_roll"].sum() == 1
    assert (made["rolls"] == "known").all()


def test_the_stub_of_a_sunday_counts_to_the_volume_of_its_monday() -> None:
    """May leads on the Sunday, March on the Monday; both days together decide."""
    frame = contracts()
    days = sorted(set(frame["date"]))
    # No holiday: the evening of one opens the next session.
    monday = next(day for day in days[15:] if day.weekday() == 0)
    stub = frame[(frame["date"] == monday) & (frame["symbol"] == "ZLK24")]
    stub = stub.assign(date=monday - dt.timedelta(days=1), volume=90_000)
    batch = load(pd.concat([frame, stub]))
    made = sessions(batch).set_index("data_date")
    assert made.loc[pd.Timestamp(monday), "instrument_id"] == 405
    assert made.loc[pd.Timestamp(monday), "n_bars"] == 2


def test_a_contract_column_tells_the_rolls_of_a_series() -> None:
    frame = bars("2023-01-02", days=600).assign(instrument_id=[1000 + i // 60 for i in range(600)])
    batch = load(frame)
    assert batch.rolls == {"ZL": "known"}
    assert sessions(batch)["is_roll"].sum() == 9
    text = load(frame.assign(instrument_id="ZL" + frame["instrument_id"].astype(str)),
                columns={"contract": "instrument_id"})  # fmt: skip
    np.testing.assert_array_equal(sessions(text)["is_roll"], sessions(batch)["is_roll"])


@pytest.mark.parametrize("kind", ["one for all years", "another for every row", "a gap"])
def test_a_contract_column_that_tells_nothing_is_not_believed(kind: str) -> None:
    number = {
        "one for all years": [7] * 600,
        "another for every row": range(1, 601),
        "a gap": [None] * 10 + [1000 + i // 60 for i in range(10, 600)],
    }[kind]
    batch = load(
        bars("2023-01-02", days=600).assign(contract=pd.array(list(number), dtype="Int64"))
    )
    assert batch.rolls == {"ZL": "unknown"}
    made = sessions(batch)
    assert not made["is_roll"].any()
    assert (made["rolls"] == "unknown").all()


def test_sunday_stubs_go_into_monday() -> None:
    frame = bars("2024-01-08", 10)
    monday = frame.iloc[[5]]
    stub = monday.assign(date=dt.date(2024, 1, 14), open=49.0, high=80.0, low=48.5, close=50.0,
                         volume=111)  # fmt: skip
    made = sessions(load(pd.concat([frame, stub])))
    assert len(made) == 10
    row = made.set_index("data_date").loc["2024-01-15"]
    expected = (49.0, 80.0, min(48.5, monday["low"].item()), monday["close"].item())
    assert (row["open"], row["high"], row["low"], row["close"]) == expected
    assert row["volume"] == monday["volume"].item() + 111
    assert row["n_bars"] == 2


def test_the_bar_of_a_day_that_is_not_over_is_left_out() -> None:
    frame = bars(days=60)
    midday = dt.datetime.combine(frame["date"].iloc[-1], dt.time(12), dt.UTC)
    config = SourceConfig(kind="warehouse")
    batch = read_table(config, lambda path: user_tables(frame), NoStore(), midday)
    assert sessions(batch)["data_date"].max().date() == frame["date"].iloc[-2]


def test_a_root_that_the_table_lacks_is_a_warning_and_none_at_all_is_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    batch = load(bars(), symbols=("ZL", "ZS"))
    assert set(batch.bars["symbol"]) == {"ZL"}
    assert "holds no row of ZS" in caplog.text
    with pytest.raises(SourceError, match=r"no row of source.symbols=ZS; its symbol has ZL\."):
        load(bars(), symbols=("ZS",))


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (bars().assign(close=bars()["close"] + 9), "ohlc_violation"),
        (bars().assign(**{c: bars()[c] / 100 for c in COLUMNS[:4]}), "implausible_price"),
        (pd.concat([bars(), bars(seed=2)]), "conflicting_duplicate"),
        (bars().assign(volume=np.nan), "no_volume"),
        (bars().assign(date="soon"), "60 of 60 rows of .* have no date .*source.columns.date"),
        (pd.concat([bars().assign(root="ZL", symbol=name) for name in ("Oil Z", "Oil F")]),
         "symbols that name no front contract, such as 'Oil Z', 'Oil F'"),
    ],
)  # fmt: skip
def test_bars_that_are_none_are_refused_with_the_reason(frame: pd.DataFrame, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        load(frame)


def test_some_bad_rows_are_set_aside() -> None:
    frame = bars(days=100).assign(volume=lambda f: f["volume"].astype("Int64"))
    frame.loc[10, "close"] = None
    frame.loc[20, "volume"] = None
    twice = frame.iloc[[30]].assign(close=frame["close"][30] + 0.01)
    batch = load(pd.concat([frame, twice]))
    reasons = batch.quarantine["reason"].value_counts().to_dict()
    assert reasons == {"conflicting_duplicate": 2, "undefined_price": 1, "no_volume": 1}
    assert set(batch.quarantine["file"]) == {NAME}
    assert len(batch.bars) == 97


@pytest.mark.parametrize("text", [False, True])
def test_a_date_that_stands_for_none_is_none(text: bool, caplog: pytest.LogCaptureFixture) -> None:
    frame = bars()
    strange = frame.iloc[:3].assign(date=[dt.date(9999, 12, 31), dt.date(1, 1, 1), None])
    rows = pd.concat([frame, strange])
    with caplog.at_level(logging.INFO, "soyoil"):
        batch = load(rows.assign(date=rows["date"].astype("str")) if text else rows)
    pd.testing.assert_frame_equal(batch.bars, load(frame).bars)
    assert "60 bars of ZL; left out: 3 without a date" in caplog.text


def test_a_symbol_without_meaning_is_a_series_if_it_stands_alone() -> None:
    batch = load(bars().assign(root="ZL", symbol="Soybean oil, front"))
    pd.testing.assert_frame_equal(batch.bars, load(bars()).bars)


def test_a_missing_table_names_those_that_are_there() -> None:
    tables = user_tables(bars(), "market_data.bars_daily")
    with pytest.raises(SourceError, match="There are market_data.bars_daily.*source.table="):
        load(tables)


def test_sessions_of_another_provenance_are_not_mixed() -> None:
    class Synthetic(NoStore):
        def sessions(self) -> pd.DataFrame:
            row = {"symbol": ["ZL"], "data_date": [NOW], "provenance": ["synthetic"]}
            return pd.DataFrame(row)

    with pytest.raises(ContractError, match="never mixed"):
        read_table(SourceConfig(kind="warehouse"), lambda p: user_tables(bars()), Synthetic(), NOW)


@pytest.mark.parametrize("name", ["bars", "a.b.c.d", "market data.bars", "a.b`c", ""])
def test_names_that_are_no_table_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="table"):
        SourceConfig(kind="warehouse", table=name)
    with pytest.raises(ValueError, match="letters and digits"):
        Beginnings("symbol", ("ZL' OR 1",))


def test_order_and_copies_of_rows_decide_nothing() -> None:
    frame = contracts()
    shuffled = pd.concat([frame, frame.iloc[:7]]).sample(frac=1.0, random_state=3)
    pd.testing.assert_frame_equal(load(shuffled).bars, load(frame).bars, check_exact=True)
