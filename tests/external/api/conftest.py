"""The services, with a key that no output may hold."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from fake_service import KEY, Answering, Service, serve


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FRED_API_KEY", "EIA_API_KEY", "CFTC_APP_TOKEN"):
        monkeypatch.setenv(name, KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def start() -> Iterator[Callable[[Answering], Service]]:
    """Starts a service that answers as told."""
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(serve(Service(answer)))


@pytest.fixture(autouse=True)
def _no_key_is_shown(capsys: Any, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level("DEBUG")
    yield
    shown = capsys.readouterr()
    assert KEY not in shown.out + shown.err
    assert KEY not in caplog.text
