"""Which market rows come from, as parameters that can be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from soyoil.base.handover import parameter_differences
from soyoil.sources.base import SourceConfig

ROOT_KEYS: Final = ("source.kind", "source.synthetic", "source.table", "source.columns")
"""What decides the bars of one root; the other roots and the target do not."""


OUTSIDE: Final = "external"


def market_identity(
    source: SourceConfig, target: str, outside: Sequence[str] = ()
) -> dict[str, Any]:
    """Parameters that decide the rows of the matrix.

    Files are no part of it: they may be moved, and what was read from them is in the warehouse.

    Parameters
    ----------
    source
        Where bars come from.
    target
        Root that is forecast.
    outside
        Outside sources that are on.

    Returns
    -------
    dict
        Values by dotted parameter; options of the generator, and table and columns, only if the
        bars come from there, and outside sources only if some are on.
    """
    identity: dict[str, Any] = {
        "source.kind": source.kind,
        "source.symbols": "+".join(sorted(source.symbols)),
        "target.symbol": target,
    }
    if source.kind == "synthetic":
        identity["source.synthetic"] = source.synthetic.model_dump(mode="json")
    if source.kind == "warehouse":
        identity |= {"source.table": source.table, "source.columns": source.columns.given()}
    if outside:
        identity[OUTSIDE] = "+".join(outside)
    return identity


def root_identity(identity: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a `market_identity` that decides the bars of each root."""
    return {key: value for key, value in identity.items() if key in ROOT_KEYS}


def identity_differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """In what rows come from another market than that of this run; none if it is not known."""
    if not then:
        return []
    problems = parameter_differences(then, now)
    # A key that only the rows have is none of this run's, but a source of theirs is missing here.
    if OUTSIDE in then and OUTSIDE not in now:
        problems.append(f"it was made with the outside sources {then[OUTSIDE]}, this run has none")
    return problems
