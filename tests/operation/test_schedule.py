"""Files for schedulers and the container say what those understand."""

from __future__ import annotations

import os
import plistlib
import re
import stat
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import jinja2
import pytest

from soyoil.pipeline_registry import register_pipelines

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def cron_problem(line: str) -> str | None:
    """What cron would not understand in a line of a user's table; None if nothing."""
    words = line.split(None, 5)
    if len(words) < 6:
        return "five fields and a command"
    for word, (low, high) in zip(words, FIELDS, strict=False):
        for part in word.split(","):
            found = re.fullmatch(r"(\*|(\d+)(?:-(\d+))?)(?:/(\d+))?", part)
            if found is None:
                return f"{part} is no field"
            numbers = [int(x) for x in found.group(2, 3) if x is not None]
            if not all(low <= x <= high for x in numbers) or numbers != sorted(numbers):
                return f"{part} is not in {low}-{high}"
    return "% ends the command" if "%" in words[5] else None


def cron_lines() -> list[str]:
    lines = (DEPLOY / "soyoil.crontab").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize(
    "line",
    [
        "60 1 * * * x",
        "* * * x",
        "1 24 * * * x",
        "5-1 * * * * x",
        "a * * * * x",
        "* * * * * date +%F",
    ],
)
def test_the_check_of_a_cron_line_finds_mistakes(line: str) -> None:
    assert cron_problem(line) is not None


def test_cron_lines_are_understood() -> None:
    assert (DEPLOY / "soyoil.crontab").read_bytes().endswith(b"\n"), (
        "cron skips a last line without"
    )
    assert len(cron_lines()) == 2
    for line in cron_lines():
        assert cron_problem(line) is None, line


def test_plist_is_understood_by_launchd() -> None:
    content = plistlib.loads((DEPLOY / "soyoil.forecast.plist").read_bytes())
    assert content["Label"] == "soyoil.forecast"
    assert content.keys() <= {"Label", "ProgramArguments", "StartCalendarInterval", "ProcessType"}
    assert [when["Weekday"] for when in content["StartCalendarInterval"]] == [1, 2, 3, 4, 5]
    for when in content["StartCalendarInterval"]:
        assert when.keys() == {"Weekday", "Hour", "Minute"}
        assert 0 <= when["Hour"] <= 23
        assert 0 <= when["Minute"] <= 59
    assert all(isinstance(word, str) for word in content["ProgramArguments"])


def test_schedulers_call_what_is_there() -> None:
    content = plistlib.loads((DEPLOY / "soyoil.forecast.plist").read_bytes())
    calls = [" ".join(content["ProgramArguments"])]
    calls += [line.split(None, 5)[5] for line in cron_lines()]
    script = DEPLOY / "daily"
    assert script.stat().st_mode & stat.S_IXUSR
    for call in calls:
        program, pipeline = call.split()
        assert program.endswith("/deploy/daily")
        assert pipeline in register_pipelines()


def daily(folder: Path, *words: str, kedro: str) -> subprocess.CompletedProcess[str]:
    (folder / "deploy").mkdir(exist_ok=True)
    script = folder / "deploy" / "daily"
    script.write_bytes((DEPLOY / "daily").read_bytes())
    script.chmod(0o755)
    fake = folder / "kedro"
    fake.write_text(f"#!/bin/sh\n{kedro}\n")
    fake.chmod(0o755)
    return subprocess.run(
        [str(script), *words],
        cwd="/",
        env={"PATH": os.environ["PATH"], "SOYOIL_KEDRO": str(fake)},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_daily_logs_and_hands_on_the_exit_code(tmp_path: Path) -> None:
    done = daily(
        tmp_path, "forecast", "--env=bigquery", kedro='pwd; echo "$@"; echo bad >&2; exit 7'
    )
    assert (done.returncode, done.stdout, done.stderr) == (7, "", "")
    log = tmp_path / "data" / "logs" / "forecast.log"
    head, *lines = log.read_text().splitlines()
    assert re.fullmatch(r"== \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ forecast --env=bigquery", head)
    assert lines == [str(tmp_path), "run --pipeline=forecast --env=bigquery", "bad"]


def test_daily_puts_a_long_log_aside(tmp_path: Path) -> None:
    logs = tmp_path / "data" / "logs"
    logs.mkdir(parents=True)
    (logs / "train.log").write_text("x" * 5_000_001)
    assert daily(tmp_path, "train", kedro="true").returncode == 0
    assert (logs / "train.log.1").stat().st_size == 5_000_001
    assert len((logs / "train.log").read_text().splitlines()) == 1


def test_daily_asks_for_a_pipeline(tmp_path: Path) -> None:
    done = daily(tmp_path, kedro="true")
    assert done.returncode == 2
    assert "Name a pipeline" in done.stderr


def dag_text(**params: Any) -> str:
    """The template as kedro-airflow fills it."""
    environment = jinja2.Environment(
        autoescape=True, loader=jinja2.FileSystemLoader(DEPLOY / "airflow"), lstrip_blocks=True
    )
    given = {"env": "local", "pipeline_name": "train", "package_name": "soyoil", **params}
    return environment.get_template("stages.j2").render(given)


class Dag:
    """Stands for Airflow's."""

    def __init__(self, **options: Any) -> None:
        self.options = options

    def __enter__(self) -> Dag:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class BashOperator:
    """Stands for Airflow's."""

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.after: list[BashOperator] = []

    def __rshift__(self, other: BashOperator) -> None:
        other.after.append(self)


def load_dag(text: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    for name in ("airflow", "airflow.providers", "airflow.providers.standard"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    for name, attribute, value in (
        ("airflow.sdk", "DAG", Dag),
        ("airflow.providers.standard.operators", "x", None),
        ("airflow.providers.standard.operators.bash", "BashOperator", BashOperator),
    ):
        module = types.ModuleType(name)
        setattr(module, attribute, value)
        monkeypatch.setitem(sys.modules, name, module)
    space: dict[str, Any] = {}
    exec(compile(text, "dag.py", "exec"), space)
    return space


def test_dag_has_a_task_per_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    space = load_dag(dag_text(project_path="/srv/it's", schedule="0 6 * * 6"), monkeypatch)
    assert set(space["PIPELINES"]) <= register_pipelines().keys()
    task = space["task"]
    assert task.options["task_id"] == "train"
    assert task.options["bash_command"] == ".venv/bin/kedro run --pipeline=train --env=local"
    assert task.options["cwd"] == "/srv/it's"
    assert [before.options["task_id"] for before in task.after] == ["ingest"]
    options = space["dag"].options
    assert (options["dag_id"], options["schedule"]) == ("soyoil-train", "0 6 * * 6")
    assert options["max_active_runs"] == 1
    assert options["catchup"] is False


@pytest.mark.slow
@pytest.mark.skipif("SOYOIL_AIRFLOW" not in os.environ, reason="names no Python with Airflow")
def test_airflow_runs_a_task_of_the_dag(tmp_path: Path) -> None:
    fake = tmp_path / "kedro"
    fake.write_text('#!/bin/sh\necho "$@" >> called\n')
    fake.chmod(0o755)
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "soyoil.py").write_text(dag_text(project_path=str(tmp_path), kedro=str(fake)))
    environment = {
        **{k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        "AIRFLOW_HOME": str(tmp_path / "home"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
    }
    for command in (["db", "migrate"], ["dags", "test", "soyoil-train", "2026-01-05"]):
        done = subprocess.run(
            [os.environ["SOYOIL_AIRFLOW"], "-m", "airflow", *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=250,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert (tmp_path / "called").read_text().splitlines() == [
        "run --pipeline=ingest --env=local",
        "run --pipeline=train --env=local",
    ]
