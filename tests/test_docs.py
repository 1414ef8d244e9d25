"""The documentation agrees with the code."""

import ast
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from soyoil.contracts.catalogue import catalogue_markdown
from soyoil.contracts.contract import load_contracts
from soyoil.models.engines import ENGINES
from soyoil.models.registry import BASELINES
from soyoil.params import Parameters, known_keys
from soyoil.targets.horizons import HORIZONS

ROOT = Path(__file__).resolve().parents[1]
GENERATED = {"docs/tables.md"}
PAGES = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/**/*.md", "*/README.md", "conf/*/README.md")
    for path in ROOT.glob(pattern)
    if not path.relative_to(ROOT).parts[0].startswith(".")
)
STAGES = {
    "ingest", "regimes", "features", "split", "fit", "evaluate", "report", "train", "compare",
    "explain", "audit", "sweep", "panel", "ablation", "forecast", "register", "export", "replay",
    "leakcheck",
}  # fmt: skip


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def makefile_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):(?!=)", text_of("Makefile"), flags=re.MULTILINE))


def test_tables_page_is_up_to_date() -> None:
    assert text_of("docs/tables.md") == catalogue_markdown(load_contracts()), "run `make docs`"


@pytest.mark.parametrize("page", PAGES)
def test_relative_links_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text_of(page))
    broken = [
        link for link in links if "://" not in link and not ((ROOT / page).parent / link).exists()
    ]
    assert not broken


@pytest.mark.parametrize("page", sorted(set(PAGES) - GENERATED))
def test_commands_name_what_exists(page: str) -> None:
    text = text_of(page)
    targets = set(
        re.findall(r"\bmake ([a-z-]+)(?=[\s`]*(?:$|[`.,;\n\"]|ARGS))", text, re.MULTILINE)
    )
    assert targets <= makefile_targets()
    assert set(re.findall(r"--pipeline=(\w+)", text)) <= STAGES
    # The recipe of a model makes one of its own.
    models = {*BASELINES, *ENGINES, *({"ridge"} if page == "CONTRIBUTING.md" else ())}
    tags = {tag for found in re.findall(r"--tags=([\w,]+)", text) for tag in found.split(",")}
    assert tags <= {*HORIZONS, *models}
    cells = {f"{horizon}.{model}" for horizon in HORIZONS for model in ENGINES}
    assert set(re.findall(r"--namespaces=([\w.]+)", text)) <= cells
    given = [
        item.split("=")[0]
        for found in re.findall(r"--params=([^\s`\"]+)", text)
        for item in found.split(",")
    ]
    assert set(given) <= set(known_keys(Parameters))


def test_readme_shows_the_two_commands_first() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", text_of("README.md"), flags=re.DOTALL)
    assert blocks[0] == "make train\nmake test\n"


def test_pip_says_nothing_that_nobody_can_mend() -> None:
    """A folder of wheels in the settings of the machine that is not there is a warning of pip."""
    makefile = text_of("Makefile")
    assert set(re.findall(r"-m pip install (\S+)", makefile)) == {"$(QUIETLY)"}
    (options,) = re.findall(r"^QUIETLY := (.*)$", makefile, re.MULTILINE)
    assert "-qq" in options.split(), "one -q leaves warnings"


def test_decisions_are_numbered_and_complete() -> None:
    records = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [int(path.name[:4]) for path in records] == list(range(1, len(records) + 1))
    for path in records:
        headings = re.findall(r"^## (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert headings == ["Status", "Context", "Decision", "Consequences"], path.name


def test_default_list_of_roots_can_be_ordered_as_documented() -> None:
    parameters = yaml.safe_load(text_of("conf/base/parameters.yml"))
    page = text_of("docs/market-data.md")
    assert [f"{root}.v.0" for root in parameters["source"]["symbols"]] == re.findall(
        r'"(\w+\.v\.0)"', page
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(find_spec("mkdocstrings") is None, reason="needs what `make site` installs")
def test_site_builds_without_a_warning_and_needs_no_network(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=880,
    )
    assert done.returncode == 0, done.stderr
    pages = {str(path.relative_to(tmp_path)): path for path in tmp_path.rglob("*.html")}
    assert {"index.html", "docs/adr/index.html", "api/soyoil/models/base.html"} <= set(pages)
    for name, path in pages.items():
        html = path.read_text(encoding="utf-8")
        assert not re.search(r"""<(?:script|link|img|iframe)[^>]*["'=](?:https?:)?//""", html), name


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_help_lists_every_public_target() -> None:
    done = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    for target in makefile_targets() - {"unit"}:
        assert re.search(rf"make {target}\s", done.stdout)


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_says_what_to_install_when_no_python_is_found(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("make", "sh", "rm", "touch"):
        found = shutil.which(tool)
        assert found is not None
        (tools / tool).symlink_to(found)
    # A shim of a version manager: on PATH, but leading nowhere.
    (tools / "python3.12").write_text("#!/bin/sh\nexit 127\n")
    (tools / "python3.12").chmod(0o755)
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, checkout)
    done = subprocess.run(
        ["make", "train"],
        cwd=checkout,
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode != 0
    assert "No usable Python 3.11, 3.12 or 3.13 found." in done.stderr
    assert not (checkout / ".venv").exists()


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_an_installation_that_fails_leaves_no_stamp(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    venv = tmp_path / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").write_text("#!/bin/sh\nexit 1\n")
    (venv / "bin" / "python").chmod(0o755)
    (venv / ".installed").write_text("")
    stamped = (venv / ".installed").stat().st_mtime
    os.utime(venv / ".installed", (stamped - 3600, stamped - 3600))
    os.utime(tmp_path / "constraints.txt", (stamped, stamped))
    done = subprocess.run(
        ["make", "train"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode != 0
    assert not (venv / ".installed").exists()


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
def test_what_notebooks_import_is_there(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    plain = "\n".join(line for line in code.splitlines() if not line.startswith(("%", "!")))
    found = [node for node in ast.walk(ast.parse(plain)) if isinstance(node, ast.ImportFrom)]
    ours = [node for node in found if (node.module or "").startswith("soyoil")]
    for node in ours:
        module = importlib.import_module(str(node.module))
        for alias in node.names:
            assert hasattr(module, alias.name), f"{node.module} has no {alias.name}"
