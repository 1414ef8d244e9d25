"""Fixtures shared by all tests."""

import importlib.util
import logging
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType

import pytest

PROJECT_ROOT = Path(__file__).resolve().parents[1]

# Test modules are imported by path; what several folders use is imported by name.
sys.path[:0] = [str(PROJECT_ROOT / "tests"), str(PROJECT_ROOT / "tests" / "warehouse")]
pytest_plugins = ("bigquery_server",)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the BigQuery case of a test to `.ci/run` where the test is marked so.

    With it go all tests that need Google's analyzer, which takes long to compile.
    """
    for item in items:
        if "google_sql" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.ci)
        case = getattr(item, "callspec", None)
        on_bigquery = "bigquery_server" in getattr(item, "fixturenames", ()) or (
            case is not None and "bigquery" in case.id.split("-")
        )
        if on_bigquery and item.get_closest_marker("ci_on_bigquery"):
            item.add_marker(pytest.mark.ci)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave modules and test items, over a million objects, out of garbage collection."""
    from soyoil.runner import settled_objects

    settled = ExitStack()
    settled.enter_context(settled_objects())
    session.config.add_cleanup(settled.close)


@pytest.fixture(scope="session")
def project_root() -> Path:
    """Root of the checkout."""
    return PROJECT_ROOT


@pytest.fixture(scope="session")
def migrated_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow database with all its tables."""
    from mlflow import MlflowClient

    logging.getLogger("mlflow.store.db").setLevel(logging.WARNING)
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture(scope="session")
def databento_dir() -> Path:
    """Folder of real Databento hourly files, or skip.

    Looked up in ``SOYOIL_REAL_DATA`` and in ``../shared/data`` beside the checkout.
    """
    root = Path(os.environ.get("SOYOIL_REAL_DATA", PROJECT_ROOT.parent / "shared" / "data"))
    folder = root / "databento"
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}")
    return folder


@pytest.fixture(scope="module")
def market() -> ModuleType:
    """The small market of the sweep's tests, a test module's own, which may change it."""
    path = Path(__file__).parent / "sweep" / "market.py"
    spec = importlib.util.spec_from_file_location("sweep_market", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["sweep_market"] = module
    spec.loader.exec_module(module)
    return module
