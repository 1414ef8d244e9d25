"""Back months as DBN files by contract: what is read, set aside and refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import databento_dbn as dbn
import numpy as np
import pandas as pd
import pytest
from databento import DBNStore

from dbn_files import Mapping, bar, encode, to_csv, zstd
from soyoil.base.errors import SourceError
from soyoil.external.base import Reading
from soyoil.external.config import OutsideSection
from soyoil.external.readers.curve import read
from soyoil.market.bars import session_bars
from soyoil.sources import load_bars
from soyoil.sources.base import SourceConfig
from soyoil.sources.databento.dbn import read_metadata

WEEK = ("2024-01-08", "2024-01-13")
NUMBERS = {
    "ZLF4": 1, "ZLH4": 2, "ZLK4": 3, "ZLZ4": 4, "ZLH5": 5,
    "ZLH4-ZLK4": 6, "ZL:BF H4-K4-N4": 7, "ZSH4": 8, "ZL:C1 HO-ZL H4": 9,
}  # fmt: skip
MAPPINGS: Mapping = {name: [(*WEEK, number)] for name, number in NUMBERS.items()}
DAYS = pd.date_range(*WEEK, inclusive="left")
Write = Callable[..., Path]


def hours(first: int = 14, last: int = 20, days: pd.DatetimeIndex = DAYS) -> list[bytes]:
    """A bar of each instrument and hour, UTC; the close is at 19:20."""
    return [
        bar(f"{day:%F} {hour:02d}:00", number, (level, level + 1, level - 1, level + hour / 100))
        for day in days
        for hour in range(first, last + 1)
        for number, level in ((n, 48 + n / 2 if n < 6 else -0.25) for n in NUMBERS.values())
    ]


@pytest.fixture
def by_contract(tmp_path: Path) -> Write:
    """Write a DBN file by contract into the folder ``curve``, compressed if its name says so."""

    def write(
        name: str = "a.dbn.zst",
        records: list[bytes] | None = None,
        mappings: Mapping = MAPPINGS,
        **options: Any,
    ) -> Path:
        options = {
            "symbols": ["ZL.FUT"], "stype_in": dbn.SType.PARENT, "span": WEEK, **options,
        }  # fmt: skip
        content = encode(hours() if records is None else records, mappings, **options)
        path = tmp_path / "curve" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(zstd(content) if name.endswith(".zst") else content)
        return path

    return write


def loaded(path: Path) -> Reading:
    return read(OutsideSection(path=str(path)))


def prices(path: Path) -> dict[tuple[str, str], float]:
    rows = loaded(path).rows
    keys = zip(rows["contract"], rows["event_time"].dt.strftime("%F"), strict=True)
    return dict(zip(keys, rows["price"], strict=True))


def aside(path: Path) -> dict[tuple[str, str], int]:
    """Number of rows set aside by reason and series."""
    found = loaded(path).rejected.groupby(["reason", "series"]).size()
    return {(str(reason), str(series)): int(n) for (reason, series), n in found.items()}


def refusal(path: Path) -> str:
    with pytest.raises(SourceError) as caught:
        loaded(path)
    return str(caught.value)


# Content.


def test_three_forms_of_the_same_bars_are_one_table(by_contract: Write, tmp_path: Path) -> None:
    """CSV and Parquet as the vendor's own tools make them of the DBN file."""
    undefined = bar("2024-01-10 18:00", 3, (None, None, None, None))
    records = sorted([*hours(last=17), undefined], key=lambda r: (r[8:16][::-1], r[4:8]))
    path = by_contract("a.dbn.zst", records)
    content = encode(records, MAPPINGS, symbols=["ZL.FUT"], stype_in=dbn.SType.PARENT, span=WEEK)
    texts = {"pretty.csv": to_csv(content), "plain.csv": to_csv(content, px=False, ts=False)}
    for name, text in texts.items():
        (tmp_path / name).write_bytes(text)
    frame = DBNStore.from_file(path).to_df(map_symbols=True)
    assert {"ZLH4", "ZLH4-ZLK4"} <= set(frame["symbol"])
    frame.to_parquet(tmp_path / "float.parquet")
    DBNStore.from_file(path).to_df(map_symbols=True, price_type="fixed").to_parquet(
        tmp_path / "fixed.parquet"
    )
    one = loaded(path)
    assert len(one.rows) == 5 * 5 - 1
    assert one.rejected[["reason", "series"]].to_numpy().tolist() == [["no_number", "ZLK2024"]]
    for name in (*texts, "float.parquet", "fixed.parquet"):
        other = loaded(tmp_path / name)
        pd.testing.assert_frame_equal(one.rows, other.rows)
        pd.testing.assert_frame_equal(
            one.rejected.drop(columns="file"), other.rejected.drop(columns="file")
        )


def test_the_last_bar_before_the_close_is_the_price_known_at_the_close(by_contract: Write) -> None:
    rows = loaded(by_contract()).rows
    of = rows[rows["contract"] == "ZLH2024"]
    # The bar of 19:00 UTC holds the close at 13:20 in Chicago; that of 20:00 comes after.
    assert of["price"].tolist() == [49.19] * 5
    assert [f"{t:%F %H:%M}" for t in of["known_at"]] == [f"{d:%F} 19:20" for d in DAYS]
    assert set(rows["contract"]) == {"ZLF2024", "ZLH2024", "ZLK2024", "ZLZ2024", "ZLH2025"}


def test_utc_days_are_known_at_noon_of_the_next(by_contract: Write) -> None:
    records = [
        bar(f"{day:%F}", 2, (48, 49, 47, 48.5), rtype=dbn.RType.OHLCV_1D) for day in DAYS[:3]
    ]
    path = by_contract(
        "days.dbn", records, schema=dbn.Schema.OHLCV_1D, span=("2024-01-08", "2024-01-10 12:00")
    )
    rows = loaded(path).rows
    assert [f"{t:%F %H:%M}" for t in rows["known_at"]] == ["2024-01-09 12:00", "2024-01-10 12:00"]
    # The file ends at noon of its last day.
    assert aside(path) == {("session_in_progress", "ZLH2024"): 1}


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("name", ["a.dbn", "a.dbn.zst", "A.DBN.ZST"])
def test_every_version_and_compression(by_contract: Write, version: int, name: str) -> None:
    path = by_contract(name.lower(), version=version)
    path = path.rename(path.with_name(name))
    assert len(prices(path)) == 25


def test_contracts_asked_for_by_their_own_symbols(by_contract: Write) -> None:
    two: Mapping = {name: MAPPINGS[name] for name in ("ZLH4", "ZLK4")}
    records = [record for record in hours() if record[4] in (2, 3)]
    path = by_contract("a.dbn", records, two, symbols=list(two), stype_in=dbn.SType.RAW_SYMBOL)
    assert {contract for contract, _ in prices(path)} == {"ZLH2024", "ZLK2024"}


def test_an_instrument_is_a_contract_only_within_its_interval(by_contract: Write) -> None:
    """Numbers are used again: 2 is a spread, then ZLH4; 3 is ZLK4, then nothing."""
    mappings: Mapping = {
        "ZLH4": [("2024-01-10", "2024-01-13", 2)],
        "ZLH4-ZLK4": [("2024-01-08", "2024-01-10", 2)],
        "ZLK4": [("2024-01-08", "2024-01-12", 3)],
        "ZSH4": [(*WEEK, 8)],
    }
    others = [record for record in hours(0, 23) if record[4] == NUMBERS["ZSH4"]]
    own = [record for record in hours(18, 18) if record[4] in (2, 3)]
    path = by_contract("a.dbn", own + others, mappings)
    found = prices(path)
    assert sorted(day for name, day in found if name == "ZLH2024") == [
        "2024-01-10", "2024-01-11", "2024-01-12",
    ]  # fmt: skip
    assert len([day for name, day in found if name == "ZLK2024"]) == 4


def test_agrees_with_brute_force(by_contract: Write, tmp_path: Path) -> None:
    """Random bars in three overlapping files, against a loop over records."""
    rng = np.random.default_rng(7)
    names = ("ZLH4", "ZLK4", "ZLH4-ZLK4")
    bars: dict[tuple[str, pd.Timestamp], float] = {}
    for hour in pd.date_range("2024-01-08", "2024-01-26 23:00", freq="h"):
        for name in names:
            if rng.random() < 0.3:
                bars[name, hour] = round(40 + 10 * rng.random(), 2)
    spans = [("2024-01-08", "2024-01-16 16:00"), ("2024-01-15", "2024-01-22"),
             ("2024-01-22", "2024-01-27")]  # fmt: skip
    for i, span in enumerate(spans):
        within = [
            bar(str(time), NUMBERS[name], (price, price, price, price))
            for (name, time), price in bars.items()
            if pd.Timestamp(span[0]) <= time < pd.Timestamp(span[1])
        ]
        mappings: Mapping = {name: [("2024-01-01", "2024-02-01", NUMBERS[name])] for name in names}
        by_contract(f"{i}.dbn", within, mappings, span=span)
    expected: dict[tuple[str, str], tuple[pd.Timestamp, float]] = {}
    for (name, time), price in bars.items():
        date = (time.tz_localize("UTC").tz_convert("America/Chicago").tz_localize(None)
                + pd.Timedelta(hours=7)).normalize()  # fmt: skip
        close = (date + pd.Timedelta(hours=13, minutes=20)).tz_localize("America/Chicago")
        if "-" in name or date.dayofweek > 4 or time.tz_localize("UTC") >= close:
            continue
        key = (f"{name[:3]}2024", f"{date:%F}")
        if key not in expected or expected[key][0] < time:
            expected[key] = (time, price)
    assert prices(tmp_path / "curve") == {key: price for key, (_, price) in expected.items()}


@pytest.mark.real_data
def test_real_bars_as_contracts_have_the_closes_of_their_sessions(
    databento_dir: Path, by_contract: Write, tmp_path: Path
) -> None:
    """Real front months of two months under made names of contracts."""
    fronts = SourceConfig(kind="databento", path=str(tmp_path / "fronts"))
    (tmp_path / "fronts").mkdir()
    names = ("glbx-mdp3-20231001-20231031", "glbx-mdp3-20231101-20231130")
    for name, span in zip(names, (("2023-10-01", "2023-11-01"), ("2023-11-01", "2023-12-01"))):  # noqa: B905
        path = databento_dir / f"{name}.ohlcv-1h.dbn.zst"
        (tmp_path / "fronts" / path.name).symlink_to(path)
        held = read_metadata(path).mappings["ZL.v.0"]
        numbers = sorted({int(i["symbol"]) for i in held})
        mappings: Mapping = {}
        for interval in held:
            contract = f"ZL{'FHKNQUVZ'[numbers.index(int(interval['symbol']))]}4"
            dates = (str(interval["start_date"]), str(interval["end_date"]))
            mappings.setdefault(contract, []).append((*dates, interval["symbol"]))
        bars = DBNStore.from_file(path).to_ndarray()
        records = [bars[np.isin(bars["instrument_id"], numbers)].tobytes()]
        by_contract(path.name, records, mappings, span=span)
    reading = loaded(tmp_path / "curve")
    batch = load_bars(fronts)
    sessions = session_bars(batch.bars, batch.origin).sessions
    closes = dict(zip(sessions["data_date"].dt.strftime("%F"), sessions["close"], strict=True))
    assert reading.rejected.empty
    assert len(closes) == 43
    found = prices(tmp_path / "curve")
    assert {day for _, day in found} == set(closes)
    assert all(
        price in {p for (_, d), p in found.items() if d == day} for day, price in closes.items()
    )


# Set aside.


def test_a_session_that_the_files_do_not_reach_the_end_of_waits_for_the_rest(
    by_contract: Write,
) -> None:
    """Before 2013 the evening began at 18:00 in Chicago, in summer before midnight UTC."""
    mappings: Mapping = {"ZLQ2": [("2012-06-01", "2012-08-01", 2)]}
    june = [bar("2012-06-29 17:00", 2), bar("2012-06-29 23:00", 2, (50, 50, 50, 50)),
            bar("2012-07-01 23:00", 2, (51, 51, 51, 51))]  # fmt: skip
    path = by_contract("june.dbn", june, mappings, span=("2012-06-01", "2012-07-02"))
    assert prices(path) == {("ZLQ2012", "2012-06-29"): 48.25}
    assert aside(path) == {
        ("no_session", "ZLQ2012"): 1, ("session_in_progress", "ZLQ2012"): 1,
    }  # fmt: skip
    july = [bar("2012-07-02 17:00", 2, (52, 52, 52, 52))]
    by_contract("july.dbn", july, mappings, span=("2012-07-02", "2012-07-03"))
    assert prices(path.parent) == {
        ("ZLQ2012", "2012-06-29"): 48.25, ("ZLQ2012", "2012-07-02"): 52,
    }  # fmt: skip


def test_bars_that_cannot_be_used_are_set_aside_with_their_reason(by_contract: Write) -> None:
    mappings = MAPPINGS | {"ZLK4": [("2024-01-08", "2024-01-11", 3)], "ZLN4": [(*WEEK, 4)]}
    strange = [
        bar("2024-01-08 18:00", 77),
        bar("2024-01-11 18:00", 3),
        bar("2024-01-20 18:00", 2),
        bar("2024-01-12 19:00", 2, (4800, 4800, 4800, 4800)),
    ]
    kept = [record for record in hours(18, 18) if record[4] in (1, 2)]
    filler = [record for record in hours(0, 23) if record[4] == 6]
    path = by_contract("a.dbn", [*kept, *filler, *strange, bar("2024-01-09 18:00", 4)], mappings)
    assert aside(path) == {
        ("unmapped_date", "instrument 77"): 1,
        ("unmapped_date", "ZLK4"): 1,
        ("outside_file_range", "ZLH4"): 1,
        ("implausible", "ZLH2024"): 1,
        ("two_contracts", "ZLN4"): 1,
        ("two_contracts", "ZLZ4"): 1,
    }
    assert set(loaded(path).rejected["file"]) == {"a.dbn"}
    # Friday's last bar of ZLH4 is none, so the session has no price.
    assert len(prices(path)) == 9


def test_of_two_prices_of_one_bar_neither_is_used(by_contract: Write) -> None:
    first = by_contract("1.dbn", hours(19, 19))
    assert len(prices(first)) == 25
    again = hours(19, 19)
    again[1] = bar("2024-01-08 19:00", 2, (50, 50, 50, 50))
    by_contract("2.dbn", again)
    assert aside(first.parent) == {("two_values_for_one_day", "ZLH2024"): 2}
    assert set(loaded(first.parent).rejected["file"]) == {"1.dbn", "2.dbn"}
    found = prices(first.parent)
    assert len(found) == 24
    assert ("ZLH2024", "2024-01-08") not in found


def test_hourly_and_daily_files_of_one_price_are_known_at_the_close(by_contract: Write) -> None:
    by_contract("b.dbn", hours(19, 19))
    same = [bar(f"{d:%F}", 2, (49, 50, 48, 49.19), rtype=dbn.RType.OHLCV_1D) for d in DAYS]
    path = by_contract("a.dbn", same, schema=dbn.Schema.OHLCV_1D)
    reading = loaded(path.parent)
    assert reading.rejected.empty
    assert set(reading.rows["known_at"].dt.strftime("%H:%M")) == {"19:20"}


# Refused.


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dataset": "IFUS.IMPACT"}, "is of dataset IFUS.IMPACT, not GLBX.MDP3"),
        ({"schema": dbn.Schema.TRADES}, "holds records of schema trades; download schema ohlcv-1h"),
        (
            {"stype_in": dbn.SType.CONTINUOUS, "symbols": ["ZL.v.0"]},
            "was requested as ZL.v.0 with stype_in=continuous: front months, which belong in the "
            "folder of source.path. external.curve.path takes files by contract",
        ),
        (
            {"stype_in": dbn.SType.INSTRUMENT_ID, "symbols": ["2"]},
            "instruments without their symbols",
        ),
        ({"mappings": {}}, "names no contract: its metadata have no symbol mappings"),
        ({"mappings": {"ZLH4": [(*WEEK, "x")]}}, "its symbol mapping is no instrument id"),
        ({"mappings": {"ZLH4": [(*WEEK, 2)]}}, "bars are of instruments that its symbol mappings"),
        ({"not_found": ["ZL.FUT"]}, "ZL.FUT was not found by the vendor"),
        ({"limit": 315}, "was downloaded with limit=315"),
        ({"span": ("2024-01-08", "2024-01-20")}, "trading days are missing at its end"),
        ({"records": []}, "its metadata names contracts, yet no record follows"),
        (
            {"records": [bar("2024-01-08", 2, rtype=dbn.RType.OHLCV_1M)]},
            "it holds a record that is no ohlcv-1h bar",
        ),
        (
            {"mappings": {"ZSH4": [(*WEEK, 8)]}, "records": [bar("2024-01-12 18:00", 8)]},
            "holds no price of a single contract of ZL",
        ),
    ],
)
def test_files_that_are_something_else(
    by_contract: Write, options: dict[str, Any], words: str
) -> None:
    assert words in " ".join(refusal(by_contract(**options)).split())


@pytest.mark.parametrize("name", ["a.dbn", "a.dbn.zst"])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 0.99])
def test_files_that_were_cut_off(by_contract: Write, name: str, share: float) -> None:
    path = by_contract(name)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert refusal(path).startswith(str(path))


def test_other_content_under_the_name(by_contract: Write) -> None:
    path = by_contract()
    path.write_bytes(b"")
    assert "is empty (0 bytes)" in refusal(path)
    path.write_bytes(b"PAR1" * 20)
    assert "is not a DBN file in spite of its name" in refusal(path)
    path.unlink()
    assert "No such file" in refusal(path)


def test_front_months_as_text_are_told_where_they_belong(
    by_contract: Write, tmp_path: Path
) -> None:
    by_contract()
    (tmp_path / "curve" / "fronts.csv").write_text(
        "ts_event,symbol,close\n2024-01-09T18:00:00Z,ZL.v.0,48\n"
    )
    message = refusal(tmp_path / "curve")
    assert "fronts.csv holds front months (ZL.v.0), which are no contracts" in message
    assert "it belongs in the folder of source.path" in message


def test_what_is_being_written_is_not_read(by_contract: Write, tmp_path: Path) -> None:
    by_contract()
    for name in (".b.dbn.zst", "._a.dbn.zst", ".a.dbn.zst.part", "condition.json", "a.txt"):
        (tmp_path / "curve" / name).write_bytes(b"x")
    assert len(prices(tmp_path / "curve")) == 25
