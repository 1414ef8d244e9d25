"""Rules that hold for the whole code base."""

import ast
import graphlib
import importlib
import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "src" / "soyoil").rglob("*.py"))
HEAVY = (
    "torch", "lightgbm", "xgboost", "shap", "mlflow", "databento", "pandera", "optuna", "plotly",
    "matplotlib", "google.cloud", "google.auth", "grpc", "sqlglot", "scipy.stats",
)  # fmt: skip

IMPORT_ALL = """
import importlib, json, pkgutil, sys
import soyoil
from soyoil.models.engines import ENGINES

engines = {spec.module for spec in ENGINES.values()}
names = [m.name for m in pkgutil.walk_packages(soyoil.__path__, "soyoil.")]
for name in names:
    if name not in engines:
        importlib.import_module(name)
print(json.dumps({"imported": names, "loaded": sorted(sys.modules)}))
"""

PACKAGES = sorted(
    ".".join(path.parent.relative_to(ROOT / "src").parts)
    for path in SOURCES
    if path.name == "__init__.py"
)
FOUND_BY_FOLDER = "soyoil.pipelines"

FORBIDDEN = {
    # word: (why, files that may hold it)
    r"\bbfill\b|backfill": ("a backward fill looks ahead", ()),
    r"\byfinance\b": ("vendor that is not used", ()),
    r"\biterrows\b|\bitertuples\b": ("loops over rows are slow", ()),
    r"inplace=True": ("does nothing under copy-on-write", ()),
    # What tells a misprint from a price may: its limits are beyond any move.
    r"center=True": ("a centred window looks ahead", ("sources/databento/plausibility.py",)),
    r"shift\(-": ("a negative shift looks ahead", ("targets/labels.py",)),
    r"\bautolog\b": ("runs are logged by soyoil.tracking alone", ()),
    r"get_context\(.fork.\)|set_start_method\(.fork.\)": ("fork copies thread state", ()),
}
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|Users|root)/\w+")


def test_import_contracts_hold() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def everything_imported() -> dict[str, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_importing_soyoil_loads_nothing_heavy(everything_imported: dict[str, list[str]]) -> None:
    assert len(everything_imported["imported"]) >= len(SOURCES) - 1
    assert not set(HEAVY) & set(everything_imported["loaded"])


@pytest.mark.parametrize("word", FORBIDDEN)
def test_sources_are_free_of(word: str) -> None:
    why, allowed = FORBIDDEN[word]
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in SOURCES
        if not str(path).endswith(allowed)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if re.search(word, line)
    ]
    assert not found, why


def test_modules_stay_readable() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in SOURCES
    }
    assert not {name: n for name, n in lengths.items() if n > 420}


def test_no_room_is_too_full() -> None:
    rooms: dict[str, list[int]] = {}
    for path in SOURCES:
        lines = len(path.read_text(encoding="utf-8").splitlines())
        rooms.setdefault(str(path.parent.relative_to(ROOT)), []).append(lines)
    assert not {room: sum(n) for room, n in rooms.items() if sum(n) > 2500 or len(n) > 20}


def test_no_import_goes_in_a_circle() -> None:
    """Imports inside functions and for types alone included."""
    graph = grimp.build_graph("soyoil", cache_dir=None)
    needs = {name: graph.find_modules_directly_imported_by(name) - {name} for name in graph.modules}
    # Raises CycleError, which names the modules.
    graphlib.TopologicalSorter(needs).prepare()


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_are_there(package: str) -> None:
    module = importlib.import_module(package)
    public = getattr(module, "__all__", [])
    for name in public:
        assert getattr(module, name) is not None
        # Python puts a module in the place of a name like it, once the module is imported.
        assert name == "__version__" or find_spec(f"{package}.{name}") is None, name
    if hasattr(module, "__getattr__"):
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        block = next(node for node in tree.body if isinstance(node, ast.If))
        imported = [node for node in block.body if isinstance(node, ast.ImportFrom)]
        assert sorted(public) == sorted(a.name for node in imported for a in node.names)
        with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
            _ = module.nonsense


def test_packages_without_public_names_are_private_to_their_parent() -> None:
    graph = grimp.build_graph("soyoil", cache_dir=None)
    silent = [p for p in PACKAGES if not hasattr(importlib.import_module(p), "__all__")]
    silent.remove(FOUND_BY_FOLDER)
    for package in silent:
        parent = package.rpartition(".")[0]
        assert parent != "soyoil", f"{package} names nothing in __all__"
        users = {
            user
            for module in (package, *graph.find_descendants(package))
            for user in graph.find_modules_that_directly_import(module)
        }
        assert not {user for user in users if not f"{user}.".startswith(f"{parent}.")}, package


def test_no_file_names_a_path_of_one_machine() -> None:
    suffixes = {".py", ".yml", ".yaml", ".toml", ".md", ".txt", ".ipynb", ""}
    places = [ROOT / name for name in ("src", "tests", "conf", "docs", ".ci")]
    files = [path for place in places for path in place.rglob("*") if path.suffix in suffixes]
    files += [path for path in ROOT.iterdir() if path.suffix in suffixes]
    files = [p for p in files if p.is_file() and p != Path(__file__) and "egg-info" not in str(p)]
    assert len(files) > 50
    found = [
        str(path.relative_to(ROOT))
        for path in files
        if MACHINE_PATH.search(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert not found
