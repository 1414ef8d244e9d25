"""Outside sources by their publishers' services through the command line."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "external"))
sys.path.insert(0, str(Path(__file__).parents[1] / "external" / "api"))

from fake_service import KEY, Cot, Reply, Service, cot_row, serve

BASE = "source.symbols=ZL"


def ingest(params: str) -> list[str]:
    return ["--pipeline=ingest", f"--params={BASE},{params}"]


@pytest.mark.ci
def test_a_service_is_asked_and_no_run_shows_its_key(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CFTC_APP_TOKEN", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("FRED_API_KEY", raising=False)
    cot = Cot([cot_row("2023-09-19"), cot_row("2023-09-26", 400)])
    with serve(Service(cot)) as good, serve(Service(lambda _: Reply(b"", 403))) as bad:
        fast = "external.cftc.origin=api,external.cftc.api.backoff_seconds=0.01"
        on = f"{fast},external.cftc.url={good.url}"
        refused = f"{fast},external.cftc.url={bad.url}"
        found = project.run_many(
            {
                "on": ingest(on),
                "again": ingest(on),
                "refused": ingest(refused),
                "required": ingest(f"{refused},external.cftc.required=true"),
                "no key": ingest("external.fred.origin=api"),
                "no key needed": [
                    "--pipeline=ingest",
                    f"--params={BASE},external.fred.origin=api",
                    "--nodes=ingest.read_source",
                ],
                "no service": ingest("external.usda.origin=api"),
                "clear": ingest("external.cftc.origin=api,external.cftc.url=http://example.com"),
                "no api": ingest(f"external.cftc.url={good.url}"),
            }
        )
    text = {name: " ".join(output.split()) for name, (_, output) in found.items()}
    failed = {"required", "no key", "no service", "clear", "no api"}
    assert {name for name, (code, _) in found.items() if code} == failed
    assert "external.cftc: 2 rows read, 2 new" in text["on"]
    assert "external.cftc: 2 rows read, 0 new" in text["again"]
    assert len(good.asked) == 2
    assert all(asked.headers["X-App-Token"] == KEY for asked in good.asked)
    for name in ("refused", "required"):
        assert "does not take the key in CFTC_APP_TOKEN (403)" in text[name]
    assert "external.cftc is left out" in text["refused"]
    assert "needs the environment variable FRED_API_KEY, which is not set" in text["no key"]
    assert "this source has none; files or synthetic is allowed" in text["no service"]
    assert "write https" in text["clear"]
    assert "url needs origin: api" in text["no api"]
    for name in failed - {"required"}:
        assert "Running node" not in text[name]
    held = [output for _, output in found.values()]
    files = [path for path in Path(project.root).rglob("*") if path.is_file()]
    assert len(files) > 10
    assert not [output for output in held if KEY in output]
    assert not [path for path in files if KEY.encode() in path.read_bytes()]
    assert os.environ["CFTC_APP_TOKEN"] == KEY
