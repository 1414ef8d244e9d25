"""Pulls from Databento's Historical API, against a server that answers like it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import vendor_server
from soyoil.base.errors import SourceError
from soyoil.sources import load_bars
from soyoil.sources.base import SourceConfig
from soyoil.sources.databento.download import client, jobs
from soyoil.sources.databento.download.folder import Folder
from soyoil.sources.databento.download.plan import Pull, Span, by_month, file_name, joined, missing
from soyoil.sources.databento.download.pull import download_missing
from soyoil.sources.databento.load import conditions, read_folder
from vendor_server import KEY, Fault, Vendor, zstd

JANUARY = "glbx-mdp3-20240101-20240131.ohlcv-1h.dbn.zst"
FEBRUARY = "glbx-mdp3-20240201-20240229.ohlcv-1h.dbn.zst"
DATA = ("timeseries.get_range", "batch.submit_job")


class Killed(BaseException):
    """In place of a signal that nothing catches."""


@pytest.fixture
def vendor(
    make_bar: Callable[..., bytes],
    encode: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Vendor]:
    with vendor_server.serving(Vendor(make_bar, encode)) as served:
        monkeypatch.setenv(client.KEY, KEY)
        monkeypatch.setattr(client, "connect", vendor_server.client_of(served.url))
        monkeypatch.setattr(client, "sleep", lambda seconds: None)
        yield served


@pytest.fixture
def source(tmp_path: Path) -> Callable[..., SourceConfig]:
    def make(*symbols: str, **download: Any) -> SourceConfig:
        return SourceConfig.model_validate(
            {
                "kind": "databento",
                "path": str(tmp_path / "bars"),
                "symbols": list(symbols or ("ZL", "CL")),
                "download": {"mode": "range", "start": "2024-01-01"} | download,
            }
        )

    return make


def files(config: SourceConfig) -> dict[str, str]:
    """Content of the files that loads see, by name."""
    folder = Path(str(config.path))
    paths = [p for p in folder.glob("*") if p.name.endswith(".zst")] if folder.exists() else []
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(paths)}


def expected(vendor: Vendor) -> dict[str, str]:
    """Both months as the vendor has them."""
    months = {JANUARY: ("2024-01-01", "2024-02-01"), FEBRUARY: ("2024-02-01", "2024-03-01")}
    return {
        name: hashlib.sha256(
            vendor.file({"symbols": "CL.v.0,ZL.v.0", "start": start, "end": end})
        ).hexdigest()
        for name, (start, end) in months.items()
    }


def hidden(config: SourceConfig) -> list[str]:
    """What is left beside them, the lock left out."""
    return sorted(
        p.name
        for p in Path(str(config.path)).iterdir()
        if p.name.startswith(".")
        if p.name != ".lock"
    )


# What is missing


def test_missing_days_are_those_that_no_file_covers() -> None:
    rng = np.random.default_rng(5)
    first = dt.date(2024, 1, 1)

    def day(offset: int) -> dt.date:
        return first + dt.timedelta(days=int(offset))

    for _ in range(200):
        held = {}
        for root in ("CL", "ZL", "ZM"):
            starts = rng.integers(-10, 60, size=rng.integers(0, 4))
            held[root] = [Span(day(s), day(s + rng.integers(1, 30))) for s in starts]
        wanted = Span(day(0), day(rng.integers(1, 70)))
        found = missing(["ZM", "CL", "ZL"], wanted, held)
        lacking = {
            (root, day(i))
            for root in held
            for i in range(wanted.days)
            if not any(span.start <= day(i) < span.end for span in held[root])
        }
        listed = [
            (root, pull.span.start + dt.timedelta(days=i))
            for pull in found
            for root in pull.roots
            for i in range(pull.span.days)
        ]
        assert len(listed) == len(set(listed))
        assert set(listed) == lacking
        assert all(list(pull.roots) == sorted(pull.roots) for pull in found)
        assert joined(by_month(found)) == found
        months = by_month(found)
        assert all(
            (p.span.start.year, p.span.start.month) == (p.span.last.year, p.span.last.month)
            for p in months
        )


def test_days_before_a_root_was_listed_are_not_asked_for() -> None:
    wanted = Span(dt.date(2019, 5, 1), dt.date(2019, 6, 1))
    assert missing(["ES", "MES"], wanted, {}) == [
        Pull(Span(dt.date(2019, 5, 1), dt.date(2019, 5, 6)), ("ES",)),
        Pull(Span(dt.date(2019, 5, 6), dt.date(2019, 6, 1)), ("ES", "MES")),
    ]


def test_files_are_named_as_the_vendor_names_them() -> None:
    february = Pull(Span(dt.date(2024, 2, 1), dt.date(2024, 3, 1)), ("CL", "ZL"))
    assert file_name(february, ()) == FEBRUARY
    assert file_name(february, {FEBRUARY}) == FEBRUARY.replace(".dbn", ".CL+ZL.dbn")


@pytest.mark.real_data
def test_the_vendors_own_files_are_held_for_their_days(databento_dir: Path) -> None:
    held = Folder(databento_dir).held(["ZL", "CL"])
    first, after = dt.date(2010, 6, 6), dt.date(2024, 1, 1)
    assert missing(["ZL", "CL"], Span(first, after), held) == []
    july = Span(dt.date(2010, 7, 1), dt.date(2010, 8, 1))
    assert file_name(Pull(july, ("ZL",)), ()) in Folder(databento_dir).names()


# Pulls


def test_months_are_pulled_and_loaded(
    vendor: Vendor, source: Callable[..., SourceConfig], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    config = source()
    batch = load_bars(config)
    assert list(files(config)) == [JANUARY, FEBRUARY]
    assert not hidden(config)
    assert [form["symbols"] for form in vendor.asked(*DATA)] == ["CL.v.0,ZL.v.0"] * 2
    assert {form["stype_in"] for form in vendor.asked(*DATA)} == {"continuous"}
    assert len(batch.bars) == 2 * 3 * (23 + 21)
    table = [line for line in caplog.messages if line.startswith(("roots", "CL+ZL", "in all"))]
    assert [line.split() for line in table] == [
        ["roots", "from", "to", "files", "bars", "size", "USD"],
        ["CL+ZL", "2024-01-01", "2024-02-29", "2", "264", "0.01", "MB", "0.2640"],
        ["in", "all", "2", "264", "0.01", "MB", "0.2640"],
    ]
    # What is shown comes before the first request that is paid for.
    names = [name for name, _ in vendor.requests]
    assert max(
        names.index(f"metadata.{n}") for n in ("get_cost", "get_billable_size")
    ) < names.index(DATA[0])


def test_a_second_run_pulls_nothing(vendor: Vendor, source: Callable[..., SourceConfig]) -> None:
    config = source()
    download_missing(config)
    before, asked = files(config), len(vendor.requests)
    assert download_missing(config).files == 0
    again = [name for name, _ in vendor.requests[asked:]]
    assert again == ["metadata.get_dataset_range"]
    assert files(config) == before


def test_a_folder_that_is_complete_needs_neither_vendor_nor_key(
    vendor: Vendor, source: Callable[..., SourceConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    download_missing(source(end="2024-02-01"))
    asked = len(vendor.requests)
    monkeypatch.delenv(client.KEY)
    assert download_missing(source(end="2024-02-01")).files == 0
    assert len(vendor.requests) == asked


def test_the_running_month_is_pulled_in_parts(
    vendor: Vendor, source: Callable[..., SourceConfig], tmp_path: Path
) -> None:
    vendor.end = pd.Timestamp("2024-02-14 19:00")
    config = source()
    download_missing(config)
    first = files(config)
    assert list(first) == [JANUARY, "glbx-mdp3-20240201-20240213.ohlcv-1h.dbn.zst"]
    vendor.end = pd.Timestamp("2024-03-01")
    download_missing(config)
    both = files(config)
    assert sorted(both) == sorted([*first, "glbx-mdp3-20240214-20240229.ohlcv-1h.dbn.zst"])
    assert first.items() <= both.items()
    parts = read_folder(config)
    whole = source().model_copy(update={"path": str(tmp_path / "whole")})
    download_missing(whole)
    at_once = read_folder(whole)
    pd.testing.assert_frame_equal(parts.bars, at_once.bars)
    assert parts.quarantine.empty
    assert at_once.quarantine.empty


def test_days_without_a_bar_wait_for_those_after_them(
    vendor: Vendor, source: Callable[..., SourceConfig]
) -> None:
    vendor.end = pd.Timestamp("2024-02-03")
    config = source()
    download_missing(config)
    vendor.end = pd.Timestamp("2024-02-05")
    paid = len(vendor.paid)
    assert download_missing(config).files == 0
    assert len(vendor.paid) == paid
    vendor.end = pd.Timestamp("2024-02-06")
    download_missing(config)
    assert list(files(config))[-1] == "glbx-mdp3-20240203-20240205.ohlcv-1h.dbn.zst"


def test_of_a_new_root_only_its_own_bars_are_pulled(
    vendor: Vendor, source: Callable[..., SourceConfig]
) -> None:
    download_missing(source("ZL", end="2024-02-01"))
    download_missing(source("ZL", "CL", end="2024-02-01"))
    assert [form["symbols"] for form in vendor.asked(*DATA)] == ["ZL.v.0", "CL.v.0"]
    config = source("ZL", "CL", end="2024-02-01")
    assert list(files(config)) == [JANUARY.replace(".dbn", ".CL.dbn"), JANUARY]
    assert set(read_folder(config).bars["symbol"]) == {"CL", "ZL"}


# Cost


def test_a_pull_above_the_cap_makes_no_request_for_data(
    vendor: Vendor, source: Callable[..., SourceConfig]
) -> None:
    config = source(max_cost_usd=0.26)
    with pytest.raises(SourceError) as caught:
        load_bars(config)
    assert str(caught.value) == (
        f"Pulling what is missing at {config.path} costs 0.2640 USD (264 bars, 0.01 MB), and "
        "source.download.max_cost_usd is 0.26: nothing was pulled. Allow it with "
        "--params=source.download.max_cost_usd=1, or ask for less with source.download.start, "
        "source.download.end or source.symbols."
    )
    assert vendor.paid == []
    assert not files(config)
    assert not hidden(config)
    download_missing(source(max_cost_usd=0.264))
    assert len(vendor.paid) == 2


def test_a_dry_run_shows_the_cost_and_writes_nothing(
    vendor: Vendor, source: Callable[..., SourceConfig]
) -> None:
    config, lines = source(max_cost_usd=0.0), []
    done = download_missing(config, dry_run=True, report=lines.append)
    assert [(q.records, round(q.cost_usd, 6), q.size) for q in done.quotes] == [(264, 0.264, 14784)]
    assert lines[-1].startswith("in all")
    assert vendor.paid == []
    assert not Path(str(config.path)).exists()


# Faults


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def fewer_records(content: bytes) -> bytes:
    import pyarrow as pa

    plain = pa.input_stream(pa.BufferReader(content), compression="zstd").read()
    return zstd(plain[: -56 * 5])


@pytest.mark.parametrize(
    "fault",
    [
        Fault(bytes=0),
        Fault(bytes=90),
        Fault(bytes=1000),
        Fault(change=half),
        Fault(change=fewer_records),
        Fault(change=lambda content: b""),
    ],
    ids=["nothing", "in the header", "in the body", "half", "whole frames only", "empty"],
)
def test_a_file_that_is_cut_off_is_asked_for_again(
    vendor: Vendor, source: Callable[..., SourceConfig], fault: Fault
) -> None:
    config = source()
    vendor.faults["timeseries.get_range"] = [fault]
    download_missing(config)
    assert len(vendor.paid) == 3
    assert not hidden(config)
    assert files(config) == expected(vendor)


def test_asking_again_counts_towards_the_cap(
    vendor: Vendor, source: Callable[..., SourceConfig]
) -> None:
    vendor.faults["timeseries.get_range"] = [Fault(), Fault(change=half)]
    config = source(max_cost_usd=0.3)
    with pytest.raises(
        SourceError, match=r"asking again for 0\.1260 USD would bring this run above"
    ):
        download_missing(config)
    assert len(vendor.paid) == 2
    assert list(files(config)) == [JANUARY]


def test_a_file_that_never_arrives_whole_is_not_kept(
    vendor: Vendor, source: Callable[..., SourceConfig]
) -> None:
    vendor.faults["timeseries.get_range"] = [Fault(change=half)] * 3
    config = source()
    with pytest.raises(
        SourceError, match="CL, ZL from 2024-01-01 to 2024-01-31 did not arrive whole in 3"
    ):
        download_missing(config)
    assert not files(config)
    assert not hidden(config)


def test_bars_that_the_vendor_counts_and_has_not_are_said(
    vendor: Vendor, source: Callable[..., SourceConfig], caplog: pytest.LogCaptureFixture
) -> None:
    vendor.faults["timeseries.get_range"] = [Fault(change=fewer_records)] * 2
    download_missing(source(end="2024-02-01"))
    assert f"{JANUARY} holds 133 bars, the vendor counts 138" in caplog.text
    assert len(vendor.paid) == 2


def test_the_answer_to_another_question_is_refused(
    vendor: Vendor, source: Callable[..., SourceConfig]
) -> None:
    config = source(end="2024-02-01")
    other = vendor.file({"symbols": "CL.v.0", "start": "2024-01-01", "end": "2024-02-01"})
    vendor.faults["timeseries.get_range"] = [Fault(change=lambda content: other)]
    with pytest.raises(SourceError, match=r"holds CL\.v\.0 of 2024-01-01 to 2024-01-31, and asked"):
        download_missing(config)
    assert not files(config)


@pytest.mark.parametrize("status", [429, 500, 503, 504])
def test_a_busy_vendor_is_asked_again_after_the_time_that_it_names(
    vendor: Vendor,
    source: Callable[..., SourceConfig],
    monkeypatch: pytest.MonkeyPatch,
    status: int,
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(client, "sleep", waits.append)
    busy = Fault(status, "busy", {"Retry-After": "7"})
    vendor.faults = {
        "metadata.get_cost": [busy, Fault(status)],
        "timeseries.get_range": [Fault(status, "busy", {"Retry-After": "3600"})],
    }
    config = source()
    download_missing(config)
    assert waits == [7.0, 2.0, 60.0]
    assert files(config) == expected(vendor)


def test_a_vendor_that_stays_busy_is_given_up(
    vendor: Vendor, source: Callable[..., SourceConfig]
) -> None:
    vendor.faults["timeseries.get_range"] = [Fault(429, "Too many requests")] * 99
    with pytest.raises(SourceError, match=r"did not give bars in 5 tries, at last: 429 Too many"):
        download_missing(source())
    assert len(vendor.paid) == 5


def test_a_vendor_that_is_not_there_is_said(
    source: Callable[..., SourceConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(client.KEY, KEY)
    monkeypatch.setattr(client, "connect", vendor_server.client_of("http://127.0.0.1:9"))
    monkeypatch.setattr(client, "sleep", lambda seconds: None)
    with pytest.raises(SourceError, match="did not give the range of the dataset in 5 tries"):
        download_missing(source())


def test_a_key_that_has_expired_is_named_by_its_variable(
    vendor: Vendor, source: Callable[..., SourceConfig], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    vendor.key = "db-another"
    with pytest.raises(SourceError) as caught:
        download_missing(source())
    assert str(caught.value) == (
        "Databento refuses the key in DATABENTO_API_KEY (401 auth_authentication_failed "
        "Authentication failed): it is wrong, revoked or expired. Set a key that holds "
        "(https://databento.com/portal/keys)."
    )
    assert len(vendor.requests) == 1
    assert KEY not in caplog.text


@pytest.mark.parametrize("value", [None, "", "  "])
def test_without_a_key_nothing_is_asked(
    vendor: Vendor,
    source: Callable[..., SourceConfig],
    monkeypatch: pytest.MonkeyPatch,
    value: str | None,
) -> None:
    monkeypatch.delenv(client.KEY) if value is None else monkeypatch.setenv(client.KEY, value)
    with pytest.raises(SourceError, match="DATABENTO_API_KEY is not set: set it to the key"):
        download_missing(source())
    assert vendor.requests == []


def test_symbols_that_the_vendor_cannot_resolve_are_said_once_and_not_paid_for_twice(
    vendor: Vendor, source: Callable[..., SourceConfig]
) -> None:
    unknown = {"case": "symbology_invalid_request", "docs": "",
               "message": "None of the symbols could be resolved"}  # fmt: skip
    vendor.faults["metadata.get_billable_size"] = [Fault(422, unknown)]
    with pytest.raises(SourceError, match=r"Databento refuses the size \(422\): symbology_invalid"):
        download_missing(source())
    for _ in range(2):
        with pytest.raises(SourceError, match=r"ZM\.v\.0 was not found by the vendor although"):
            download_missing(source("ZL", "ZM", end="2024-02-01"))
    assert len(vendor.paid) == 1
    config = source("ZL", end="2024-02-01")
    download_missing(config)
    assert len(vendor.paid) == 1
    assert list(files(config)) == [JANUARY]


# Days


def test_degraded_days_are_said_and_flagged_and_days_that_are_not_done_wait(
    vendor: Vendor, source: Callable[..., SourceConfig], caplog: pytest.LogCaptureFixture
) -> None:
    vendor.condition = {
        "2024-01-10": "degraded", "2024-01-12": "missing",
        "2024-02-28": "pending", "2024-02-29": "pending",
    }  # fmt: skip
    config = source()
    Path(str(config.path)).mkdir()
    old = [{"date": "2019-01-15", "condition": "degraded", "last_modified_date": "2019-02-01"}]
    (Path(str(config.path)) / "condition.json").write_text(json.dumps(old))
    batch = load_bars(config)
    assert "Databento marks 2024-01-10 as degraded" in caplog.text
    assert "Databento marks 2024-01-12 as missing" in caplog.text
    assert {dt.date(2019, 1, 15), dt.date(2024, 1, 10)} <= set(batch.degraded_days)
    assert list(files(config))[-1] == "glbx-mdp3-20240201-20240227.ohlcv-1h.dbn.zst"
    vendor.condition = {}
    download_missing(config)
    assert list(files(config))[-1] == "glbx-mdp3-20240228-20240229.ohlcv-1h.dbn.zst"
    assert {dt.date(2019, 1, 15), dt.date(2024, 1, 10)} <= conditions(Path(str(config.path)))


# Folders that do not go with a pull


def test_folders_of_other_files_are_refused_before_anything_is_asked(
    vendor: Vendor,
    source: Callable[..., SourceConfig],
    write_dbn: Callable[..., Path],
    make_bars: Callable[..., list[bytes]],
) -> None:
    config = source()
    path = write_dbn("a.dbn", make_bars(1), {"ZL.c.0": [("2024-01-01", "2024-02-01", 1)]})
    with pytest.raises(SourceError, match=r"holds ZL\.c\.0, and ZL\.v\.0 is pulled"):
        download_missing(config)
    path.rename(path.with_suffix(".csv"))
    with pytest.raises(SourceError, match=r"holds CSV files, such as a\.csv"):
        download_missing(config)
    single = config.model_copy(update={"path": str(path.with_suffix(".csv"))})
    with pytest.raises(SourceError, match="is a file: what is pulled goes into a folder"):
        download_missing(single)
    assert vendor.requests == []


def test_the_day_that_a_file_ends_in_is_still_missing(
    tmp_path: Path,
    write_dbn: Callable[..., Path],
    make_bars: Callable[..., list[bytes]],
) -> None:
    mapping = {"ZL.v.0": [("2024-01-08", "2024-01-10", 1)]}
    write_dbn(
        "a.dbn", make_bars(1, count=20), mapping, span=("2024-01-08 12:00", "2024-01-10 06:00")
    )
    held = Folder(tmp_path / "bars").held(["ZL"])
    assert held == {"ZL": [Span(dt.date(2024, 1, 9), dt.date(2024, 1, 10))]}


# Kills


def test_an_interrupted_pull_goes_on_where_it_was(
    vendor: Vendor, source: Callable[..., SourceConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = source()
    take = Folder.take

    def killed(self: Folder, part: Path, name: str) -> Path:
        if name == FEBRUARY:
            raise Killed
        return take(self, part, name)

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "take", killed)
        with pytest.raises(Killed):
            download_missing(config)
    assert list(files(config)) == [JANUARY]
    assert hidden(config) == [f".{FEBRUARY}.part"]
    january = files(config)[JANUARY]
    assert len(vendor.paid) == 2
    # The second file had arrived whole: it is taken as it is.
    assert download_missing(config).files == 1
    assert len(vendor.paid) == 2
    assert files(config)[JANUARY] == january
    assert list(files(config)) == [JANUARY, FEBRUARY]
    assert not hidden(config)


def test_a_file_that_a_kill_cut_off_is_pulled_anew(
    vendor: Vendor, source: Callable[..., SourceConfig]
) -> None:
    config = source()
    download_missing(config)
    folder = Path(str(config.path))
    whole = (folder / FEBRUARY).read_bytes()
    (folder / FEBRUARY).unlink()
    (folder / f".{FEBRUARY}.part").write_bytes(half(whole))
    assert download_missing(config).files == 1
    assert len(vendor.paid) == 3
    assert (folder / FEBRUARY).read_bytes() == whole
    assert not hidden(config)


# Jobs


def test_a_batch_makes_the_same_files(
    vendor: Vendor, source: Callable[..., SourceConfig], tmp_path: Path
) -> None:
    vendor.states = ["queued", "processing", "done"]
    config = source(mode="batch")
    assert download_missing(config).files == 2
    assert [form["split_duration"] for form in vendor.asked("batch.submit_job")] == ["month"]
    assert len(vendor.asked("batch.list_jobs")) == 3
    at_once = source().model_copy(update={"path": str(tmp_path / "range")})
    download_missing(at_once)
    assert files(config) == files(at_once)
    assert not hidden(config)
    assert download_missing(config).files == 0
    assert len(vendor.asked("batch.submit_job")) == 1


@pytest.mark.parametrize("point", ["before the id is known", "before the files", "between files"])
def test_a_job_is_not_paid_for_twice_after_a_kill(
    vendor: Vendor,
    source: Callable[..., SourceConfig],
    monkeypatch: pytest.MonkeyPatch,
    point: str,
) -> None:
    config = source(mode="batch")

    def killed(*args: Any, **options: Any) -> Any:
        raise Killed

    take = Folder.take

    def second(self: Folder, part: Path, name: str) -> Path:
        return killed() if name == FEBRUARY else take(self, part, name)

    with monkeypatch.context() as patch:
        if point == "before the id is known":
            patch.setattr(jobs.Jobs, "_replace", killed)
        elif point == "before the files":
            patch.setattr(jobs.Jobs, "fetch", lambda self, *a: killed() if self.open else 0)
        else:
            patch.setattr(Folder, "take", second)
        with pytest.raises(Killed):
            download_missing(config)
    assert len(vendor.jobs) == 1
    assert jobs.JOBS_FILE in hidden(config)
    done = download_missing(config, dry_run=True)
    assert done.quotes == ()
    download_missing(config)
    assert len(vendor.jobs) == 1
    assert list(files(config)) == [JANUARY, FEBRUARY]
    assert not hidden(config)
    fetched = [name for name, _ in vendor.requests if name.startswith("batch/download")]
    assert len(fetched) == 2


def test_an_order_whose_answer_was_lost_is_not_given_again(
    vendor: Vendor, source: Callable[..., SourceConfig]
) -> None:
    vendor.faults["batch.submit_job"] = [Fault(bytes=0)]
    download_missing(source(mode="batch"))
    assert len(vendor.jobs) == 1
    assert len(vendor.asked("batch.submit_job")) == 1


def test_an_order_that_was_not_taken_is_given_again(
    vendor: Vendor, source: Callable[..., SourceConfig]
) -> None:
    vendor.faults["batch.submit_job"] = [Fault(503, "later")]
    download_missing(source(mode="batch"))
    assert len(vendor.jobs) == 1
    assert len(vendor.asked("batch.submit_job")) == 2


def test_a_job_that_is_not_done_in_time_is_remembered(
    vendor: Vendor, source: Callable[..., SourceConfig]
) -> None:
    vendor.states = ["processing"]
    with pytest.raises(SourceError, match=r"has not finished GLBX-\S+ \(processing\) in 1 minutes"):
        download_missing(source(mode="batch", wait_minutes=1))
    vendor.states = ["done"]
    # Whatever the mode is now: it is paid for.
    assert download_missing(source(mode="range")).files == 2
    assert vendor.paid == ["batch.submit_job"]


def test_files_of_a_job_that_has_expired_are_missing_again(
    vendor: Vendor, source: Callable[..., SourceConfig], caplog: pytest.LogCaptureFixture
) -> None:
    vendor.states = ["processing"]
    with pytest.raises(SourceError, match="has not finished"):
        download_missing(source(mode="batch", wait_minutes=0))
    vendor.states = ["expired", "done"]
    assert download_missing(source(mode="batch")).files == 2
    assert "has expired before it was fetched" in caplog.text
    assert len(vendor.jobs) == 2


@pytest.mark.parametrize(
    "fault",
    [Fault(bytes=700), Fault(429, headers={"Retry-After": "1"}), Fault(502)],
    ids=["broken off", "429", "502"],
)
def test_files_of_a_job_are_fetched_from_where_they_broke_off(
    vendor: Vendor, source: Callable[..., SourceConfig], fault: Fault
) -> None:
    vendor.faults["batch/download"] = [fault]
    config = source(mode="batch")
    download_missing(config)
    assert files(config) == expected(vendor)
    assert len([n for n, _ in vendor.requests if n.startswith("batch/download")]) == 3


def test_a_file_of_a_job_that_was_altered_is_fetched_again(
    vendor: Vendor, source: Callable[..., SourceConfig]
) -> None:
    vendor.faults["batch/download"] = [Fault(change=lambda content: bytes(len(content)))]
    config = source(mode="batch")
    download_missing(config)
    assert files(config) == expected(vendor)
    assert vendor.paid == ["batch.submit_job"]


def test_another_host_is_not_given_the_key(
    vendor: Vendor, source: Callable[..., SourceConfig]
) -> None:
    vendor.url = vendor.url.replace("127.0.0.1", "localhost")
    with pytest.raises(SourceError):
        download_missing(source(mode="batch"))
    given = [key for name, key in vendor.given if name.startswith("batch/download")]
    assert given == [""]


# Parameters


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"download": {"mode": "range"}}, "source.kind is synthetic"),
        ({"download": {"mode": "stream"}}, "'range' or 'batch'"),
        ({"download": {"start": "2024-02-01", "end": "2024-02-01"}}, "there is no day to pull"),
        ({"download": {"max_cost_usd": -1}}, "greater than or equal to 0"),
        ({"download": {"key": KEY}}, "Extra inputs"),
    ],
)
def test_wrong_parameters_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SourceConfig.model_validate(values)
