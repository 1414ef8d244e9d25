"""Which market rows come from, as parameters that can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from soyoil.base.handover import parameter_differences
from soyoil.sources.base import SourceConfig

ROOT_KEYS: Final = ("source.kind", "source.synthetic", "source.table", "source.columns")
"""What decides the bars of one root; the other roots and the target do not."""


def market_identity(source: SourceConfig, target: str) -> dict[str, Any]:
    """Parameters that decide the rows of the matrix.

    Files are no part of it: they may be moved, and what was read from them is in the warehouse.

    Parameters
    ----------
    source
        Where bars come from.
    target
        Root that is forecast.

    Returns
    -------
    dict
        Values by dotted parameter; options of the generator, and table and columns, only if the
        bars come from there.
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
    return identity


def root_identity(identity: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a `market_identity` that decides the bars of each root."""
    return {key: value for key, value in identity.items() if key in ROOT_KEYS}


def identity_differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """In what rows come from another market than that of this run; none if it is not known."""
    return parameter_differences(then, now) if then else []
