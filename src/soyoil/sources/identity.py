"""Which market rows come from, as parameters that can be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from soyoil.base.handover import parameter_differences, refusal, text_hash
from soyoil.sources.base import SourceConfig
from soyoil.warehouse.origins import ORIGINS

REMEDY: Final = (
    "Run the stages before it with the parameters of this run (the whole chain: kedro run "
    "--pipeline=train), give this run the parameters that it was made with, or its own data "
    "folder (SOYOIL_DATA)."
)

ROOT_KEYS: Final = ("source.kind", "source.synthetic", "source.table", "source.columns")
"""What decides the bars of one root; the other roots and the target do not."""


OUTSIDE: Final = "external"
GROUPS: Final = "features.groups"


def market_identity(
    source: SourceConfig,
    target: str,
    outside: Sequence[str] = (),
    groups: Sequence[str] | None = None,
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
        Outside sources that are on, twins among them as such.
    groups
        Groups of features that are computed; None for all.

    Returns
    -------
    dict
        Values by dotted parameter; options of the generator, and table and columns, only if the
        bars come from there, outside sources only if some are on, and groups only if some are off.
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
    if groups is not None:
        identity[GROUPS] = "+".join(sorted(groups))
    return identity


def root_identity(identity: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a `market_identity` that decides the bars of each root."""
    return {key: value for key, value in identity.items() if key in ROOT_KEYS}


def name_of_market(identity: Mapping[str, Any], provenance: str) -> str:
    """Where bars are from, in a word; an invented market goes on under its name.

    Parameters
    ----------
    identity
        A `market_identity`; empty for rows of an earlier version.
    provenance
        Stands for the kind of the source where that is not known.
    """
    root = root_identity(identity)
    kind = str(root.get("source.kind", provenance))
    options = dict(root.get("source.synthetic", {}))
    if not options:
        return kind
    # A later end adds sessions to the same market.
    options.pop("end", None)
    return f"{kind}-{text_hash(options)[:12]}"


def identity_differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """In what rows come from another market than that of this run; none if it is not known."""
    if not then:
        return []
    problems = parameter_differences(then, now)
    # A key that only the rows have is none of this run's, but a source of theirs is missing here.
    if OUTSIDE in then and OUTSIDE not in now:
        problems.append(f"it was made with the outside sources {then[OUTSIDE]}, this run has none")
    if GROUPS in then and GROUPS not in now:
        problems.append(f"it has the groups {then[GROUPS]} of features, this run has all")
    return problems


def check_market(
    name: str, frame: pd.DataFrame, symbols: Sequence[str], identity: Mapping[str, Any]
) -> None:
    """Refuse rows of another market than that of this run.

    Parameters
    ----------
    name
        Dataset of the rows, for the message.
    frame
        Rows with what each root was made from in ``attrs``; roots without a mark are taken.
    symbols
        Roots that matter.
    identity
        As `market_identity` or `root_identity` gives it for this run.

    Raises
    ------
    HandoverError
        Naming the parameters that differ.
    """
    origins = frame.attrs.get(ORIGINS) or {}
    for symbol in symbols:
        problems = identity_differences(origins.get(symbol) or {}, identity)
        if problems:
            raise refusal(f"{name} of {symbol}", problems, REMEDY)
