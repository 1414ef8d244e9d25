"""Errors that a user can act on.

Every message says what was wrong, where, and what to do. The command line prints the
message of a `SoyoilError` alone, without a traceback; anything else is a bug in soyoil.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from typing import Final

from soyoil.base.redact import redact


class SoyoilError(Exception):
    """Base of all errors a user can mend; its text shows no secret."""

    def __str__(self) -> str:
        """Message, redacted: it may quote a value or the message of a library."""
        return redact(super().__str__())


class ConfigError(SoyoilError):
    """A parameter key or value is not one that soyoil knows."""


class SourceError(SoyoilError):
    """A data source cannot be read as what it claims to be."""


class ContractError(SoyoilError):
    """Rows do not satisfy the contract of their warehouse table."""


class WarehouseError(SoyoilError):
    """The warehouse cannot do what was asked."""


class MissingTableError(WarehouseError):
    """The warehouse has no such table yet."""


class WarehouseBusyError(WarehouseError):
    """Another process holds the warehouse."""


class TrackingError(SoyoilError):
    """The tracking store cannot be used, or has failed."""


class RegimeError(SoyoilError):
    """The regime table is not a gap-free, overlap-free partition of time."""


class SplitError(SoyoilError):
    """A split plan leaves nothing to train or score, or would leak."""


class AuditError(SoyoilError):
    """The warehouse has a defect that is severe enough to fail a run."""


class ModelError(SoyoilError):
    """A model cannot be fitted or returned something that is no forecast."""


def soyoil_cause(error: BaseException) -> SoyoilError | None:
    """The `SoyoilError` behind another error: Kedro wraps what a dataset raises.

    Parameters
    ----------
    error
        Usually Kedro's ``DatasetError``.

    Returns
    -------
    SoyoilError | None
        The nearest `SoyoilError` along ``__cause__``, None if there is none. What was being handled
        when a programming error happened (``__context__``) is not its cause.
    """
    return next((e for e in _causes(error) if isinstance(e, SoyoilError)), None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        yield current
        seen.add(id(current))
        current = current.__cause__


_MACHINE: Final = {
    errno.ENOSPC: "The disk is full: make room",
    errno.EDQUOT: "Your disk quota is used up: make room",
    errno.EROFS: "The file system is read-only: make it writable or use another place",
    errno.EACCES: "Permission denied: give yourself access",
    errno.EPERM: "Not permitted: give yourself access",
    errno.EMFILE: "Too many open files: raise the limit with `ulimit -n`",
}
"""Causes outside the program that its user can mend, and how."""
_DATASET: Final = {
    errno.ENOENT: "A file is missing: run the pipeline that makes it first, without --nodes or "
    "--from-nodes",
    errno.EISDIR: "A folder stands in the place of a file: move it away",
    errno.ENOTDIR: "A file stands in the place of a folder: move it away",
}
"""The same, of a dataset; elsewhere a wrong path is a bug."""
# Of a library's reader, which may fail on damaged bytes with any exception at all.
_READING: Final = re.compile(
    r"Failed while loading data from dataset kedro_datasets\.[^(]*\(filepath=\w+\('(?P<path>[^']+)'"
)
_LOADING: Final = re.compile(r"(?P<name>\S+): Failed while loading data from dataset ")
BUG: Final = (
    "This is a bug in soyoil, not a mistake in your input. Please report it with the lines above."
)


def readable(error: BaseException) -> str | None:
    """One message for an error that a user can mend.

    Parameters
    ----------
    error
        What came out of a run.

    Returns
    -------
    str | None
        The message, without secrets; None if the error is a programming error.
    """
    known = soyoil_cause(error)
    if known is not None:
        return str(known)
    remedies, unreadable = _MACHINE, None
    for cause in _causes(error):
        # By name: neither Kedro nor the configuration's library is known here.
        if type(cause).__name__ == "DatasetError":
            remedies = _MACHINE | _DATASET
            unreadable = unreadable or _READING.search(str(cause))
        if isinstance(cause, OSError) and cause.errno in remedies:
            place = f" ({cause.filename})" if cause.filename else ""
            return redact(f"{remedies[cause.errno]}{place}, then run the same command again.")
        if any(c.__name__ in _CONFIGURATION for c in type(cause).__mro__):
            return redact(f"The configuration in conf/ cannot be read{_key(cause)}: {_said(cause)}")
    if unreadable:
        last = list(_causes(error))[-1]
        return redact(
            f"{unreadable['path']} cannot be read as what it is taken for, so it is damaged or "
            f"another file ({_said(last) or type(last).__name__}). Make it anew."
        )
    return None


def dataset_of(error: BaseException) -> str | None:
    """Name of the dataset that could not be loaded, None if that was not the trouble."""
    found = (_LOADING.match(str(e)) for e in _causes(error) if type(e).__name__ == "DatasetError")
    return next((match["name"] for match in found if match), None)


_CONFIGURATION: Final = ("OmegaConfBaseException", "MissingConfigException", "YAMLError")


def _key(error: BaseException) -> str:
    key = getattr(error, "full_key", None)
    return f" at {key}" if key else ""


def _said(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "")
