"""Shapley values: a change split over its causes, whatever the order of the steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from math import factorial

Coalition = frozenset[str]
"""Causes that are taken from B; the others are those of A."""


def coalitions(causes: Sequence[str]) -> Iterator[Coalition]:
    """All subsets of some causes, the smallest first: 2^k of them."""
    for size in range(len(causes) + 1):
        yield from (frozenset(chosen) for chosen in combinations(causes, size))


def shapley(causes: Sequence[str], values: Mapping[Coalition, float]) -> dict[str, Fraction]:
    """Part of each cause in ``values[all] - values[none]``.

    The part is the mean, over all orders in which the causes can be changed one by one, of what
    changing this one does (Shapley 1953, A value for n-person games). In fractions, so that the
    parts add up to the whole exactly, and one that never changes anything is exactly zero.

    Parameters
    ----------
    causes
        Names.
    values
        Score by coalition, for all 2^k of them; finite.

    Examples
    --------
    >>> nothing, both = frozenset(), frozenset({"data", "seed"})
    >>> values = {nothing: 1.0, frozenset({"data"}): 2.0, frozenset({"seed"}): 1.0, both: 4.0}
    >>> {name: float(part) for name, part in shapley(("data", "seed"), values).items()}
    {'data': 2.0, 'seed': 1.0}
    """
    exact = {coalition: Fraction(value) for coalition, value in values.items()}
    k = len(causes)
    parts = {}
    for cause in causes:
        others = [name for name in causes if name != cause]
        parts[cause] = sum(
            (
                Fraction(factorial(len(before)) * factorial(k - len(before) - 1), factorial(k))
                * (exact[before | {cause}] - exact[before])
                for before in coalitions(others)
            ),
            Fraction(0),
        )
    return parts
