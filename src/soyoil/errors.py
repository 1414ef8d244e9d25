"""Errors that a user can act on.

Every message says what was wrong, where, and what to do. The command line prints the
message of a `SoyoilError` alone, without a traceback; anything else is a bug in soyoil.
"""

from soyoil.redact import redact


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
    The nearest `SoyoilError` along ``__cause__`` and ``__context__``, None if there is none.
    """
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        if isinstance(current, SoyoilError):
            return current
        seen.add(id(current))
        current = current.__cause__ or current.__context__
    return None
