"""A loopback server that answers like Databento's Historical API, and what it was asked."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import databento_dbn as dbn
import pandas as pd

from dbn_files import zstd

KEY = "db-" + "a1B2" * 8
FREE = ("metadata.", "batch.list", "batch.get", "batch/download")
USD_PER_BAR = 0.001
Request = tuple[str, dict[str, str]]
OUTRIGHTS = ("F4", "H4", "K4", "N4", "Q4", "U4", "V4", "Z4", "F5", "H5")
F4_ENDS = "2024-01-13"
STEP = 0.3
"""From one contract to the next, cents/lb."""
_made: dict[tuple[object, ...], list[bytes]] = {}


@dataclass
class Fault:
    """What a request is answered with instead: a status, or a part of the answer."""

    status: int = 200
    detail: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    bytes: int | None = None
    """Bytes after which the connection ends."""
    change: Callable[[bytes], bytes] | None = None
    """Another answer, whole as far as HTTP knows."""


def contracts(root: str) -> dict[str, int]:
    """Contracts and spreads behind ``ROOT.FUT``, with their numbers."""
    outrights = {f"{root}{name}": 100 + i for i, name in enumerate(OUTRIGHTS)}
    return outrights | {f"{root}H4-{root}K4": 200, f"{root}:BF H4-K4-N4": 201}


class Vendor:
    """Bars of roots on weekdays, hours 15 to 17 UTC, and the account's jobs.

    ``ROOT.FUT`` has bars of every contract, which cost `STEP` more each, and of two spreads.

    Parameters
    ----------
    make_bar, encode
        Fixtures of the same names.
    roots
        Roots that the vendor has.
    end
        End of what it has.
    """

    def __init__(
        self,
        make_bar: Callable[..., bytes],
        encode: Callable[..., bytes],
        roots: tuple[str, ...] = ("CL", "ZL"),
        end: str = "2024-03-01",
    ) -> None:
        self._bar, self._encode = make_bar, encode
        self.roots, self.end = roots, pd.Timestamp(end)
        self.start = pd.Timestamp("2024-01-01")
        self.key = KEY
        self.requests: list[Request] = []
        self.given: list[tuple[str, str]] = []
        """Name of each request and the key that came with it."""
        self.faults: dict[str, list[Fault]] = {}
        self.condition: dict[str, str] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.states = ["done"]
        self.url = ""

    def asked(self, *names: str) -> list[dict[str, str]]:
        """Requests of some names, in their order."""
        return [form for name, form in self.requests if name in names]

    @property
    def paid(self) -> list[str]:
        """Requests that cost money."""
        return [name for name, _ in self.requests if not name.startswith(FREE)]

    def _records(self, form: dict[str, str]) -> list[bytes]:
        key = (self.roots, form["symbols"], form["start"], form["end"])
        if key not in _made:
            _made[key] = self._make(form)
        return _made[key]

    def _make(self, form: dict[str, str]) -> list[bytes]:
        start, end = pd.Timestamp(form["start"]), pd.Timestamp(form["end"])
        out = []
        for symbol in form["symbols"].split(","):
            root = symbol.split(".")[0]
            if root not in self.roots:
                continue
            for day in pd.date_range(start, end, inclusive="left"):
                if day.dayofweek > 4:
                    continue
                for hour in (15, 16, 17):
                    time = day + pd.Timedelta(hours=hour)
                    step = day.dayofyear / 100 + hour / 1000
                    for number, level in self._levels(symbol, day).items():
                        prices = tuple(round(level + step + d, 4) for d in (0, 0.2, -0.2, 0.1))
                        out.append((time, number, prices, 500 + hour))
        return [
            self._bar(str(time), number, prices, volume)
            for time, number, prices, volume in sorted(out)
        ]

    def _levels(self, symbol: str, day: pd.Timestamp) -> dict[int, float]:
        """Price level by number of the instrument."""
        root, *rest = symbol.split(".")
        if rest != ["FUT"]:
            return {10 * (1 + self.roots.index(root)): 48.0}
        listed = [n for name, n in contracts(root).items() if _is_listed(name, day)]
        return {n: 48 + STEP * (n - 101) if n < 200 else -STEP - 4 for n in listed}

    def file(self, form: dict[str, str]) -> bytes:
        """Answer to a request for data."""
        if form["symbols"].endswith(".FUT"):
            return self._by_contract(form)
        symbols = form["symbols"].split(",")
        lost = [s for s in symbols if s.split(".")[0] not in self.roots]
        start, end = form["start"][:10], form["end"][:10]
        mappings = {
            s: [(start, end, 10 * (1 + self.roots.index(s.split(".")[0])))] if s not in lost else []
            for s in symbols
        }
        content = self._encode(
            self._records(form), mappings, span=(start, end), not_found=lost, partial=()
        )
        return zstd(content)

    def _by_contract(self, form: dict[str, str]) -> bytes:
        start, end = form["start"][:10], form["end"][:10]
        mappings = {
            name: [(start, min(end, F4_ENDS) if name.endswith("F4") else end, number)]
            for name, number in contracts(form["symbols"].removesuffix(".FUT")).items()
            if _is_listed(name, pd.Timestamp(start))
        }
        content = self._encode(
            self._records(form),
            mappings,
            symbols=[form["symbols"]],
            stype_in=dbn.SType.PARENT,
            span=(start, end),
        )
        return zstd(content)

    def answer(self, name: str, form: dict[str, str]) -> Any:
        """JSON or bytes."""
        if name == "metadata.get_dataset_range":
            bounds = {"start": f"{self.start:%FT%T}.000000000Z", "end": f"{self.end:%FT%T}.000Z"}
            return {**bounds, "schema": {"ohlcv-1h": bounds}}
        if name == "metadata.get_dataset_condition":
            days = pd.date_range(form["start_date"], form["end_date"]).strftime("%F")
            return [
                {"date": d, "condition": self.condition.get(d, "available"),
                 "last_modified_date": d}
                for d in days
            ]  # fmt: skip
        if name == "metadata.get_record_count":
            return len(self._records(form))
        if name == "metadata.get_billable_size":
            return 56 * len(self._records(form))
        if name == "metadata.get_cost":
            return USD_PER_BAR * len(self._records(form))
        if name == "timeseries.get_range":
            return self.file(form)
        if name == "batch.submit_job":
            job = f"GLBX-20240301-{len(self.jobs):010d}"
            self.jobs[job] = {
                **form, "id": job, "start": f"{form['start']}T00:00:00.000000000Z",
                "end": f"{form['end']}T00:00:00.000000000Z", "state": "received",
            }  # fmt: skip
            return self.jobs[job]
        if name == "batch.list_jobs":
            state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
            return [{"id": job, "state": state, "ts_received": ""} for job in self.jobs]
        if name == "batch.get_job_details":
            return self.jobs[form["job_id"]]
        if name == "batch.list_files":
            made = self.made(form["job_id"])
            support = {"filename": "metadata.json", "hash": "", "size": 2, "urls": {}}
            return [support] + [
                {
                    "filename": file,
                    "hash": f"sha256:{hashlib.sha256(content).hexdigest()}",
                    "size": len(content),
                    "urls": {"https": f"{self.url}/v0/batch/download/{form['job_id']}/{file}"},
                }
                for file, content in made.items()
            ]
        job, _, file = name.removeprefix("batch/download/").partition("/")
        return self.made(job)[file]

    def made(self, job: str) -> dict[str, bytes]:
        """Monthly files of a job."""
        details = self.jobs[job]
        start, end = (pd.Timestamp(details[n]).tz_localize(None) for n in ("start", "end"))
        inner = pd.date_range(start, end, freq="MS", inclusive="neither")
        edges = [start, *inner, end]
        out = {}
        for a, b in pairwise(edges):
            last = b - pd.Timedelta(days=1)
            name = f"glbx-mdp3-{a:%Y%m%d}-{last:%Y%m%d}.ohlcv-1h.dbn.zst"
            out[name] = self.file({**details, "start": f"{a:%F}", "end": f"{b:%F}"})
        return out


def _is_listed(name: str, day: pd.Timestamp) -> bool:
    return not name.endswith("F4") or day < pd.Timestamp(F4_ENDS)


def handler(vendor: Vendor) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            self._serve(dict(parse_qsl(urlsplit(self.path).query)))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._serve(dict(parse_qsl(body)))

        def _serve(self, form: dict[str, str]) -> None:
            name = urlsplit(self.path).path.removeprefix("/v0/")
            vendor.requests.append((name, form))
            given = base64.b64decode(self.headers.get("Authorization", "Basic ")[6:]).decode()
            vendor.given.append((name, given.rstrip(":")))
            if given != f"{vendor.key}:":
                detail = {"case": "auth_authentication_failed", "docs": "",
                          "message": "Authentication failed."}  # fmt: skip
                return self._send(json.dumps({"detail": detail}).encode(), Fault(401))
            kind = "batch/download" if name.startswith("batch/download") else name
            queue = vendor.faults.get(kind, [])
            fault = queue.pop(0) if queue else Fault()
            if fault.status >= 400:
                return self._send(json.dumps({"detail": fault.detail}).encode(), fault)
            found = vendor.answer(name, form)
            content = found if isinstance(found, bytes) else json.dumps(found).encode()
            if fault.change:
                content = fault.change(content)
            first = self.headers.get("Range", "").removeprefix("bytes=").partition("-")[0]
            if first and fault.status == 200:
                fault.status, content = 206, content[int(first) :]
            return self._send(content, fault)

        def _send(self, content: bytes, fault: Fault) -> None:
            self.send_response(fault.status)
            for item in fault.headers.items():
                self.send_header(*item)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content if fault.bytes is None else content[: fault.bytes])
            if fault.bytes is not None:
                self.close_connection = True

    return Handler


@contextmanager
def serving(vendor: Vendor) -> Iterator[Vendor]:
    """Serve on a free port of the loopback interface."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(vendor)) as server:
        vendor.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield vendor
        server.shutdown()


def client_of(url: str) -> Callable[[str], Any]:
    """Makes the vendor's client for a plain address; by itself it asks by https only."""

    def connect(key: str) -> Any:
        import databento
        from databento.historical.api.batch import BatchHttpAPI
        from databento.historical.api.metadata import MetadataHttpAPI
        from databento.historical.api.timeseries import TimeseriesHttpAPI

        client = databento.Historical(key)
        client._gateway = url
        client.batch = BatchHttpAPI(key=key, gateway=url)
        client.metadata = MetadataHttpAPI(key=key, gateway=url)
        client.timeseries = TimeseriesHttpAPI(key=key, gateway=url)
        return client

    return connect
