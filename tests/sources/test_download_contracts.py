"""Pulls of single contracts, into a folder of their own beside the front months."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import databento_dbn as dbn
import pandas as pd
import pytest
from pydantic import ValidationError

import vendor_server
from dbn_files import bar, encode
from soyoil.base.errors import SourceError
from soyoil.external.config import OutsideSection
from soyoil.external.readers.curve import read
from soyoil.sources import load_bars
from soyoil.sources.base import SourceConfig
from soyoil.sources.databento.download import client, jobs
from soyoil.sources.databento.download.folder import Folder
from soyoil.sources.databento.download.pull import download_missing
from vendor_server import KEY, Fault, Vendor, zstd

JANUARY = "glbx-mdp3-20240101-20240131.ohlcv-1h.dbn.zst"
FEBRUARY = "glbx-mdp3-20240201-20240229.ohlcv-1h.dbn.zst"
DATA = ("timeseries.get_range", "batch.submit_job")
JANUARY_BARS = 3 * (11 * 23 + 10)
"""Nine contracts and two spreads all month, and ZLF4 until the 12th."""
FEBRUARY_BARS = 3 * 11 * 21


class Killed(BaseException):
    """In place of a signal that nothing catches."""


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    with vendor_server.serving(Vendor(bar, encode)) as served:
        monkeypatch.setenv(client.KEY, KEY)
        monkeypatch.setattr(client, "connect", vendor_server.client_of(served.url))
        monkeypatch.setattr(client, "sleep", lambda seconds: None)
        yield served


@pytest.fixture
def source(tmp_path: Path) -> Callable[..., SourceConfig]:
    def make(kind: str = "contracts", **download: Any) -> SourceConfig:
        return SourceConfig.model_validate(
            {
                "kind": "databento",
                "path": str(tmp_path / "bars"),
                "symbols": ["CL", "ZL"],
                "download": {"mode": "range", "kind": kind, "start": "2024-01-01"} | download,
            }
        )

    return make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "bars-contracts"


def files(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.glob("*.zst"))}


def hidden(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.glob(".*") if p.name != ".lock")


def test_months_of_every_contract_are_pulled_beside_the_front_months(
    vendor: Vendor, source: Callable[..., SourceConfig], folder: Path
) -> None:
    lines: list[str] = []
    assert download_missing(source(), report=lines.append).files == 2
    assert list(files(folder)) == [JANUARY, FEBRUARY]
    assert not folder.with_name("bars").exists()
    asked = vendor.asked(*DATA)
    assert {(form["symbols"], form["stype_in"]) for form in asked} == {("ZL.FUT", "parent")}
    assert lines[1].split()[:6] == ["ZL.FUT", "2024-01-01", "2024-02-29", "2", "1,482", "0.08"]
    assert JANUARY_BARS + FEBRUARY_BARS == 1482
    assert (
        lines[-1] == f"Back months are read from there with --params=external.curve.path={folder}"
    )
    names = [name for name, _ in vendor.requests]
    assert names.index("metadata.get_cost") < names.index("timeseries.get_range")
    reading = read(OutsideSection(path=str(folder)))
    assert reading.rejected.empty
    assert len(reading.rows) == 9 * (23 + 21) + 10
    of = reading.rows[reading.rows["contract"] == "ZLK2024"]
    assert of["price"].iloc[0] == 48 + 0.3 + 1 / 100 + 0.017 + 0.1


def test_a_second_run_pulls_nothing_and_a_new_month_alone(
    vendor: Vendor, source: Callable[..., SourceConfig], folder: Path
) -> None:
    vendor.end = pd.Timestamp("2024-02-01")
    download_missing(source())
    first, paid = files(folder), len(vendor.paid)
    lines: list[str] = []
    assert download_missing(source(), report=lines.append).files == 0
    assert lines[-1].endswith(f"external.curve.path={folder}")
    assert len(vendor.paid) == paid == 1
    vendor.end = pd.Timestamp("2024-03-01")
    assert download_missing(source()).files == 1
    assert list(files(folder)) == [JANUARY, FEBRUARY]
    assert files(folder)[JANUARY] == first[JANUARY]
    assert [form["start"] for form in vendor.asked(*DATA)] == ["2024-01-01", "2024-02-01"]


def test_the_cost_of_both_is_shown_and_capped_before_either_is_pulled(
    vendor: Vendor, source: Callable[..., SourceConfig], folder: Path
) -> None:
    lines: list[str] = []
    dry = download_missing(source("both"), dry_run=True, report=lines.append)
    assert [quote.pull.symbols for quote in dry.quotes] == [("CL.v.0", "ZL.v.0"), ("ZL.FUT",)]
    assert [line.split()[0] for line in lines] == ["roots", "CL+ZL", "ZL.FUT", "in"]
    with pytest.raises(SourceError) as caught:
        download_missing(source("both", max_cost_usd=1.7))
    fronts = folder.with_name("bars")
    assert str(caught.value).startswith(
        f"Pulling what is missing at {fronts} and {folder} costs 1.7460 USD (1,746 bars"
    )
    assert vendor.paid == []
    assert not files(folder)
    assert not files(fronts)
    with pytest.raises(SourceError, match=r"source\.download\.start or source\.download\.end\.$"):
        download_missing(source(max_cost_usd=1.0))
    download_missing(source("both"))
    assert list(files(folder)) == list(files(fronts)) == [JANUARY, FEBRUARY]
    # Loads read the front months alone.
    batch = load_bars(source("both"))
    assert len(batch.bars) == 2 * 3 * (23 + 21)
    assert batch.quarantine.empty


def test_a_busy_vendor_and_an_answer_that_breaks_off(
    vendor: Vendor, source: Callable[..., SourceConfig], folder: Path
) -> None:
    download_missing(source(contracts_path=str(folder.with_name("whole"))))
    paid = len(vendor.paid)
    vendor.faults = {
        "metadata.get_cost": [Fault(429, "busy", {"Retry-After": "1"})],
        "timeseries.get_range": [Fault(500), Fault(bytes=2000), Fault(change=lambda c: c[:-200])],
    }
    assert download_missing(source()).files == 2
    # An error of the server is no data; two answers that broke off were asked for again.
    assert len(vendor.paid) == paid + 5
    assert files(folder) == files(folder.with_name("whole"))
    assert not hidden(folder)


def test_an_interrupted_pull_goes_on_where_it_was(
    vendor: Vendor,
    source: Callable[..., SourceConfig],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    take = Folder.take

    def killed(self: Folder, part: Path, name: str) -> Path:
        if name == FEBRUARY:
            raise Killed
        return take(self, part, name)

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "take", killed)
        with pytest.raises(Killed):
            download_missing(source())
    assert hidden(folder) == [f".{FEBRUARY}.part"]
    assert download_missing(source()).files == 1
    assert len(vendor.paid) == 2
    assert list(files(folder)) == [JANUARY, FEBRUARY]


def test_a_batch_makes_the_same_files_and_is_not_paid_for_twice(
    vendor: Vendor,
    source: Callable[..., SourceConfig],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def killed(*args: Any, **options: Any) -> Any:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(jobs.Jobs, "_replace", killed)
        with pytest.raises(Killed):
            download_missing(source(mode="batch"))
    assert hidden(folder) == [jobs.JOBS_FILE]
    assert download_missing(source(mode="batch")).files == 2
    assert vendor.paid == ["batch.submit_job"]
    assert vendor.asked("batch.submit_job")[0]["stype_in"] == "parent"
    whole = folder.with_name("whole")
    download_missing(source(contracts_path=str(whole)))
    assert files(folder) == files(whole)


def test_degraded_days_are_said_and_kept_and_days_that_are_not_done_wait(
    vendor: Vendor,
    source: Callable[..., SourceConfig],
    folder: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    vendor.condition = {"2024-01-10": "degraded", "2024-02-29": "pending"}
    download_missing(source())
    said = "2024-01-10 as degraded: prices of these days are used as they are"
    assert f"Databento marks {said}" in caplog.text
    kept = json.loads((folder / "condition.json").read_text())
    assert [day["date"] for day in kept if day["condition"] == "degraded"] == ["2024-01-10"]
    assert list(files(folder))[-1] == "glbx-mdp3-20240201-20240228.ohlcv-1h.dbn.zst"


def test_an_answer_without_a_contract_is_kept_and_not_paid_for_twice(
    vendor: Vendor, source: Callable[..., SourceConfig], folder: Path
) -> None:
    records = [bar(f"2024-01-{day} 18:00", 7) for day in ("02", "16", "31")]
    odd = zstd(
        encode(
            records,
            {"ZL.FUT": [("2024-01-01", "2024-02-01", 7)]},
            stype_in=dbn.SType.PARENT,
            span=("2024-01-01", "2024-02-01"),
        )
    )
    vendor.faults["timeseries.get_range"] = [Fault(change=lambda content: odd)]
    for _ in range(2):
        with pytest.raises(
            SourceError, match=r"no bar of a single contract of ZL.*It is kept and not asked for"
        ):
            download_missing(source())
    assert len(vendor.paid) == 1
    assert hidden(folder) == [f".{JANUARY}.part"]


# Folders


def test_files_of_the_other_kind_are_told_where_they_belong(
    vendor: Vendor, source: Callable[..., SourceConfig], folder: Path
) -> None:
    download_missing(source("both", end="2024-02-01"))
    fronts = folder.with_name("bars")
    contract, front = folder / JANUARY, fronts / JANUARY
    asked = len(vendor.requests)
    contract.rename(fronts / "c.dbn.zst")
    with pytest.raises(SourceError) as caught:
        download_missing(source("continuous"))
    assert str(caught.value) == (
        f"{fronts / 'c.dbn.zst'} holds contracts (requested as ZL.FUT with stype_in=parent), and "
        "front months are pulled: each has a folder of its own. Move it to that of "
        "source.download.contracts_path, or pull into another folder."
    )
    with pytest.raises(SourceError, match=r"c\.dbn\.zst was .*in a folder of their own, for exte"):
        load_bars(source("continuous", mode=None))
    (fronts / "c.dbn.zst").rename(contract)
    front.rename(folder / "f.dbn.zst")
    with pytest.raises(
        SourceError, match=r"f\.dbn\.zst holds front months .* to that of source\.p"
    ):
        download_missing(source())
    with pytest.raises(
        SourceError, match=r"f\.dbn\.zst was .*which belong in the folder of source"
    ):
        read(OutsideSection(path=str(folder)))
    assert len(vendor.requests) == asked


def test_prices_that_do_not_say_their_days_are_not_pulled_beside(
    vendor: Vendor, source: Callable[..., SourceConfig], folder: Path
) -> None:
    folder.mkdir()
    pd.DataFrame({"a": [1]}).to_parquet(folder / "a.parquet")
    with pytest.raises(SourceError, match=r"CSV or Parquet files, such as a\.parquet"):
        download_missing(source())
    (folder / "a.parquet").unlink()
    (folder / "own.dbn").write_bytes(
        encode(
            [bar("2024-01-31 18:00", 100)],
            {"ZLF4": [("2024-01-01", "2024-02-01", 100)]},
            stype_in=dbn.SType.RAW_SYMBOL,
        )
    )
    # Contracts that were asked for one by one do not make a day whole.
    assert download_missing(source(end="2024-02-01")).files == 1
    assert vendor.asked(*DATA)[0]["start"] == "2024-01-01"


@pytest.mark.parametrize("place", ["bars", "bars/../bars", "link"])
def test_contracts_never_go_where_the_front_months_are(
    source: Callable[..., SourceConfig], tmp_path: Path, place: str
) -> None:
    (tmp_path / "bars").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "bars")
    for kind in ("continuous", "contracts", "both"):
        with pytest.raises(ValidationError, match="contracts need a folder of their own"):
            source(kind, contracts_path=str(tmp_path / place))


def test_nor_beside_a_single_file(source: Callable[..., SourceConfig], tmp_path: Path) -> None:
    (tmp_path / "bars").write_bytes(b"DBN")
    with pytest.raises(ValidationError, match="contracts need a folder of their own"):
        source(contracts_path=str(tmp_path))
    with pytest.raises(SourceError, match=r"source\.path .*bars is a file"):
        download_missing(source("continuous"))


def test_an_ingest_that_pulls_logs_where_the_contracts_are(
    vendor: Vendor,
    source: Callable[..., SourceConfig],
    folder: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    load_bars(source("both", end="2024-02-01"))
    assert f"external.curve.path={folder}" in caplog.text
