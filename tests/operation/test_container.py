"""The container file keeps to the pins, and what ``kedro package`` makes runs by itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def instructions() -> list[tuple[str, str]]:
    """Instructions of the file, continued lines joined."""
    text = (ROOT / "Containerfile").read_text(encoding="utf-8")
    kept = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", kept)
    found = (line.split(None, 1) for line in joined.splitlines() if line.strip())
    return [(name, rest) for name, rest in found]


def stages() -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for name, rest in instructions():
        if name == "FROM":
            found[rest.rpartition(" AS ")[2]] = []
        if found:
            found[list(found)[-1]].append((name, rest))
    return found


def test_images_have_a_version() -> None:
    outside = [
        rest.split(" AS ")[0]
        for name, rest in instructions()
        if name == "FROM" and rest.split(" AS ")[0] not in stages()
    ]
    assert outside
    for image in outside:
        assert re.fullmatch(r"python:3\.1[123]\.\d+-slim-\w+", image), "a release, never latest"


def test_what_is_run_is_not_run_as_root() -> None:
    for stage in ("run", "test"):
        users = [rest for name, rest in stages()[stage] if name == "USER"]
        assert users
        assert all(int(user.split(":")[0]) > 0 for user in users)
        assert stages()[stage][-1][0] == "CMD", "nothing goes on as root after USER"


def test_what_a_run_keeps_lies_in_the_volume() -> None:
    run = stages()["run"]
    (volume,) = (rest for name, rest in run if name == "VOLUME")
    (store,) = (rest for name, rest in run if name == "ENV" and "MLFLOW_TRACKING_URI" in rest)
    assert store == f"MLFLOW_TRACKING_URI=sqlite:///{volume}/mlflow.db"
    (place,) = (rest for name, rest in stages()["base"] if name == "WORKDIR")
    assert volume == f"{place}/data"
    # The artifacts of tracked runs, models among them.
    assert any("ln -s data/mlruns mlruns" in rest for name, rest in run if name == "RUN")


def test_every_package_is_of_the_pinned_version() -> None:
    runs = [rest for name, rest in instructions() if name == "RUN"]
    installs = [part for run in runs for part in re.findall(r"pip install[^&;]*", run)]
    assert len(installs) == 4
    assert all("--constraint constraints.txt" in part for part in installs)
    assert not any("http" in rest for _, rest in instructions()), "the builder chooses the index"


def test_what_it_copies_is_there_and_no_secret_is() -> None:
    for name, rest in instructions():
        words = [word for word in rest.split()[:-1] if not word.startswith("--")]
        if name in ("COPY", "ADD") and "--from=" not in rest:
            assert all((ROOT / word).exists() for word in words)
    ignored = (ROOT / ".containerignore").read_text(encoding="utf-8").splitlines()
    assert {"conf/local", "data", ".git", ".venv*"} <= set(ignored)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_package_runs_without_the_checkout(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    skip = shutil.ignore_patterns("__pycache__", "*.egg-info", "local")
    for folder in ("src", "conf"):
        shutil.copytree(ROOT / folder, checkout / folder, ignore=skip)
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, checkout)
    # As `kedro package` does it, without a network: what builds is installed.
    built = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist"],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = (checkout / "dist").glob("soyoil-*.whl")
    place = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
        names = archive.namelist()
    sources = {str(p.relative_to(ROOT / "src")) for p in (ROOT / "src" / "soyoil").rglob("*.py")}
    assert sources <= set(names)
    assert not [name for name in names if name.startswith(("tests", "conf"))]
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(checkout / "conf", elsewhere / "conf")
    for words in (["--help"], ["--pipelines=regimes", "--conf-source=conf"]):
        done = subprocess.run(
            [sys.executable, "-m", "soyoil", *words],
            cwd=elsewhere,
            env={**os.environ, "PYTHONPATH": str(place)},
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
    assert (elsewhere / "data" / "warehouse" / "synthetic.duckdb").is_file()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif("SOYOIL_NETWORK" not in os.environ, reason="kedro package asks an index")
def test_kedro_package(tmp_path: Path) -> None:
    skip = shutil.ignore_patterns("__pycache__", "*.egg-info", "local")
    for folder in ("src", "conf"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=skip)
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "kedro", "package"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "src")},
        capture_output=True,
        text=True,
        check=False,
        timeout=580,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert list((tmp_path / "dist").glob("soyoil-*.whl"))
    with tarfile.open(tmp_path / "dist" / "conf-soyoil.tar.gz") as archive:
        assert "conf/base/catalog.yml" in archive.getnames()
