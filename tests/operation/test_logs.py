"""Logs: one line per message for people, one line of JSON per stage for machines."""

from __future__ import annotations

import fcntl
import io
import json
import logging
import multiprocessing
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from soyoil.base.errors import ConfigError
from soyoil.base.json_log import JsonLog
from soyoil.base.redact import redact_logs
from soyoil.base.terminal import bar_on, console_of_bar
from soyoil.hooks import log_handler
from soyoil.hooks.closing import ClosingHooks, what_to_open
from soyoil.hooks.log_handler import LineHandler
from soyoil.hooks.parameters import ParameterHooks
from soyoil.hooks.stage_log import VARIABLE, RunFacts, StageLog, check_log_path, log_path, size_of
from soyoil.metrics.keys import pooled
from soyoil.reports.terminal import result_line
from soyoil.targets.horizons import HORIZONS

LONG = "1m: " + " ".join(f"word{i:02d}" for i in range(30))
SECRET = "planted-Secret.1"


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is shown, on a terminal of 80 columns."""
    out = io.StringIO()
    shown = Console(file=out, width=80, force_terminal=True, color_system=None)
    monkeypatch.setattr(log_handler, "get_console", lambda: shown)
    return out


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    before, factory = logging.raiseExceptions, logging.getLogRecordFactory()
    redact_logs()
    logger = logging.getLogger("soyoil.test_logs")
    logger.propagate = False
    logger.setLevel("INFO")
    handler = LineHandler()
    logger.addHandler(handler)
    yield logger
    logger.removeHandler(handler)
    logging.captureWarnings(False)
    logging.raiseExceptions = before
    logging.setLogRecordFactory(factory)


def test_a_message_is_one_line_with_its_time(console: io.StringIO, log: logging.Logger) -> None:
    log.info("1m lightgbm: a name such as [/] and 100 %% stay, %s", "x")
    log.warning("careful")
    first, second = console.getvalue().splitlines()
    assert first[2] == first[5] == ":"
    assert first[8:].rstrip() == " 1m lightgbm: a name such as [/] and 100 % stay, x"
    assert second[8:].rstrip() == " WARNING careful"


def test_a_message_is_one_line_however_narrow_the_terminal(
    console: io.StringIO, log: logging.Logger
) -> None:
    log.info(LONG)
    log.warning(LONG)
    first, second = console.getvalue().splitlines()
    assert first[9:] == LONG
    assert second[9:] == f"WARNING {LONG}"
    for horizon in HORIZONS:
        scores = {"horizon": horizon, "model": "lightgbm_uniform", "verdict": "unprovable"}
        log.info(result_line(scores | {pooled(f"skill_{m}"): -0.534 for m in ("mae", "pinball")}))
    cells = console.getvalue().splitlines()[2:]
    assert len(cells) == len(HORIZONS), "one line per cell"
    assert max(map(len, cells)) <= 80


def test_nothing_is_wrapped_where_there_is_no_terminal(
    log: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    log.info(LONG)
    (line,) = capsys.readouterr().out.splitlines()
    assert line[9:] == LONG


def test_a_warning_comes_without_its_line_of_code(
    console: io.StringIO, log: logging.Logger
) -> None:
    record = logging.LogRecord(
        "py.warnings", logging.WARNING, "f", 1, "check.py:130: UserWarning: slow\n  made = x()\n",
        None, None,
    )  # fmt: skip
    log.handlers[0].emit(record)
    (line,) = console.getvalue().splitlines()
    assert line[9:].rstrip() == "WARNING check.py:130: UserWarning: slow"


def test_an_exception_shows_its_traceback_and_no_secret(
    console: io.StringIO, log: logging.Logger
) -> None:
    try:
        raise ValueError(f"postgresql://u:{SECRET}@h")
    except ValueError:
        log.exception("it failed")
    assert "it failed" in console.getvalue()
    assert "ValueError" in console.getvalue()
    assert SECRET not in console.getvalue()


def test_messages_go_to_the_console_of_the_bar(console: io.StringIO, log: logging.Logger) -> None:
    beside = io.StringIO()
    with bar_on(Console(file=beside, width=80, force_terminal=True, color_system=None)):
        log.info("above the bar")
    log.info("after it")
    assert "above the bar" in beside.getvalue()
    assert "above the bar" not in console.getvalue()
    assert "after it" in console.getvalue()
    with bar_on(Console(file=io.StringIO())):
        assert console_of_bar() is None, "a file has no bar"


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_lines_hold_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "a" / "log.jsonl"
    log = JsonLog(path)
    log.write({"error": f"at http://u:{SECRET}@h", "api_key": SECRET, "deep": [{"pw": SECRET}]})
    log.write({"Authorization": f"Bearer {SECRET}", "text": f"token={SECRET}"})
    assert len(lines_of(path)) == 2
    assert SECRET not in path.read_text()


def test_a_file_is_put_aside_when_it_is_full(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    log = JsonLog(path, max_bytes=30, kept=2)
    for number in range(10):
        log.write({"number": number})
    found = {p.name: [line["number"] for line in lines_of(p)] for p in tmp_path.iterdir()}
    assert found == {"log.jsonl": [8, 9], "log.jsonl.1": [6, 7], "log.jsonl.2": [4, 5]}


def test_half_a_line_does_not_spoil_the_next(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"number":')
    JsonLog(path).write({"number": 2})
    assert path.read_text().splitlines() == ['{"number":', '{"number":2}']


def test_a_line_goes_into_the_new_file_after_a_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, aside = tmp_path / "log.jsonl", tmp_path / "log.jsonl.1"
    JsonLog(path).write({"number": 1})
    lock = fcntl.flock

    def other_first(descriptor: int, operation: int) -> None:
        if not aside.exists():
            path.rename(aside)
            path.touch()
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", other_first)
    JsonLog(path).write({"number": 2})
    assert lines_of(aside) == [{"number": 1}]
    assert lines_of(path) == [{"number": 2}]


def write_many(path: Path, number: int) -> None:
    log = JsonLog(path, max_bytes=3_000, kept=100)
    for i in range(40):
        log.write({"writer": number, "i": i, "text": "x" * 100})


def test_lines_of_several_processes_are_whole_and_none_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_many, args=(path, n)) for n in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = [line for p in tmp_path.iterdir() for line in lines_of(p)]
    assert sorted((x["writer"], x["i"]) for x in found) == [
        (n, i) for n in range(3) for i in range(40)
    ]
    assert len(list(tmp_path.iterdir())) > 3, "files were put aside meanwhile"


@dataclass
class Held:
    """A dataset that holds a table."""

    table: pd.DataFrame
    name: str = "x"
    devices: tuple[str, ...] = ("cuda",)


TABLE = pd.DataFrame({"a": [1, 2, 3]}, index=pd.RangeIndex(3))


def test_size_counts_tables_wherever_they_are_held() -> None:
    rows, size = size_of(TABLE)
    assert rows == 3
    assert size >= 24
    assert size_of({"x": TABLE, "y": 1})[0] == size_of([TABLE])[0] == size_of(Held(TABLE))[0] == 3
    assert size_of("text") == size_of(None) == (0, 0)


def stage_log(path: Path) -> StageLog:
    facts = RunFacts("2026-01-05T00.00.00Z", "train", "abc")
    return StageLog(path, facts, {"ingest": ["bars", "aside"], "fit": ["report"], "report": ["p"]})


def test_a_stage_is_told_of_once_when_its_last_output_is_saved(tmp_path: Path) -> None:
    path = tmp_path / "stages.jsonl"
    log = stage_log(path)
    log.begin("ingest")
    log.loaded("ingest", "raw", TABLE)
    log.saved("ingest", "bars", TABLE, 1.0)
    assert [x["stage"] for x in lines_of(path)] == ["run"]
    log.loaded("ingest", "bars", TABLE)  # its own output is no input of the stage
    log.saved("ingest", "aside", TABLE.head(1), 1.25)
    log.begin("fit")
    log.saved("fit", "report", Held(TABLE), 2.0)
    log.end("ok", {"ingest": 1.25, "fit": 2.0}, "fit")
    start, ingest, fit, end = lines_of(path)
    assert (start["stage"], start["status"]) == ("run", "started")
    assert ingest["stage"] == "ingest"
    assert (ingest["status"], ingest["seconds"]) == ("ok", 1.25)
    assert (ingest["rows_in"], ingest["rows_out"]) == (3, 4)
    assert ingest["run"] == "2026-01-05T00.00.00Z"
    assert ingest["mlflow_run"] == "abc"
    assert "device" not in ingest
    assert fit["device"] == "cuda"
    assert (end["stage"], end["status"], end["seconds"]) == ("run", "ok", 3.25)
    assert all(float(str(x["peak_memory_mb"])) > 0 for x in (start, ingest, fit, end))


@pytest.mark.parametrize(("status", "said"), [("failed", "ValueError: no"), ("interrupted", "")])
def test_where_a_run_ended_and_what_was_left(tmp_path: Path, status: str, said: str) -> None:
    path = tmp_path / "stages.jsonl"
    log = stage_log(path)
    log.begin("ingest")
    log.begin("fit")
    log.end(status, {"ingest": 1.0, "fit": 2.0}, "fit", said)
    log.end(status, {}, "fit", said)
    _, ingest, fit, end = lines_of(path)
    assert ingest["status"] == "unfinished"
    assert fit["status"] == end["status"] == status
    assert fit.get("error", "") == end.get("error", "") == said
    assert "error" not in ingest


def test_a_run_that_never_began_writes_nothing(tmp_path: Path) -> None:
    log = stage_log(tmp_path / "stages.jsonl")
    log.end("failed", {}, "")
    assert not list(tmp_path.iterdir())


def test_a_run_goes_on_without_its_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    log = stage_log(tmp_path / "file" / "stages.jsonl")
    log.begin("ingest")
    log.saved("ingest", "bars", TABLE, 1.0)
    log.saved("ingest", "aside", TABLE, 1.0)
    assert [r.getMessage()[:16] for r in caplog.records] == ["no more lines to"]


def test_the_environment_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOYOIL_DATA", raising=False)
    monkeypatch.delenv(VARIABLE, raising=False)
    assert log_path(tmp_path) == tmp_path / "data" / "logs" / "stages.jsonl"
    monkeypatch.setenv(VARIABLE, "mine.jsonl")
    assert log_path(tmp_path) == tmp_path / "mine.jsonl"
    check_log_path(tmp_path)
    assert not list(tmp_path.iterdir()), "looking makes nothing"
    monkeypatch.setenv(VARIABLE, "off")
    assert log_path(tmp_path) is None
    check_log_path(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for wrong in ("folder", "file/x.jsonl"):
        monkeypatch.setenv(VARIABLE, wrong)
        with pytest.raises(ConfigError, match=f"{VARIABLE}={wrong}: .* no folder|folder"):
            check_log_path(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    monkeypatch.setenv(VARIABLE, "closed/x.jsonl")
    with pytest.raises(ConfigError, match="may not be written to"):
        check_log_path(tmp_path)


def test_the_end_names_what_there_is_to_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOYOIL_DATA", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.chdir(tmp_path)
    made = ["report", "forecast_files", "skill_table"]
    assert what_to_open(tmp_path, made) == "", "nothing is there yet"
    folder = tmp_path / "data" / "08_reporting"
    folder.mkdir(parents=True)
    for name in ("report.html", "forecast.html"):
        (folder / name).touch()
    lines = what_to_open(tmp_path, made).splitlines()
    assert [line.split()[0] for line in lines[2:4]] == [
        "data/08_reporting/forecast.html", "data/08_reporting/report.html"
    ]  # fmt: skip
    assert "mlflow ui" in lines[4]
    assert lines[5].endswith("kedro demo")
    assert len(lines) == 6
    assert max(map(len, lines)) <= 80
    (tmp_path / "Makefile").touch()
    assert "browser: make demo" in what_to_open(tmp_path, made)
    (folder / "skill_table.txt").touch()
    assert "as a table: data/08_reporting/skill_table.txt" in what_to_open(tmp_path, made)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "numbers.md").touch()
    assert what_to_open(tmp_path, made).endswith("What each number means: docs/numbers.md")
    assert "report.html" not in what_to_open(tmp_path, ["forecast_files"])
    assert what_to_open(tmp_path, ["snapshot"]) == ""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"https://me:{SECRET}@tracking.example/")
    remote = what_to_open(tmp_path, made)
    assert "tracking.example" in remote
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "databricks://profile")
    elsewhere = what_to_open(tmp_path, made)
    assert "mlflow ui" not in elsewhere, "no store of this machine"
    assert SECRET not in remote
    assert "127.0.0.1" not in remote


class Made:
    """A pipeline that has made some datasets."""

    def __init__(self, *names: str) -> None:
        self.names = set(names)

    def all_outputs(self) -> set[str]:
        return self.names


def test_the_result_is_shown_last_and_once(capsys: pytest.CaptureFixture[str]) -> None:
    hooks = ClosingHooks(ParameterHooks())
    run: Any = Made("report")
    hooks.before_pipeline_run()
    hooks.after_dataset_saved("report", {"result.txt": "1m: words\n", "report.html": "<p>"})
    hooks.after_dataset_saved("skill_table", pd.DataFrame())
    assert capsys.readouterr().out == ""
    hooks.after_pipeline_run(run)
    hooks.after_pipeline_run(run)
    assert capsys.readouterr().out == "1m: words\n"
    hooks.after_dataset_saved("report", {"result.txt": "of a run that failed\n"})
    hooks.before_pipeline_run()
    hooks.after_pipeline_run(run)
    assert capsys.readouterr().out == ""
