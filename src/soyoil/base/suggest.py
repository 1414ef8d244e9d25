"""What a name that is not known was probably meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], *, n: int = 1, cutoff: float = 0.4) -> list[str]:
    """Known names that resemble a name, the nearest first.

    Parameters
    ----------
    name
        As it was given.
    known
        What it could have been.
    n
        Most names.
    cutoff
        Least resemblance, 0 to 1.

    Examples
    --------
    >>> nearest("lightgbn", ["lightgbm", "xgboost"])
    ['lightgbm']
    """
    return difflib.get_close_matches(name, list(known), n=n, cutoff=cutoff)


def did_you_mean(name: str, known: Iterable[str], *, cutoff: float = 0.4) -> str:
    """Sentence with the nearest known name, a space before it; empty if none is near.

    Examples
    --------
    >>> did_you_mean("lightgbn", ["lightgbm", "xgboost"])
    " Did you mean 'lightgbm'?"
    """
    near = nearest(name, known, cutoff=cutoff)
    return f" Did you mean {near[0]!r}?" if near else ""
