"""The vendor's client: retries with bounds, and errors in words.

Requests for data are paid for, those for metadata and files of jobs are not. A request for data
whose answer broke off may have been paid for, so it is never repeated here: whoever asked counts
the cost first.
"""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeVar
from urllib.parse import urlsplit

import pandas as pd

from soyoil.base.errors import SourceError
from soyoil.base.redact import redact
from soyoil.sources.databento.dbn import DATASET
from soyoil.sources.databento.download.folder import SCHEMA
from soyoil.sources.databento.download.plan import Pull, Span

logger = logging.getLogger(__name__)

KEY: Final = "DATABENTO_API_KEY"
ATTEMPTS: Final = 5
LONGEST_WAIT_S: Final = 60.0
PORTAL: Final = "https://databento.com/portal/keys"
DOMAIN: Final = ".databento.com"
TIMEOUT_S: Final = 100.0
CHUNK: Final = 1 << 20

T = TypeVar("T")
Paid = Literal["no", "data", "order"]
sleep = time.sleep


class BrokenError(SourceError):
    """An answer broke off, or none came: what was asked for may have been paid for."""


@dataclass(frozen=True)
class Quote:
    """What a pull costs.

    Attributes
    ----------
    pull
        The pull.
    cost_usd
        US dollars.
    size
        Bytes that are billed.
    records
        Number of bars.
    """

    pull: Pull
    cost_usd: float
    size: int
    records: int


def connect(key: str) -> Any:
    """The vendor's client.

    Raises
    ------
    SourceError
        It is not installed, or refuses the key.
    """
    try:
        import databento
    except ImportError as error:
        raise SourceError(
            "source.download needs the vendor's client, which is an extra: "
            "pip install -e '.[databento]'."
        ) from error
    try:
        return databento.Historical(key)
    except ValueError:
        raise SourceError(_no_key("is empty")) from None


def _no_key(what: str) -> str:
    return (
        f"{KEY} {what}: set it to the key of your Databento account ({PORTAL}). It is read from "
        "the environment only."
    )


class Vendor:
    """Databento's Historical API.

    Raises
    ------
    SourceError
        There is no key, or no client.
    """

    def __init__(self) -> None:
        self._key = os.environ.get(KEY, "").strip()
        if not self._key:
            raise SourceError(_no_key("is not set"))
        self._client = connect(self._key)

    def available(self) -> Span:
        """Whole UTC days that the account may ask for."""
        found = self._call("the range of the dataset", "metadata.get_dataset_range", DATASET)
        ranges = found.get("schema") or {}
        of_schema = ranges.get(SCHEMA) or found
        start = pd.Timestamp(of_schema["start"]).tz_localize(None)
        end = pd.Timestamp(of_schema["end"]).tz_localize(None)
        return Span(start.ceil("D").date(), end.floor("D").date())

    def conditions(self, span: Span) -> list[dict[str, Any]]:
        """Condition of each day, as the vendor gives it."""
        days = self._call(
            "the condition of the dataset",
            "metadata.get_dataset_condition",
            dataset=DATASET,
            start_date=span.start,
            end_date=span.last,
        )
        return [dict(day) for day in days]

    def records(self, pull: Pull) -> int:
        """Number of bars that a pull holds."""
        asked = _asked(pull)
        return int(self._call("the number of bars", "metadata.get_record_count", **asked))

    def cost(self, pull: Pull) -> float:
        """US dollars that a pull costs."""
        return float(self._call("the cost", "metadata.get_cost", **_asked(pull)))

    def quote(self, pull: Pull) -> Quote:
        """What a pull costs."""
        size = int(self._call("the size", "metadata.get_billable_size", **_asked(pull)))
        return Quote(pull, self.cost(pull), size, self.records(pull))

    def fetch(self, pull: Pull, path: Path) -> None:
        """Write the answer to one request for data to `path`; it is not checked.

        Raises
        ------
        BrokenError
            The answer broke off, or none came.
        SourceError
            The vendor refuses.
        """
        path.unlink(missing_ok=True)
        asked = {**_asked(pull), "stype_out": "instrument_id", "path": path}
        try:
            self._call("bars", "timeseries.get_range", paid="data", **asked)
        except SourceError:
            raise
        except Exception as error:
            # The client opens what it wrote, and its readers of zstd and DBN each raise errors of
            # their own where that was cut off.
            raise BrokenError(f"the answer broke off: {_said(error)}") from error

    def submit(self, pull: Pull) -> str:
        """Ask for a job that makes monthly files; returns its id.

        Raises
        ------
        BrokenError
            No answer came: the job may have been taken.
        SourceError
            The vendor refuses.
        """
        job = self._call(
            "a job",
            "batch.submit_job",
            paid="order",
            **_asked(pull),
            stype_out="instrument_id",
            encoding="dbn",
            compression="zstd",
            split_duration="month",
        )
        return str(job["id"])

    def jobs(self, since: pd.Timestamp) -> dict[str, str]:
        """State of the account's jobs, by id."""
        found = self._call(
            "the jobs",
            "batch.list_jobs",
            states="queued,processing,done,expired",
            since=since,
        )
        return {str(job["id"]): str(job["state"]) for job in found}

    def job_details(self, job: str) -> dict[str, Any]:
        """What a job was asked for."""
        return dict(self._call("a job", "batch.get_job_details", job))

    def job_files(self, job: str) -> list[dict[str, Any]]:
        """Files that a job made, as the vendor lists them."""
        return [dict(file) for file in self._call("the files of a job", "batch.list_files", job)]

    def download(self, url: str, path: Path, size: int) -> None:
        """Fetch a file of a job, from where an earlier try broke off.

        The client's own download has no time-out, and repeats without end where the vendor asks
        to wait.

        Raises
        ------
        SourceError
            The vendor refuses, or the file did not arrive whole in several tries.
        """
        import requests

        host = urlsplit(url).hostname or ""
        ours = host.endswith(DOMAIN) or host == urlsplit(self._client.gateway).hostname
        problem = ""
        for attempt in range(ATTEMPTS):
            there = path.stat().st_size if path.exists() else 0
            if there >= size:
                return
            try:
                with requests.get(
                    url,
                    auth=(self._key, "") if ours else None,
                    headers={"Range": f"bytes={there}-"} if there else {},
                    timeout=TIMEOUT_S,
                    stream=True,
                ) as answer:
                    status = answer.status_code
                    if status >= 400 and not _again(status):
                        raise _refusal("a file of a job", status, answer.text[:300])
                    if status >= 400:
                        problem = f"{status} {answer.reason}"
                        sleep(_wait(attempt, answer.headers))
                        continue
                    with path.open("ab" if status == 206 else "wb") as stream:
                        for chunk in answer.iter_content(CHUNK):
                            stream.write(chunk)
            except requests.RequestException as error:
                problem = _said(error)
                sleep(_wait(attempt, {}))
        if not path.exists() or path.stat().st_size < size:
            raise _silent("a file of a job", problem or "it broke off each time")

    def _call(self, what: str, name: str, *args: Any, paid: Paid = "no", **options: Any) -> Any:
        """Make one request, again where the vendor asks to wait.

        Parameters
        ----------
        what
            What is asked for, for messages.
        name
            Method of the client, with its group.
        paid
            Whether an answer that did not come may have been paid for: that of an order, or data
            that broke off. What is answered with an error of the server is no data.
        """
        import requests
        from databento.common.error import BentoError, BentoHttpError

        group, _, method = name.partition(".")
        request: Callable[..., Any] = getattr(getattr(self._client, group), method)
        problem = ""
        for attempt in range(ATTEMPTS):
            try:
                return _showing_warnings(lambda: request(*args, **options))
            except BentoHttpError as error:
                status, problem = error.http_status, str(error)
                if not _again(status):
                    raise _refusal(what, status, str(error.message or "")) from None
                if paid == "order" and status >= 500:
                    raise BrokenError(problem) from None
                wait = _wait(attempt, error.headers)
            except (BentoError, requests.RequestException) as error:
                problem = _said(error)
                if paid != "no":
                    raise BrokenError(problem) from None
                wait = _wait(attempt, {})
            logger.info("Databento: %s; trying again in %.0f s", redact(problem), wait)
            sleep(wait)
        raise _silent(what, problem)


def _asked(pull: Pull) -> dict[str, Any]:
    return {
        "dataset": DATASET,
        "schema": SCHEMA,
        "stype_in": pull.stype_in,
        "symbols": list(pull.symbols),
        "start": pull.span.start,
        "end": pull.span.end,
    }


def _showing_warnings(request: Callable[[], T]) -> T:
    """Result of a request; what the vendor warns of in its answer is logged."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = request()
    for message in _distinct([str(warning.message) for warning in caught]):
        logger.warning("Databento: %s", message)
    return result


def _distinct(messages: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(messages))


def _again(status: int) -> bool:
    return status in (408, 429) or status >= 500


def _wait(attempt: int, headers: Any) -> float:
    """Seconds to wait: what the vendor asks for, else twice as long each time."""
    try:
        asked = float(headers.get("Retry-After", ""))
    except ValueError:
        asked = 2.0**attempt
    return min(max(asked, 0.0), LONGEST_WAIT_S)


def _said(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _refusal(what: str, status: int, message: str) -> SourceError:
    said = " ".join(message.split()).rstrip(".")
    if status == 401:
        return SourceError(
            f"Databento refuses the key in {KEY} (401{f' {said}' if said else ''}): it is wrong, "
            f"revoked or expired. Set a key that holds ({PORTAL})."
        )
    hint = {
        402: " Check the billing of your account.",
        403: " Check what your account is entitled to.",
    }.get(status, "")
    return SourceError(f"Databento refuses {what} ({status}): {said or 'no reason given'}.{hint}")


def _silent(what: str, problem: str) -> SourceError:
    return SourceError(
        f"Databento did not give {what} in {ATTEMPTS} tries, at last: {problem}. Run the same "
        "command again later; what was pulled is kept."
    )
