"""From files that end during a session, or lack some, to what is stored and reported."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from soyoil.base.errors import SourceError
from soyoil.pipelines.ingest.nodes import make_sessions, read_source
from soyoil.sources.base import SourceConfig
from soyoil.sources.vendor_store import NoStore

Build = Callable[..., bytes]
Write = Callable[..., Path]

HOURS = (1, 8, 15, 16, 18, 19)
"""Hours of a session of ZL in winter, UTC; the last is that of its close."""
CONTRACT = 7


def times(first: str, last: str) -> list[pd.Timestamp]:
    days = pd.bdate_range(first, last)
    return [day + pd.Timedelta(hours=hour) for day in days for hour in HOURS]


def write_market(
    write_dbn: Write, make_bar: Build, moments: list[pd.Timestamp], span: tuple[str, str]
) -> Path:
    records = [
        make_bar(str(moment), CONTRACT, (48.0, 48.5, 47.5, 48.0 + i % 5 / 10), 100 + i)
        for i, moment in enumerate(moments)
    ]
    until = str((pd.Timestamp(span[1]) + dt.timedelta(days=1)).date())
    mapping = {"ZL.v.0": [(span[0][:10], until, CONTRACT)]}
    return write_dbn("a.dbn", records, mapping, span=span)


def ingest(path: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Sessions, quarantine and missing sessions of a file."""
    source = SourceConfig(kind="databento", path=str(path), symbols=("ZL",))
    _, sessions, quarantine, missing = make_sessions(read_source(source, NoStore()))
    return sessions, quarantine, missing


def days(frame: pd.DataFrame) -> list[str]:
    return frame["data_date"].dt.strftime("%F").tolist()


def test_a_download_made_in_trading_hours(write_dbn: Write, make_bar: Build) -> None:
    whole = times("2024-01-22", "2024-01-26")
    span = ("2024-01-21", "2024-01-26 16:30")
    cut = [moment for moment in whole if moment < pd.Timestamp(span[1])]
    sessions, quarantine, missing = ingest(write_market(write_dbn, make_bar, cut, span))
    assert days(sessions) == ["2024-01-22", "2024-01-23", "2024-01-24", "2024-01-25"]
    assert quarantine.to_dict("records") == [
        {
            "reason": "session_in_progress", "symbol": "ZL", "file": "", "count": 4,
            "first": pd.Timestamp("2024-01-26 01:00", tz="UTC"),
            "last": pd.Timestamp("2024-01-26 16:00", tz="UTC"),
        }
    ]  # fmt: skip
    assert missing.empty


def test_a_csv_saved_in_trading_hours(
    write_dbn: Write, make_bar: Build, to_csv: Build, tmp_path: Path
) -> None:
    whole = times("2024-01-22", "2024-01-26")
    for end, last in (("2024-01-26 14:30", "2024-01-25"), ("2024-01-27", "2024-01-26")):
        cut = [moment for moment in whole if moment < pd.Timestamp(end)]
        binary = write_market(write_dbn, make_bar, cut, ("2024-01-21", end))
        text = tmp_path / "a.csv"
        text.write_bytes(to_csv(binary.read_bytes()))
        sessions, quarantine, _ = ingest(text)
        assert days(sessions)[-1] == last
        assert set(quarantine["reason"]) == ({"session_in_progress"} if last[-1] == "5" else set())


def test_other_roots_of_a_csv_tell_when_it_was_saved(
    write_dbn: Write, make_bar: Build, to_csv: Build, tmp_path: Path
) -> None:
    """ZL's last hour saw no trade, and CL's bars show that the file goes on past its close."""
    moments = times("2024-01-22", "2024-01-26")[:-2]
    other = [*moments, pd.Timestamp("2024-01-26 20:00")]
    records = [make_bar(str(moment), CONTRACT) for moment in moments]
    records += [make_bar(str(moment), 8, (70.0, 70.5, 69.5, 70.0)) for moment in other]
    span = ("2024-01-21", "2024-01-27")
    mapping = {"ZL.v.0": [(*span, CONTRACT)], "CL.v.0": [(*span, 8)]}
    binary = write_dbn("a.dbn", records, mapping, span=span)
    text = tmp_path / "a.csv"
    text.write_bytes(to_csv(binary.read_bytes()))
    assert days(ingest(text)[0])[-1] == "2024-01-25"
    source = SourceConfig(kind="databento", path=str(text), symbols=("ZL", "CL"))
    sessions = make_sessions(read_source(source, NoStore()))[1]
    own = sessions[sessions["symbol"] == "ZL"]
    assert days(own)[-1] == "2024-01-26"
    assert own["is_short"].tolist() == [False] * 4 + [True]


def test_missing_sessions_are_warned_of_and_listed(
    write_dbn: Write, make_bar: Build, caplog: pytest.LogCaptureFixture
) -> None:
    held = [t for t in times("2024-01-08", "2024-01-26") if f"{t:%F}" != "2024-01-17"]
    _, _, missing = ingest(write_market(write_dbn, make_bar, held, ("2024-01-07", "2024-01-27")))
    # 2024-01-15 is a holiday on which these bars stand all the same.
    assert days(missing) == ["2024-01-17"]
    assert "ZL: 1 session missing: 2024-01-17" in caplog.text


def test_a_file_within_one_session_is_refused(write_dbn: Write, make_bar: Build) -> None:
    moments = times("2024-01-22", "2024-01-22")[:4]
    path = write_market(write_dbn, make_bar, moments, ("2024-01-22", "2024-01-22 17:00"))
    with pytest.raises(SourceError, match="no whole session of the configured roots"):
        ingest(path)
