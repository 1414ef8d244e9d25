"""A service on this machine that answers as the publishers' do, and remembers what it was asked."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from outside_files import cot_counts

from soyoil.external.readers.cftc import CODE, DAY, LEGACY, Report

KEY = "0123456789abcdef0123456789abcdef"
FAST = {"backoff_seconds": 0.001, "tries": 3, "read_seconds": 5, "connect_seconds": 5}


@dataclass
class Reply:
    """One answer; a length of another size than the body cuts it off."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    seconds: float = 0.0


@dataclass
class Asked:
    """One request."""

    path: str
    query: dict[str, str]
    headers: Mapping[str, str]


Answering = Callable[[Asked], Reply]


def as_json(value: Any, status: int = 200) -> Reply:
    return Reply(json.dumps(value).encode(), status)


class Service:
    """The server: `queue` is answered first, then `answer`."""

    def __init__(self, answer: Answering) -> None:
        self.answer = answer
        self.queue: list[Reply] = []
        self.asked: list[Asked] = []
        self.url = ""

    def reply(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        return self.queue.pop(0) if self.queue else self.answer(asked)


@contextmanager
def serve(service: Service) -> Iterator[Service]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            reply = service.reply(Asked(parts.path, query, self.headers))
            time.sleep(reply.seconds)
            length = len(reply.body) if reply.length is None else reply.length
            try:
                self.send_response(reply.status)
                for name, value in {**reply.headers, "Content-Length": str(length)}.items():
                    self.send_header(name, value)
                self.end_headers()
                if reply.status != 304:
                    self.wfile.write(reply.body)
            except OSError:
                pass
            self.close_connection = length != len(reply.body)

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *args: object) -> None:
            """A client that goes away early is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    service.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()


class Fred:
    """FRED: by series, the values that stood on each vintage day, with its limits.

    Real-time periods are worked out day by day, as its pages describe them.
    """

    def __init__(self, series: Mapping[str, Mapping[str, Mapping[str, str]]]) -> None:
        self.series = {name: dict(vintages) for name, vintages in series.items()}
        self.max_vintages = 2000
        self.failing: set[str] = set()

    def __call__(self, asked: Asked) -> Reply:
        query = asked.query
        if query.get("api_key") != KEY:
            return self._bad("The value for variable api_key is not registered.")
        name = query["series_id"]
        if name in self.failing:
            return Reply(b"{}", 500)
        if name not in self.series:
            return self._bad("The series does not exist.")
        assert query["file_type"] == "json"
        limit, offset = int(query["limit"]), int(query["offset"])
        days = sorted(self.series[name])
        if asked.path == "/series/vintagedates":
            return as_json({"count": len(days), "vintage_dates": days[offset : offset + limit]})
        assert asked.path == "/series/observations"
        start = query.get("realtime_start", days[-1])
        end = query.get("realtime_end", start)
        inside = [day for day in days if start <= day <= end]
        if len(inside) > self.max_vintages:
            return self._bad("This exceeds the maximum number of vintage dates allowed (2000).")
        rows = self._periods(name, start, end)
        return as_json({"count": len(rows), "observations": rows[offset : offset + limit]})

    def _periods(self, name: str, start: str, end: str) -> list[dict[str, str]]:
        vintages = self.series[name]
        before = [day for day in sorted(vintages) if day <= start][-1:]
        moments = {day: vintages[day] for day in before}
        moments = {start: next(iter(moments.values()), {})}
        moments |= {day: vintages[day] for day in sorted(vintages) if start < day <= end}
        rows = []
        for date in sorted({date for values in moments.values() for date in values}):
            last = None
            for day, values in moments.items():
                if date in values and values[date] != last:
                    last = values[date]
                    rows.append(
                        {"realtime_start": day, "realtime_end": end, "date": date, "value": last}
                    )
        return rows

    def _bad(self, message: str) -> Reply:
        return as_json({"error_code": 400, "error_message": f"Bad Request.  {message}"}, 400)


def cot_row(
    day: str, long: int = 300, market: str = "007601", report: Report = LEGACY
) -> dict[str, str]:
    """A report as Socrata writes it: all text."""
    counts = {name: str(count) for name, count in cot_counts(long, report).items()}
    return {DAY: f"{day}T00:00:00.000", CODE: market, **counts}


DATASETS = {"cftc": "6dca-aqww", "cftc_disaggregated": "72hh-3qpy"}


class Cot:
    """The CFTC's service: the conditions that the client writes, order and pages."""

    def __init__(self, rows: list[dict[str, str]], report: Report = LEGACY) -> None:
        self.rows = rows
        self.path = f"/{DATASETS[report.name]}.json"
        self.largest = 50_000

    def __call__(self, asked: Asked) -> Reply:
        assert asked.path == self.path
        query = asked.query
        columns = query["$select"].split(",")
        assert query["$order"] == f"{columns[0]},{columns[1]}"
        found = [row for row in self.rows if _matches(row, query["$where"])]
        found.sort(key=lambda row: (row[columns[0]], row[columns[1]]))
        start, size = int(query["$offset"]), min(int(query["$limit"]), self.largest)
        return as_json(
            [{c: row[c] for c in columns if c in row} for row in found[start : start + size]]
        )


def _matches(row: Mapping[str, str], where: str) -> bool:
    for part in where.split(") OR ("):
        codes, _, rest = part.partition(" in (")[2].partition(")")
        after = rest.partition(">= '")[2].partition("'")[0]
        code, day = row[CODE], row[DAY]
        if f"'{code}'" in codes.split(",") and day >= after:
            return True
    return False
