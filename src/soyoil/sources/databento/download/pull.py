"""Pull the bars that are missing at ``source.path``, once their cost is known and allowed."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from soyoil.base.data_folder import locked
from soyoil.base.errors import SourceError
from soyoil.market.instruments import check_roots
from soyoil.sources.base import SourceConfig
from soyoil.sources.databento.download.client import BrokenError, Quote, Vendor
from soyoil.sources.databento.download.config import DownloadConfig
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
    """Pull what is missing at ``source.path``.

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
    folder = Folder.at(str(source.path))
    session = _Session(source, folder, report)
    if session.is_complete():
        report(f"Nothing is missing at {folder.path}.")
        return Download()
    if dry_run:
        return session.run(dry_run=True)
    with locked(folder.path, "download from Databento"):
        return session.run(dry_run=False)


class _Session:
    def __init__(self, source: SourceConfig, folder: Folder, report: Callable[[str], None]) -> None:
        self._config: DownloadConfig = source.download
        self._roots = tuple(sorted(source.symbols))
        self._folder = folder
        self._report = report
        self._spent = 0.0
        today = dt.datetime.now(dt.UTC).date()
        self._wanted = Span(self._config.start, min(self._config.end or today, today))

    def is_complete(self) -> bool:
        """Whether there is nothing to ask the vendor for."""
        waiting = Jobs(self._folder).open or self._folder.parts()
        return not waiting and not self._missing(self._wanted)

    def run(self, *, dry_run: bool) -> Download:
        jobs, vendor, files = Jobs(self._folder), Vendor(), 0
        if not dry_run:
            files += self._recover(vendor)
            jobs.settle(vendor)
            files += jobs.fetch(vendor, self._config.wait_minutes)
        days, wanted = self._settled(vendor, self._wanted)
        pulls = self._with_bars(vendor, without(self._missing(wanted), [j.pull for j in jobs.open]))
        if not pulls:
            self._report(f"Nothing more can be pulled into {self._folder.path} yet.")
            return Download(files=files)
        quotes = tuple(vendor.quote(pull) for pull in joined(pulls))
        for line in cost_table(quotes):
            self._report(line)
        if dry_run:
            return Download(quotes)
        self._refuse_above_cap(quotes)
        self._folder.add_conditions(days)
        if self._config.mode == "batch":
            for pull in joined(pulls):
                jobs.ask(vendor, pull)
            files += jobs.fetch(vendor, self._config.wait_minutes)
        else:
            for number, pull in enumerate(pulls, start=1):
                self._pull(vendor, pull, f"{number} of {len(pulls)}")
            files += len(pulls)
        return Download(quotes, files)

    def _missing(self, wanted: Span) -> list[Pull]:
        return missing(self._roots, wanted, self._folder.held(self._roots))

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
        self._name(condition, "degraded", "bars of these days are flagged")
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
        for part in self._folder.parts():
            try:
                pull, records = inspect(part, self._roots)
                whole = records >= vendor.records(pull)
            except DamagedFileError:
                whole = False
            except SourceError as error:
                raise _kept(part, error) from error
            if not whole:
                part.unlink()
                continue
            taken = self._folder.take(part, file_name(pull, self._folder.names()))
            self._report(f"kept {taken.name}, which an earlier run had pulled")
            count += 1
        return count

    def _refuse_above_cap(self, quotes: Sequence[Quote]) -> None:
        cost, cap = sum(quote.cost_usd for quote in quotes), self._config.max_cost_usd
        if cost > cap:
            raise SourceError(
                f"Pulling what is missing at {self._folder.path} costs {cost:,.4f} USD "
                f"({sum(q.records for q in quotes):,} bars, "
                f"{_megabytes(sum(q.size for q in quotes))}), and source.download.max_cost_usd is "
                f"{cap:,.2f}: nothing was pulled. Allow it with "
                f"--params=source.download.max_cost_usd={-(-cost // 1):.0f}, or ask for less with "
                "source.download.start, source.download.end or source.symbols."
            )
        self._spent = cost

    def _pull(self, vendor: Vendor, pull: Pull, place: str) -> None:
        """Pull one file."""
        name = file_name(pull, self._folder.names())
        part = self._folder.part(name)
        expected = vendor.records(pull)
        before, problem = -1, ""
        for attempt in range(TRIES):
            if attempt:
                self._pay_again(vendor, pull, problem)
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
        self._folder.take(part, name)
        self._report(f"pulled {name}: {found:,} bars ({place})")

    def _pay_again(self, vendor: Vendor, pull: Pull, problem: str) -> None:
        """Count what a repeated request costs, for the one that broke off may have been billed."""
        cost = vendor.cost(pull)
        cap = self._config.max_cost_usd
        if self._spent + cost > cap:
            raise SourceError(
                f"{describe(pull)} broke off ({problem}), and asking again for {cost:,.4f} USD "
                f"would bring this run above source.download.max_cost_usd={cap:,.2f}. Run the same "
                "command again; what was pulled is kept."
            )
        self._spent += cost
        logger.warning("%s broke off (%s); asking again", describe(pull), problem)


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
            "+".join(q.pull.roots),
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
