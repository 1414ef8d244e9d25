"""Failures of fits that the user can mend, told from bugs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from soyoil.base.errors import ModelError, SoyoilError
from soyoil.models.engines import libraries

_DEAD: Final = "TerminatedWorkerError"
"""What joblib raises if a worker is gone; by name, as it lies in a private module."""


@contextmanager
def told_apart(what: str) -> Iterator[None]:
    """Turn failures that the user can mend into a `ModelError`; let bugs through.

    Parameters
    ----------
    what
        What is done inside, for the messages: ``lightgbm, fold 3``.

    Raises
    ------
    ModelError
        Memory ran out, a worker process is gone, or the engine's library refuses its data or
        parameters.
    """
    try:
        yield
    except SoyoilError:
        raise
    except Exception as error:
        message = _message(error, what)
        if message is None:
            error.add_note(f"It happened in {what}.")
            raise
        raise ModelError(message) from error


def _message(error: Exception, what: str) -> str | None:
    said = " ".join(str(error).split())
    if type(error).__name__ == _DEAD:
        codes = re.search(r"\{.*?\}", said)
        return (
            f"{what}: a worker process ended before its work was done "
            f"({codes.group() if codes else said}), mostly because memory ran out. Run with fewer "
            "workers (fit.workers=1) or on a larger machine."
        )
    if isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__:
        return (
            f"{what}: memory ran out ({said or type(error).__name__}). Run with fewer workers "
            "(fit.workers=1), a smaller model, or on a larger machine."
        )
    # A TypeError or KeyError out of such a library is a wrong call of ours.
    if type(error).__module__.partition(".")[0] in libraries():
        return (
            f"{what}: the engine refuses its parameters or its data: {said}. Look at the "
            "parameters of that engine."
        )
    return None
