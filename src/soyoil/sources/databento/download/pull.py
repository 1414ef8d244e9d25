"""Pull the bars that are missing in the folders, once their cost is known and allowed."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from soyoil.base.data_folder import locked
from soyoil.base.errors import SourceError
from soyoil.market.instruments import TARGET_ROOT, check_roots
from soyoil.sources.base import SourceConfig
from soyoil.sources.databento.download.client import BrokenError, Quote, Vendor
from soyoil.sources.databento.download.config import DownloadConfig, Kind
from soyoil.sources.databento.download.folder import Folder, check, inspect
from soyoil.sources.databento.download.jobs import Jobs, describe
from soyoil.sources.databento.download.plan import (
    Pull,
    Span,
    by_month,
    file_name,
    joined,
    missing,
    without,
)
from soyoil.sources.databento.file import DamagedFileError

logger = logging.getLogger(__name__)

TRIES: Final = 3
SHORT_DAYS: Final = 7
"""A pull of fewer days may hold no bar at all: a weekend, holidays."""
UNSETTLED: Final = ("pending", "intraday")
"""Conditions of days at the end that the vendor still works on."""
DEGRADED: Final[dict[Kind, str]] = {
    "continuous": "bars of these days are flagged",
    "contracts": "prices of these days are used as they are",
}
_NAMED: Final = 5


@dataclass(frozen=True)
class Download:
    """What a call of `download_missing` did.

    Attributes
    ----------
    quotes
        What was missing, and what it costs.
    files
        Number of files that were pulled.
    """

    quotes: tuple[Quote, ...] = ()
    files: int = 0


def download_missing(
    source: SourceConfig,
    *,
    dry_run: bool = False,
    report: Callable[[str], None] = logger.info,
) -> Download:
    """Pull what is missing at ``source.path``, or of the contracts in their own folder.

    Files are monthly, named as the vendor names them, and appear whole or not at all. A pull that
    was interrupted goes on with the file that it was at.

    Parameters
    ----------
    source
        Roots, folder, and what may be pulled (``source.download``).
    dry_run
        Only say what is missing and what it costs; nothing is written.
    report
        Called with each line that is to be shown.

    Returns
    -------
    Download
        What was missing, and the number of files pulled.

    Raises
    ------
    SourceError
        The cost is above ``source.download.max_cost_usd`` (then nothing was pulled), there is no
        key, the vendor refuses or does not answer, or a file is not what was asked for.
    """
    check_roots(source.symbols)
    sessions = [_Session(source, kind, report) for kind in source.download.kinds]
    waiting = [session for session in sessions if not session.is_complete()]
    for session in sessions:
        if session not in waiting:
            report(f"Nothing is missing at {session.folder.path}.")
    with ExitStack() as locks:
        if not dry_run:
            for session in waiting:
                locks.enter_context(locked(session.folder.path, "download from Databento"))
        done = _pull_all(source.download, waiting, report, dry_run) if waiting else Download()
    if not dry_run:
        for session in sessions:
            session.say_where()
    return done


def _pull_all(
    config: DownloadConfig,
    sessions: Sequence[_Session],
    report: Callable[[str], None],
    dry_run: bool,
) -> Download:
    """Cost of all that is missing first, then the pulls."""
    vendor = Vendor()
    files = 0 if dry_run else sum(session.resume(vendor) for session in sessions)
    for session in sessions:
        session.plan(vendor)
    quotes = tuple(quote for session in sessions for quote in session.quotes)
    if not quotes:
        return Download(files=files)
    for line in cost_table(quotes):
        report(line)
    if dry_run:
        return Download(quotes)
    budget = _Budget(config.max_cost_usd, quotes, [session.folder.path for session in sessions])
    for session in sessions:
        files += session.pull(vendor, budget)
    return Download(quotes, files)


class _Budget:
    """What a run may cost in all.

    Parameters
    ----------
    cap
        ``source.download.max_cost_usd``.
    quotes
        What is to be pulled.
    folders
        Where it is missing, for messages.

    Raises
    ------
    SourceError
        It costs more than is allowed.
    """

    def __init__(self, cap: float, quotes: Sequence[Quote], folders: Sequence[Path]) -> None:
        cost = sum(quote.cost_usd for quote in quotes)
        if cost > cap:
            less = ["source.download.start", "source.download.end"]
            if any(quote.pull.kind == "continuous" for quote in quotes):
                less.append("source.symbols")
            raise SourceError(
                f"Pulling what is missing at {' and '.join(map(str, folders))} costs {cost:,.4f} "
                f"USD ({sum(q.records for q in quotes):,} bars, "
                f"{_megabytes(sum(q.size for q in quotes))}), and source.download.max_cost_usd is "
                f"{cap:,.2f}: nothing was pulled. Allow it with "
                f"--params=source.download.max_cost_usd={-(-cost // 1):.0f}, or ask for less with "
                f"{', '.join(less[:-1])} or {less[-1]}."
            )
        self._cap, self._spent = cap, cost

    def pay_again(self, vendor: Vendor, pull: Pull, problem: str) -> None:
        """Count what a repeated request costs, for the one that broke off may have been billed."""
        cost, cap = vendor.cost(pull), self._cap
        if self._spent + cost > cap:
            raise SourceError(
                f"{describe(pull)} broke off ({problem}), and asking again for {cost:,.4f} USD "
                f"would bring this run above source.download.max_cost_usd={cap:,.2f}. Run the same "
                "command again; what was pulled is kept."
            )
        self._spent += cost
        logger.warning("%s broke off (%s); asking again", describe(pull), problem)


class _Session:
    """What is missing in one folder."""

    def __init__(self, source: SourceConfig, kind: Kind, report: Callable[[str], None]) -> None:
        self._config: DownloadConfig = source.download
        self._kind: Kind = kind
        self._report = report
        path = Path(str(source.path)).expanduser()
        if kind == "contracts":
            path = source.download.contracts_folder(str(source.path))
        self._roots = tuple(sorted(source.symbols)) if kind == "continuous" else (TARGET_ROOT,)
        self.folder = Folder.at(path, kind)
        today = dt.datetime.now(dt.UTC).date()
        self._wanted = Span(self._config.start, min(self._config.end or today, today))
        self._jobs = Jobs(self.folder)
        self._pulls: list[Pull] = []
        self._days: list[dict[str, Any]] = []
        self.quotes: tuple[Quote, ...] = ()

    def is_complete(self) -> bool:
        """Whether there is nothing to ask the vendor for."""
        waiting = self._jobs.open or self.folder.parts()
        return not waiting and not self._missing(self._wanted)

    def resume(self, vendor: Vendor) -> int:
        """Take what earlier runs have asked for; returns the number of files."""
        self._jobs = Jobs(self.folder)  # as it is under the lock
        files = self._recover(vendor)
        self._jobs.settle(vendor)
        return files + self._jobs.fetch(vendor, self._config.wait_minutes)

    def plan(self, vendor: Vendor) -> None:
        """Find out what is to be pulled, and what it costs."""
        self._days, wanted = self._settled(vendor, self._wanted)
        asked = [job.pull for job in self._jobs.open]
        self._pulls = self._with_bars(vendor, without(self._missing(wanted), asked))
        if not self._pulls:
            self._report(f"Nothing more can be pulled into {self.folder.path} yet.")
        self.quotes = tuple(vendor.quote(pull) for pull in joined(self._pulls))

    def pull(self, vendor: Vendor, budget: _Budget) -> int:
        """Pull it; returns the number of files."""
        if not self._pulls:
            return 0
        self.folder.add_conditions(self._days)
        if self._config.mode == "batch":
            for pull in joined(self._pulls):
                self._jobs.ask(vendor, pull)
            return self._jobs.fetch(vendor, self._config.wait_minutes)
        for number, pull in enumerate(self._pulls, start=1):
            self._pull(vendor, pull, budget, f"{number} of {len(self._pulls)}")
        return len(self._pulls)

    def say_where(self) -> None:
        """Say what reads the contracts."""
        if self._kind == "contracts":
            self._report(
                "Back months are read from there with "
                f"--params=external.curve.path={self.folder.path}"
            )

    def _missing(self, wanted: Span) -> list[Pull]:
        return missing(self._roots, wanted, self.folder.held(self._roots), self._kind)

    def _settled(self, vendor: Vendor, wanted: Span) -> tuple[list[dict[str, Any]], Span]:
        """Conditions of the days to be pulled, and the days that the vendor is done with."""
        has = vendor.available()
        wanted = Span(max(wanted.start, has.start), min(wanted.end, has.end))
        pulls = self._missing(wanted) if wanted.days else []
        if not pulls:
            return [], wanted
        asked = Span(pulls[0].span.start, pulls[-1].span.end)
        days = vendor.conditions(asked)
        condition = {str(day["date"]): str(day["condition"]) for day in days}
        end = wanted.end
        while end > wanted.start and condition.get(Span(end, end).last.isoformat()) in UNSETTLED:
            end = Span(end, end).last
        self._name(condition, "degraded", DEGRADED[self._kind])
        self._name(condition, "missing", "the vendor has nothing of these days")
        kept = [day for day in days if str(day["date"]) < end.isoformat()]
        return kept, Span(wanted.start, end)

    def _name(self, condition: dict[str, str], kind: str, what: str) -> None:
        days = sorted(
            day
            for day, found in condition.items()
            if found == kind and dt.date.fromisoformat(day).weekday() < 5
        )
        if days:
            more = f" and {len(days) - _NAMED} more" if len(days) > _NAMED else ""
            logger.warning(
                "Databento marks %s%s as %s: %s", ", ".join(days[:_NAMED]), more, kind, what
            )

    def _with_bars(self, vendor: Vendor, pulls: Sequence[Pull]) -> list[Pull]:
        """Files to be; a few days without a bar wait for those after them."""
        return [
            pull
            for pull in by_month(pulls)
            if pull.span.days >= SHORT_DAYS or vendor.records(pull) > 0
        ]

    def _recover(self, vendor: Vendor) -> int:
        """Take files that an earlier run had pulled and not named yet; returns their number."""
        count = 0
        for part in self.folder.parts():
            try:
                pull, records = inspect(part, self._roots, self._kind)
                whole = records >= vendor.records(pull)
            except DamagedFileError:
                whole = False
            except SourceError as error:
                raise _kept(part, error) from error
            if not whole:
                part.unlink()
                continue
            taken = self.folder.take(part, file_name(pull, self.folder.names()))
            self._report(f"kept {taken.name}, which an earlier run had pulled")
            count += 1
        return count

    def _pull(self, vendor: Vendor, pull: Pull, budget: _Budget, place: str) -> None:
        """Pull one file."""
        name = file_name(pull, self.folder.names())
        part = self.folder.part(name)
        expected = vendor.records(pull)
        before, problem = -1, ""
        for attempt in range(TRIES):
            if attempt:
                budget.pay_again(vendor, pull, problem)
            try:
                vendor.fetch(pull, part)
                found = check(part, pull)
            except (BrokenError, DamagedFileError) as error:
                problem = str(error)
                continue
            except SourceError as error:
                if not part.exists():
                    raise
                raise _kept(part, error) from error
            # An answer that is as short twice is what the vendor has, whatever it counts.
            if found >= expected or found == before:
                break
            before, problem = found, f"it holds {found:,} of {expected:,} bars"
        else:
            part.unlink(missing_ok=True)
            raise SourceError(
                f"{describe(pull)} did not arrive whole in {TRIES} tries, at last: {problem}. Run "
                "the same command again later; what was pulled is kept."
            )
        if found < expected:
            logger.warning("%s holds %d bars, the vendor counts %d", name, found, expected)
        self.folder.take(part, name)
        self._report(f"pulled {name}: {found:,} bars ({place})")


def _kept(part: Path, error: SourceError) -> SourceError:
    """The same error, and what to do to ask anew for what is paid for."""
    return SourceError(
        f"{error} It is kept and not asked for again; once {part.name} is removed, it is (and paid "
        "for)."
    )


def cost_table(quotes: Sequence[Quote]) -> list[str]:
    """Lines of a table of what pulls cost, with the sum."""
    head = ("roots", "from", "to", "files", "bars", "size", "USD")
    rows = [
        (
            "+".join(q.pull.roots if q.pull.kind == "continuous" else q.pull.symbols),
            q.pull.span.start.isoformat(),
            q.pull.span.last.isoformat(),
            f"{len(by_month([q.pull])):,}",
            f"{q.records:,}",
            _megabytes(q.size),
            f"{q.cost_usd:,.4f}",
        )
        for q in quotes
    ]
    files = sum(len(by_month([q.pull])) for q in quotes)
    bars, size = sum(q.records for q in quotes), sum(q.size for q in quotes)
    cost = sum(q.cost_usd for q in quotes)
    total = ("in all", "", "", f"{files:,}", f"{bars:,}", _megabytes(size), f"{cost:,.4f}")
    table = [head, *rows, total]
    widths = [max(len(row[i]) for row in table) for i in range(len(head))]
    return [
        "  ".join(
            cell.ljust(width) if i < 3 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.2f} MB"
