"""What the doctor says of machines, data folders and sources, sound and broken."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from rich.console import Console
from upkeep_project import places_of

from soyoil.base.data_folder import LOCK_FILE, locked
from soyoil.base.errors import ConfigError
from soyoil.external.config import ExternalConfig
from soyoil.models.backends.machines import available_cores
from soyoil.models.config import FitConfig
from soyoil.regimes.table import RegimeConfig, regime_frame
from soyoil.reports.findings import print_findings
from soyoil.sources.base import SourceConfig
from soyoil.sources.identity import market_identity
from soyoil.splits.snapshot import take_snapshot, write_snapshot
from soyoil.upkeep import machine
from soyoil.upkeep.finding import Finding, as_json, examine, has_failed
from soyoil.upkeep.folder import leftover_findings, lock_finding, snapshot_findings
from soyoil.upkeep.sources import credential_findings, outside_findings, session_finding
from soyoil.upkeep.swap import JOURNAL
from soyoil.warehouse.live import Inspector, LiveTable, LiveWarehouse

DEAD = 2**22 + 1
SECRET = "abcd-not-a-real-key"
GONE = {"pid": DEAD, "command": "kedro run", "host": os.uname().nodename, "since": "then"}


def states(findings: Sequence[Finding]) -> list[str]:
    return [finding.state for finding in findings]


def test_a_check_that_fails_is_a_line_and_the_others_go_on() -> None:
    def known() -> Finding:
        raise ConfigError(f"wrong: password={SECRET}")

    def unknown() -> Finding:
        raise ZeroDivisionError(f"api_key={SECRET}")

    good = Finding("good", "ok", f"token={SECRET}", "none")
    found = examine({"known": known, "unknown": unknown, "good": lambda: [good]})
    assert states(found) == ["fail", "fail", "ok"]
    assert [f.check for f in found] == ["known", "unknown", "good"]
    assert "ZeroDivisionError" in found[1].said
    assert SECRET not in json.dumps(as_json(found))
    assert as_json(found)["ok"] is False
    assert has_failed(found)
    assert not has_failed([good, Finding("x", "warn", "y")])


def test_the_table_fits_80_columns() -> None:
    console = Console(width=80, record=True, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    long = Finding("outside sources", "warn", "[/] is no markup " * 9, "/a/path" * 30)
    print_findings([long, Finding("Python", "ok", "3.11")], console)
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= 80
    assert "[/] is no markup" in text
    assert "1 ok, 1 warn, 0 fail" in text


MAC = {"lightgbm": [], "torch": ["libomp.dylib"]}


@pytest.mark.parametrize(
    ("system", "loaded", "brewed", "variables", "expected"),
    [
        ("Linux", ["/a/libgomp-1.so.1"], False, {}, ["ok"]),
        ("Darwin", [], True, {}, ["ok"]),
        ("Darwin", [], False, {}, ["fail"]),
        ("Linux", ["/a/libgomp-e985.so.1", "/b/libomp.so"], False, {}, ["warn", "ok"]),
        ("Linux", ["/a/libgomp.so.1", "/a/libgomp.so.1"], False, {}, ["ok"]),
        ("Linux", ["/a/libcomplex.so", "/a/libopenblas.so"], False, {}, ["ok"]),
        ("Darwin", [], True, {"KMP_DUPLICATE_LIB_OK": "TRUE"}, ["warn", "ok"]),
    ],
)
def test_openmp(
    system: str, loaded: list[str], brewed: bool, variables: dict[str, str], expected: list[str]
) -> None:
    found = list(machine.openmp_findings(system, loaded, MAC, brewed=brewed, environment=variables))
    assert states(found) == expected
    if "fail" in expected:
        assert found[0].remedy == "Run: brew install libomp"


def child(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def said(name: str, reason: str) -> str:
    found = json.dumps({"torch": "2.9", "name": name, "reason": reason})
    return f"print('a line of a library'); print({found!r})"


@pytest.mark.parametrize(
    ("code", "state", "words"),
    [
        (said("mps", "mps agrees with the CPU to 1e-06"), "ok", "mps agrees"),
        (said("cpu", "mps is not there; cuda is not there"), "ok", "is not there"),
        (said("cpu", "mps differs from the CPU by 0.3; cuda is not there"), "warn", "differs"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "fail", "SIGSEGV"),
        ("raise SystemExit('tft.device=mps cannot be used')", "fail", "cannot be used"),
    ],
)
def test_device_is_judged_by_a_process_of_its_own(code: str, state: str, words: str) -> None:
    found = machine.checked_device("auto", child(code))
    assert found.state == state
    assert words in found.said


def test_a_device_that_hangs_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "DEVICE_TIMEOUT_S", 0.2)
    found = machine.checked_device("auto", child("import time; time.sleep(60)"))
    assert found.state == "fail"


def test_packages_against_the_tested_set(tmp_path: Path) -> None:
    assert states(list(machine.package_findings(tmp_path))) == ["ok"]
    pins = tmp_path / "constraints.txt"
    pins.write_text(f"# a remark\npandas=={pd.__version__}\nnot-installed==1.0\n")
    assert states(list(machine.package_findings(tmp_path))) == ["ok"]
    pins.write_text("pandas==2.9.9\n")
    (found,) = machine.package_findings(tmp_path)
    assert (found.state, found.said) == ("warn", f"pandas {pd.__version__} (tested 2.9.9)")


def test_missing_packages_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = [
        "pandas>=99",
        "not-there>=1",
        "only-elsewhere; sys_platform == 'none'",
        "x; extra=='a'",
    ]
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: needed)
    (found,) = machine.package_findings(tmp_path)
    assert found.state == "fail"
    assert found.said == f"pandas {pd.__version__}, needed >=99, not-there is missing"


@pytest.mark.parametrize(
    ("fit", "variable", "expected"),
    [
        (FitConfig(), "", ["ok"]),
        (None, "1", ["ok"]),
        (FitConfig(), "9999", ["warn", "ok"]),
        (FitConfig(), "many", ["warn", "ok"]),
        (FitConfig(workers=available_cores() + 1), "", ["fail"]),
    ],
)
def test_threads(fit: FitConfig | None, variable: str, expected: list[str]) -> None:
    found = list(machine.thread_findings(fit, {"OMP_NUM_THREADS": variable}))
    assert states(found) == expected


def test_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = {2**29: "fail", 2 * 2**30: "warn", 50 * 2**30: "ok"}
    for free, state in expected.items():
        usage = type("Usage", (), {"free": free})
        monkeypatch.setattr(shutil, "disk_usage", lambda _, usage=usage: usage)
        (found,) = machine.disk_findings([tmp_path / "not/there"])
        assert found.state == state


def test_a_run_that_was_killed_is_told_from_one_that_runs(tmp_path: Path) -> None:
    assert lock_finding(tmp_path / "none").state == "warn"
    assert lock_finding(tmp_path).state == "ok"
    with locked(tmp_path, "kedro run --pipeline=fit"):
        found = lock_finding(tmp_path)
        assert "in use by PID" in found.said
        assert "--pipeline=fit" in found.said
    assert lock_finding(tmp_path).state == "ok"
    (tmp_path / LOCK_FILE).write_text(json.dumps(GONE))
    assert "was killed" in lock_finding(tmp_path).said


def test_leftovers(tmp_path: Path) -> None:
    places = places_of(tmp_path)
    places.data.mkdir()
    (places.data / f".unfinished-{os.getpid()}-0-mine").write_text("")
    assert [f.said for f in leftover_findings(places) if "0 unfinished" not in f.said] in (
        ["none"], [],
    )  # fmt: skip
    (places.data / f".unfinished-{DEAD}-0-a").write_text("")
    (places.root / f".replaced-{DEAD}-0-mlflow.db").write_text("")
    assert "2 unfinished" in next(iter(leftover_findings(places))).said
    (places.data / JOURNAL).write_text("[]")
    first = next(iter(leftover_findings(places)))
    assert first.state == "fail"
    assert "restore" in first.said


REGIMES = regime_frame(
    [RegimeConfig(name="all", start=dt.date(2000, 1, 1), end=None, weight=1.0, description="all")]
)
SOURCE = SourceConfig(symbols=("ZL", "CL"))


def snapshot_of(folder: Path) -> dict[str, Any]:
    matrix = pd.DataFrame(
        {
            "symbol": ["ZL", "ZL"],
            "data_date": pd.to_datetime(["2023-12-28", "2023-12-29"]),
            "provenance": ["synthetic", "synthetic"],
        }
    )
    market = market_identity(SOURCE, "ZL")
    snapshot = take_snapshot(matrix, REGIMES, "ZL", {})
    object.__setattr__(snapshot, "made_from", market)
    write_snapshot(snapshot, folder)
    return market


def test_snapshot_is_compared_with_parameters_and_matrix(tmp_path: Path) -> None:
    def look(market: dict[str, Any], newest: dt.date | None, regimes: Any = REGIMES) -> Finding:
        (found,) = snapshot_findings(tmp_path, market, regimes, newest)
        return found

    assert look({}, None).state == "warn"
    market = snapshot_of(tmp_path)
    assert look(market, dt.date(2023, 12, 29)).state == "ok"
    assert look(market, None).state == "ok"
    assert "the matrix 2024-01-02" in look(market, dt.date(2024, 1, 2)).said
    assert "source.symbols" in look({**market, "source.symbols": "ZL"}, None).said
    other = REGIMES.assign(weight=2.0)
    assert "other regimes" in look(market, None, other).said
    (next(tmp_path.glob("*/matrix.parquet"))).unlink()
    assert look(market, None).state == "fail"
    (tmp_path / "current.json").write_text('{"snapshot"')
    assert look(market, None).state == "fail"


@pytest.mark.parametrize(
    ("kind", "day", "today", "state"),
    [
        ("synthetic", "2025-12-31", "2026-06-01", "ok"),
        ("synthetic", "2024-12-31", "2026-06-01", "warn"),
        ("warehouse", "2024-05-28", "2024-05-31", "ok"),
        ("warehouse", "2024-05-24", "2024-05-31", "warn"),
        ("warehouse", None, "2024-05-31", "warn"),
    ],
)
def test_age_of_the_newest_session(kind: Any, day: str | None, today: str, state: str) -> None:
    source = SourceConfig(kind=kind, symbols=("ZL", "CL"))
    newest = {"CL": dt.date(2020, 1, 2)}
    if day:
        newest["ZL"] = dt.date.fromisoformat(day)
    found = session_finding(source, "ZL", newest, dt.date.fromisoformat(today))
    assert found.state == state
    if day:
        assert "behind it: CL 2020-01-02" in found.said


class Fake:
    """A warehouse with one raw table."""

    own_prefix = "soyoil_"

    def __init__(self, rows: pa.Table, table: str) -> None:
        self._rows = rows
        self._table = table

    def inspect(self) -> LiveWarehouse:
        name = f"soyoil_raw_intelligence.{self._table}"
        table = LiveTable(name, "table", (), rows=self._rows.num_rows)
        return LiveWarehouse("duckdb", "x", (), {name: table})

    def read(self, table: LiveTable, columns: Sequence[str] | None = None) -> pa.Table:
        return self._rows.select(columns)


@pytest.mark.parametrize(
    ("source", "table"),
    [("cftc", "cftc_positioning"), ("cftc_disaggregated", "cftc_disaggregated")],
)
@pytest.mark.parametrize(
    ("day", "provenance", "state", "words"),
    [
        ("2024-05-21", "observed", "ok", "2024-05-21, 10 days old"),
        ("2024-04-30", "observed", "warn", "31 days old (at most 21)"),
        # Rows of a twin are none of the publisher's.
        ("2024-05-21", "synthetic", "warn", "nothing stored"),
    ],
)
def test_age_of_outside_sources(
    source: str, table: str, day: str, provenance: str, state: str, words: str
) -> None:
    rows = pa.table(
        {
            "market_code": ["007601"],
            "event_time": pa.array([pd.Timestamp(day, tz="UTC")], pa.timestamp("us", "UTC")),
            "provenance": [provenance],
        }
    )
    fake: Any = Fake(rows, table)
    inspector: Inspector = fake
    config = ExternalConfig(**{source: {"path": "x"}})
    (found,) = outside_findings(config, inspector, pd.Timestamp("2024-05-31 12:00", tz="UTC"))
    assert (found.check, found.state) == (source, state)
    assert words in found.said


def test_each_source_of_one_table_has_its_own_age() -> None:
    """A new WASDE makes no export sales fresh, and the other way round."""
    moments = [pd.Timestamp(day, tz="UTC") for day in ("2024-05-10", "2024-04-04")]
    rows = pa.table(
        {
            "series_id": ["soybean_oil.use_total", "export_sales.soybean_oil.net_sales"],
            "event_time": pa.array(moments, pa.timestamp("us", "UTC")),
            "known_at": pa.array(moments, pa.timestamp("us", "UTC")),
            "provenance": ["observed"] * 2,
        }
    )
    fake: Any = Fake(rows, "usda_granular")
    now = pd.Timestamp("2024-05-31 12:00", tz="UTC")
    config = ExternalConfig(usda={"path": "x"}, export_sales={"path": "x"})
    found = {f.check: f for f in outside_findings(config, fake, now)}
    assert {name: f.state for name, f in found.items()} == {"usda": "ok", "export_sales": "warn"}
    assert "2024-04-04, 57 days old (at most 21)" in found["export_sales"].said


def test_keys_are_told_of_and_never_shown() -> None:
    source = SourceConfig(kind="databento", path="x", download={"mode": "range"})
    external = ExternalConfig(fred={"origin": "api"}, cftc={"origin": "api"})
    variables = {"FRED_API_KEY": SECRET, "DATABENTO_API_KEY": "  "}
    found = list(
        credential_findings(source, external, variables, google=False, tracking="sqlite:///x")
    )
    assert {f.said.split()[0]: f.state for f in found} == {
        "DATABENTO_API_KEY": "fail", "FRED_API_KEY": "ok", "CFTC_APP_TOKEN": "ok",
    }  # fmt: skip
    assert SECRET not in repr(found)


def test_google_key_file_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    name = "GOOGLE_APPLICATION_CREDENTIALS"
    given: list[tuple[dict[str, str], str]] = [({}, "warn"), ({name: "/not/there.json"}, "fail")]
    (tmp_path / "key.json").write_text("{}")
    given.append(({name: str(tmp_path / "key.json")}, "ok"))
    for variables, state in given:
        (found,) = credential_findings(
            SourceConfig(), ExternalConfig(), variables, google=True, tracking=""
        )
        assert found.state == state
        assert "not/there" not in found.said
