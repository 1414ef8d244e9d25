"""Whether everything is to run, whatever is there already."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from soyoil.base.errors import ConfigError

VARIABLE: Final = "SOYOIL_FORCE"
"""Environment variable that does what ``--force`` does."""
_VALUES: Final = {"": False, "0": False, "1": True}

_forced: ContextVar[bool] = ContextVar("forced", default=False)


@contextmanager
def forced(wanted: bool) -> Iterator[None]:
    """Run everything inside the block, if that is wanted."""
    token = _forced.set(wanted or _forced.get())
    try:
        yield
    finally:
        _forced.reset(token)


def is_forced() -> bool:
    """Whether everything is to run.

    Raises
    ------
    ConfigError
        The environment variable is neither 0 nor 1.
    """
    value = os.environ.get(VARIABLE, "")
    if value not in _VALUES:
        raise ConfigError(
            f"{VARIABLE}={value!r}: 1 runs everything, 0 (or none) only what changed."
        )
    return _forced.get() or _VALUES[value]
