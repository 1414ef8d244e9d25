"""Jobs of the vendor, remembered in the folder so that none is paid for twice.

What is asked for is written down before the vendor is asked, and its job as soon as it is known.
After a kill between the two, the job is looked for among those of the account.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pandas as pd

from soyoil.base.errors import SourceError
from soyoil.sources.databento.dbn import DATASET, read_metadata
from soyoil.sources.databento.download import client
from soyoil.sources.databento.download.client import BrokenError, Vendor
from soyoil.sources.databento.download.folder import SCHEMA, Folder, check, covered, write_json
from soyoil.sources.databento.download.plan import Pull, Span, file_name
from soyoil.sources.databento.file import DBN_SUFFIXES, DamagedFileError

logger = logging.getLogger(__name__)

JOBS_FILE: Final = ".soyoil-jobs.json"
POLL_S: Final = 10.0
SETTLE_S: Final = 5.0
"""Time after which a job that was taken is expected among those of the account."""
CLOCKS: Final = pd.Timedelta(minutes=5)
"""How far the clock of this machine may be ahead of the vendor's."""
TRIES: Final = 3


@dataclass(frozen=True)
class Job:
    """A job, or the intent to ask for one.

    Attributes
    ----------
    pull
        What it brings.
    asked
        Before when it was not asked for, ISO 8601, UTC.
    id
        The vendor's name; None where it is not known whether the vendor took it.
    """

    pull: Pull
    asked: str
    id: str | None = None


class Jobs:
    """Jobs of a folder that are not fetched yet.

    Parameters
    ----------
    folder
        The folder.

    Raises
    ------
    SourceError
        The file that remembers them is damaged.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._path = folder.path / JOBS_FILE
        self.open = self._read()

    def _read(self) -> list[Job]:
        if not self._path.exists():
            return []
        try:
            entries = json.loads(self._path.read_text(encoding="utf-8"))
            return [
                Job(
                    Pull(
                        Span(*(dt.date.fromisoformat(entry[name]) for name in ("start", "end"))),
                        tuple(entry["roots"]),
                        self._folder.kind,
                    ),
                    entry["asked"],
                    entry["id"],
                )
                for entry in entries
            ]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SourceError(
                f"{self._path} does not hold the jobs that were asked for ({error}). See on "
                "https://databento.com/portal/download-center which are not downloaded, then "
                "remove the file."
            ) from error

    def _write(self) -> None:
        if not self.open:
            self._path.unlink(missing_ok=True)
            return
        entries = [
            {
                "id": job.id,
                "start": job.pull.span.start.isoformat(),
                "end": job.pull.span.end.isoformat(),
                "roots": list(job.pull.roots),
                "asked": job.asked,
            }
            for job in self.open
        ]
        write_json(self._path, entries)

    def _replace(self, old: Job, new: Job | None) -> None:
        self.open = [
            item for job in self.open for item in ((new,) if job == old else (job,)) if item
        ]
        self._write()

    def settle(self, vendor: Vendor) -> None:
        """Find out which intents the vendor took, and forget the others."""
        for job in [job for job in self.open if job.id is None]:
            found = _find(vendor, job)
            self._replace(job, replace(job, id=found) if found else None)

    def ask(self, vendor: Vendor, pull: Pull) -> None:
        """Ask for a job, once.

        Raises
        ------
        SourceError
            The vendor refuses, or gives no answer.
        """
        job = Job(pull, pd.Timestamp.now("UTC").isoformat())
        self.open.append(job)
        self._write()
        problem = ""
        for _ in range(TRIES):
            try:
                found: str | None = vendor.submit(pull)
            except BrokenError as error:
                problem = str(error)
                client.sleep(SETTLE_S)
                found = _find(vendor, job)
            except SourceError:
                self._replace(job, None)
                raise
            if found:
                self._replace(job, replace(job, id=found))
                logger.info("Databento: job %s of %s", found, describe(pull))
                return
        raise SourceError(
            f"Databento took no job in {TRIES} tries, at last: {problem}. Run the same command "
            "again later: it looks first whether one was taken after all."
        )

    def fetch(self, vendor: Vendor, wait_minutes: int) -> int:
        """Wait for all jobs and fetch their files; returns the number of files.

        Raises
        ------
        SourceError
            A job is not done in time, or a file is not what was asked for.
        """
        count, waited = 0, 0.0
        while self.open:
            since = pd.Timestamp(min(job.asked for job in self.open)) - CLOCKS
            states = vendor.jobs(since)
            for job in list(self.open):
                state = states.get(str(job.id), "received")
                if state == "done":
                    count += self._fetch_files(vendor, job)
                    self._replace(job, None)
                elif state == "expired":
                    logger.warning(
                        "Databento: job %s has expired before it was fetched; its days are missing "
                        "again",
                        job.id,
                    )
                    self._replace(job, None)
            if not self.open:
                break
            if waited >= 60 * wait_minutes:
                names = ", ".join(
                    f"{job.id} ({states.get(str(job.id), 'received')})" for job in self.open
                )
                raise SourceError(
                    f"Databento has not finished {names} in {wait_minutes} minutes "
                    "(source.download.wait_minutes). They are remembered: run the same command "
                    "again later, nothing is paid for twice."
                )
            client.sleep(POLL_S)
            waited += POLL_S
        return count

    def _fetch_files(self, vendor: Vendor, job: Job) -> int:
        files = vendor.job_files(str(job.id))
        listed = [file for file in files if str(file["filename"]).endswith(DBN_SUFFIXES)]
        for number, file in enumerate(listed, start=1):
            name = str(file["filename"])
            if Path(name).name != name:
                raise SourceError(f"Databento names a file of job {job.id} {name!r}: refused.")
            part = self._folder.part(f"{job.id}-{name}")
            if self._was_taken(part, job, name):
                continue
            taken = self._fetch_file(vendor, job, file, part)
            logger.info("pulled %s (%d of %d)", taken.name, number, len(listed))
        if not listed:
            logger.warning("Databento: job %s made no file", job.id)
        return len(listed)

    def _was_taken(self, part: Path, job: Job, name: str) -> bool:
        """Whether an earlier run gave the file its name already."""
        names = (name, file_name(job.pull, {name}))
        return not part.exists() and any(
            _serves(self._folder.path / taken, job.pull) for taken in names
        )

    def _fetch_file(self, vendor: Vendor, job: Job, file: Mapping[str, Any], part: Path) -> Path:
        size, digest = int(file["size"]), str(file["hash"])
        problem = "its SHA-256 is another"
        for _ in range(TRIES):
            vendor.download(str(file["urls"]["https"]), part, size)
            if digest.startswith("sha256:") and _sha256(part) != digest.removeprefix("sha256:"):
                part.unlink()
                continue
            try:
                pull = _pull_of(part, job)
                check(part, pull)
            except DamagedFileError as error:
                part.unlink()
                problem = str(error)
                continue
            return self._folder.take(part, file_name(pull, self._folder.names()))
        raise SourceError(
            f"{file['filename']} of job {job.id} arrived damaged {TRIES} times: {problem}. Run the "
            "same command again later, nothing is paid for twice."
        )


def _serves(path: Path, pull: Pull) -> bool:
    """Whether a file holds days and all symbols of a pull."""
    if not path.is_file():
        return False
    metadata = read_metadata(path)
    days = covered(metadata, pull.kind)
    inside = days is not None and pull.span.start <= days.start and days.end <= pull.span.end
    return inside and set(metadata.symbols) == set(pull.symbols)


def _pull_of(path: Path, job: Job) -> Pull:
    """What one file of a job should hold: the job's symbols on the days that it names.

    Raises
    ------
    DamagedFileError
        It cannot be read so far.
    SourceError
        Its days are not those of the job.
    """
    days = covered(read_metadata(path), job.pull.kind)
    span = job.pull.span
    if days is None or days.start < span.start or days.end > span.end:
        raise SourceError(
            f"{path} of job {job.id} does not hold days from {span.start} to {span.last}: the "
            "answer is not to the question. Remove the file and run again."
        )
    return replace(job.pull, span=days)


def _find(vendor: Vendor, job: Job) -> str | None:
    """Id of the vendor's job that asks for the same, and was taken since; None without one."""
    for found in vendor.jobs(pd.Timestamp(job.asked) - CLOCKS):
        if _is_of(vendor.job_details(found), job.pull):
            return found
    return None


def _is_of(details: Mapping[str, Any], pull: Pull) -> bool:
    symbols = details.get("symbols") or ""
    listed: Iterable[str] = symbols.split(",") if isinstance(symbols, str) else symbols
    return (
        details.get("dataset") == DATASET
        and details.get("schema") == SCHEMA
        and sorted(listed) == sorted(pull.symbols)
        and _day(details.get("start")) == pull.span.start
        and _day(details.get("end")) == pull.span.end
        and details.get("encoding") == "dbn"
        and details.get("split_duration") == "month"
    )


def _day(moment: Any) -> dt.date | None:
    return None if moment is None else pd.Timestamp(moment).date()


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def describe(pull: Pull) -> str:
    """Roots and days in words."""
    what = "" if pull.kind == "continuous" else "contracts of "
    return f"{what}{', '.join(pull.roots)} from {pull.span.start} to {pull.span.last}"
