"""Patience with a service, its limits, and what is said where it fails."""

import email.utils
import time
from collections.abc import Callable
from typing import Any

import pytest
from fake_service import FAST, KEY, Answering, Reply, Service, as_json

from soyoil.base.errors import SourceError
from soyoil.external.api.client import Client, Clock, KeyRefusedError, ServiceDownError
from soyoil.external.api.config import SERVICES, ApiConfig, check_url
from soyoil.external.api.config import Service as Declared

GOOD = {"count": 1}
Start = Callable[[Answering], Service]


class Pauses:
    """A clock that moves when it is slept on."""

    def __init__(self) -> None:
        self.time, self.slept = 0.0, list[float]()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.time, self.sleep)


def client(url: str, pauses: Pauses | None = None, source: str = "fred", **limits: Any) -> Client:
    config = ApiConfig.model_validate({**FAST, **limits})
    return Client(SERVICES[source], config, url, pauses.clock if pauses else None)


def ask(url: str, **limits: Any) -> Any:
    with client(url, **limits) as asking:
        return asking.json("series", {"series_id": "GDP"})


def test_a_key_is_sent_and_an_answer_read(start: Start) -> None:
    service = start(lambda _: as_json(GOOD))
    assert ask(service.url) == GOOD
    (asked,) = service.asked
    assert asked.query == {"series_id": "GDP", "api_key": KEY}
    assert asked.headers["User-Agent"].startswith("soyoil/")
    assert ask(service.url, source="cftc") == GOOD
    assert "api_key" not in service.asked[1].query
    assert service.asked[1].headers["X-App-Token"] == KEY


@pytest.mark.parametrize(
    "passing",
    [
        as_json({"error_message": "busy"}, 500), Reply(b"<html>", 502), Reply(b"", 503),
        Reply(b"", 504), Reply(b"", 429), Reply(b'{"count": 1}', length=400), Reply(b'{"coun'),
        Reply(b"<html>maintenance</html>"), Reply(b""),
        Reply(b"not packed", headers={"Content-Encoding": "gzip"}),
    ],
)  # fmt: skip
def test_what_passes_is_tried_again(start: Start, passing: Reply) -> None:
    service = start(lambda _: as_json(GOOD))
    service.queue = [passing, passing]
    assert ask(service.url) == GOOD
    assert len(service.asked) == 3


def test_pauses_double_and_keep_to_what_the_service_asks_for(start: Start) -> None:
    later = email.utils.formatdate(time.time() + 120, usegmt=True)
    service, pauses = start(lambda _: as_json(GOOD)), Pauses()
    service.queue = [
        Reply(b"", 500), Reply(b"", 500), Reply(b"", 500),
        Reply(b"", 429, {"Retry-After": "40"}), Reply(b"", 503, {"Retry-After": later}),
        Reply(b"", 429, {"Retry-After": "soon"}),
    ]  # fmt: skip
    with client(service.url, pauses, tries=7, backoff_seconds=1.0) as asking:
        assert asking.json("series", {}) == GOOD
    bounds = [(0.5, 1.5), (1, 3), (2, 6), (40, 40), (115, 121), (16, 48)]
    for slept, (low, high) in zip(pauses.slept, bounds, strict=True):
        assert low <= slept <= high


@pytest.mark.parametrize(
    ("failing", "said"),
    [
        (Reply(b"", 500), "it answers 500"),
        (as_json({"error_message": f"busy {KEY}"}, 429), "it answers 429: busy ***"),
        (Reply(b'{"count": 1}', length=99), "broke off"),
        (Reply(b'{"coun'), "no JSON, or is cut off"),
    ],
)
def test_tries_end(start: Start, failing: Reply, said: str) -> None:
    service = start(lambda _: failing)
    with pytest.raises(ServiceDownError) as caught:
        ask(service.url)
    assert said in str(caught.value)
    assert "after 3 tries" in str(caught.value)
    assert len(service.asked) == 3


def test_silence_and_a_closed_door_are_named(start: Start) -> None:
    service = start(lambda _: Reply(b"{}", seconds=0.4))
    with pytest.raises(ServiceDownError, match=r"no answer within 0\.05 s, after 2 tries"):
        ask(service.url, read_seconds=0.05, tries=2)
    with pytest.raises(ServiceDownError, match="no connection, or it broke off") as caught:
        ask("http://127.0.0.1:9", tries=2)
    # Neither shown nor chained: the library's own error holds the address with the key.
    assert caught.value.__cause__ is None
    assert KEY not in str(caught.value)
    with pytest.raises(ServiceDownError, match="the proxy"):
        ask("https://127.0.0.2:9", tries=2, proxy="http://127.0.0.1:9")


def test_patience_is_bounded_for_all_requests_together(start: Start) -> None:
    service, pauses = start(lambda _: Reply(b"", 429, {"Retry-After": "3600"})), Pauses()
    with client(service.url, pauses) as asking, pytest.raises(ServiceDownError) as caught:
        asking.json("series", {})
    assert "a wait of 3600 s: more than external.fred.api.total_seconds=900" in str(caught.value)
    assert pauses.slept == []
    service.answer = lambda _: Reply(b"", 500)
    with client(service.url, pauses, backoff_seconds=500.0, tries=9) as asking:
        for _ in range(2):
            with pytest.raises(ServiceDownError):
                asking.json("series", {})
    assert sum(pauses.slept) <= 900


def test_an_answer_that_trickles_is_cut(start: Start) -> None:
    service = start(lambda _: as_json({"long": "x" * 400_000}))
    ticks = iter(range(0, 10_000, 200))
    asking = Client(
        SERVICES["fred"], ApiConfig.model_validate(FAST), service.url, Clock(lambda: next(ticks))
    )
    with asking, pytest.raises(ServiceDownError, match="takes too long"):
        asking.json("series", {})


def test_requests_keep_to_the_rate(start: Start) -> None:
    service, pauses = start(lambda _: as_json(GOOD)), Pauses()
    declared = Declared("noaa", "", per_minute=3)
    with Client(declared, ApiConfig.model_validate(FAST), service.url, pauses.clock) as asking:
        sent = []
        for _ in range(7):
            asking.json("x", {})
            sent.append(pauses.time)
            pauses.time += 10
    assert sent == [0, 10, 20, 60, 70, 80, 120]


@pytest.mark.parametrize(
    ("source", "refusal"),
    [
        ("fred", as_json({"error_message": "The value for api_key is not registered."}, 400)),
        ("eia", as_json({"error": {"code": "API_KEY_INVALID", "message": f"bad {KEY}"}}, 403)),
        ("cftc", as_json({"message": "Invalid app_token specified"}, 403)),
        ("eia", Reply(b"", 401)),
    ],
)  # fmt: skip
def test_a_refused_key_is_named_by_its_variable(start: Start, source: str, refusal: Reply) -> None:
    service = start(lambda _: refusal)
    with pytest.raises(KeyRefusedError) as caught:
        ask(service.url, source=source)
    key = SERVICES[source].key
    assert key is not None
    assert f"does not take the key in {key.variable}" in str(caught.value)
    assert KEY not in str(caught.value)
    assert len(service.asked) == 1


def test_without_a_key_no_request_leaves(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    service = start(lambda _: as_json(GOOD))
    monkeypatch.setenv("FRED_API_KEY", " ")
    monkeypatch.delenv("CFTC_APP_TOKEN")
    with pytest.raises(KeyRefusedError, match="environment variable FRED_API_KEY, which is not"):
        ask(service.url)
    assert not service.asked
    # The CFTC answers all; its token only lets it answer more.
    assert ask(service.url, source="cftc") == GOOD
    assert "X-App-Token" not in service.asked[0].headers


def test_other_refusals_are_told_once(start: Start) -> None:
    service = start(lambda _: as_json({"error_message": "The series does not exist."}, 400))
    with pytest.raises(SourceError, match=r"refuses the request \(400: The series does not exist"):
        ask(service.url)
    service.answer = lambda _: Reply(b"", 302, {"Location": f"http://127.0.0.1:9/x?api_key={KEY}"})
    with pytest.raises(SourceError, match=r"has moved to http://127\.0\.0\.1:9/x: set external"):
        ask(service.url)
    assert len(service.asked) == 2


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://api.stlouisfed.org/fred", "write https"),
        ("ftp://host", "write https://host/path"),
        ("https://user:word@host", "leave out user"),
        ("https://host?api_key=x", "leave out user"),
        ("https://", "write https://host/path"),
    ],
)
def test_addresses_that_would_show_a_key_are_refused(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_url(url)


def test_addresses() -> None:
    assert check_url("https://mirror.example/fred/") == "https://mirror.example/fred"
    assert check_url("http://localhost:8080") == "http://localhost:8080"
    with pytest.raises(ValueError, match="HTTPS_PROXY"):
        ApiConfig(proxy="http://user:word@proxy:3128")
