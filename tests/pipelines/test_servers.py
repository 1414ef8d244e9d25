"""A bare ``mlflow ui`` in the root lists the runs; ``kedro viz run`` shows the lineage."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from browser import NEEDS_BROWSER, browse

pytestmark = pytest.mark.ci


def free_port() -> int:
    """A free port below the ephemeral range, above which kedro-viz refuses to serve."""
    for port in range(20_000 + os.getpid() % 10_000, 49_000):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port")


@contextmanager
def server(project, command: list[str], ready: str, timeout: float = 150) -> Iterator[None]:  # type: ignore[no-untyped-def]
    """Run a server in the project's root, without any setting of ours, until the block ends."""
    environment = {k: v for k, v in project.environment.items() if k != "MLFLOW_TRACKING_URI"}
    environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    with (project.root / "server.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=project.root,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + timeout
            while True:
                try:
                    urllib.request.urlopen(ready, timeout=5).close()
                    break
                except (urllib.error.URLError, OSError):
                    text = Path(log.name).read_text()
                    assert process.poll() is None, text
                    assert time.monotonic() < deadline, text
                    time.sleep(0.5)
            yield
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=60)


def answer(url: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


@pytest.fixture(scope="module")
def ran(shared_project):  # type: ignore[no-untyped-def]
    done = shared_project.run("--tags=1w")
    assert done.returncode == 0, done.stdout + done.stderr
    return shared_project


def test_mlflow_and_viz_show_what_was_run(ran) -> None:  # type: ignore[no-untyped-def]
    shared_project = ran
    port = free_port()
    root = f"http://127.0.0.1:{port}"
    with server(shared_project, ["mlflow", "ui", "--port", str(port)], f"{root}/health"):
        api = f"{root}/api/2.0/mlflow"
        named = answer(f"{api}/experiments/get-by-name?experiment_name=soyoil")
        experiment = named["experiment"]["experiment_id"]
        found = answer(f"{api}/runs/search", {"experiment_ids": [experiment]})["runs"]
        names = {run["info"]["run_name"] for run in found}
        assert {"zl 005 1w lightgbm", "zl 005 1w vol_cone"} <= names
        run_id = next(
            run["info"]["run_id"]
            for run in found
            if run["info"]["run_name"] == "zl 005 1w lightgbm"
        )
        files = answer(f"{api}/artifacts/list?run_id={run_id}")["files"]
        assert "cone.png" in {file["path"] for file in files}
    port = free_port()
    root = f"http://127.0.0.1:{port}"
    command = ["kedro", "viz", "run", "--no-browser", "--port", str(port)]
    with server(shared_project, command, f"{root}/api/main"):
        nodes = {node["name"] for node in answer(f"{root}/api/main")["nodes"]}
        assert {"ingest", "read_source", "daily_ml_matrix", "snapshot", "1m"} <= nodes
        for name in ("overview", "train_1m", "forecast"):
            assert answer(f"{root}/api/pipelines/{name}")["layers"], f"layers of {name} in a circle"


@NEEDS_BROWSER
def test_the_best_model_is_two_clicks_from_the_first_page(ran, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Experiment `soyoil`, then the horizon in the first line of its description."""
    port = free_port()
    root = f"http://127.0.0.1:{port}"
    with server(ran, ["mlflow", "ui", "--port", str(port)], f"{root}/health"):
        address = f"{root}/api/2.0/mlflow/experiments/get-by-name?experiment_name=soyoil"
        experiment = answer(address)["experiment"]
        note = {tag["key"]: tag["value"] for tag in experiment["tags"]}["mlflow.note.content"]
        (link,) = re.findall(r"\[1w\]\((#[^)]*)\)", note.partition("\n")[0])
        dom = browse(tmp_path, f"{root}/{link}", "--dump-dom", "--window-size=1440,900")
    shown = [re.sub(r"<[^>]*>", "", name) for name in re.findall(r"zl 005 1w \w+", dom)]
    assert {"zl 005 1w champion", "zl 005 1w lightgbm", "zl 005 1w vol_cone"} <= set(shown)
    assert {"skill", "coverage_80", "verdict"} <= set(re.findall(r">([\w ]+)<", dom))


@NEEDS_BROWSER
def test_the_stages_are_seen_in_kedro_viz(ran, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    port = free_port()
    root = f"http://127.0.0.1:{port}"
    command = ["kedro", "viz", "run", "--no-browser", "--port", str(port)]
    with server(ran, command, f"{root}/api/main"):
        dom = browse(tmp_path, f"{root}/?pid=overview&types=nodes", "--dump-dom")
    words = set(re.findall(r">([\w ]+)<", dom.lower()))
    assert {"ingest", "features", "split", "fit", "evaluate", "register", "report"} <= words


def test_a_built_site_names_no_path_of_this_machine(shared_project) -> None:  # type: ignore[no-untyped-def]
    (shared_project.root / "data" / "08_reporting").mkdir(parents=True, exist_ok=True)
    built = shared_project.execute(["-m", "kedro", "viz", "build", "--include-previews"])
    site = shared_project.root / "build"
    assert (site / "index.html").is_file(), built.stdout + built.stderr
    answers = [path for path in (site / "api").rglob("*") if path.is_file()]
    private = str(shared_project.root)
    assert any(private in path.read_text() for path in answers)
    done = shared_project.execute(["-m", "soyoil.cli.viz_site", "build"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert not [path for path in answers if private in path.read_text()]
    nodes = {node["name"] for node in json.loads((site / "api" / "main").read_text())["nodes"]}
    assert {"ingest", "read_source", "daily_ml_matrix", "1m"} <= nodes


def test_only_a_built_site_is_taken(shared_project) -> None:  # type: ignore[no-untyped-def]
    done = shared_project.execute(["-m", "soyoil.cli.viz_site", "nothing"])
    assert done.returncode == 1
    assert "Run `kedro viz build` first" in done.stderr
