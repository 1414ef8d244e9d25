"""Rows that are picked by values of a key or cluster column."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping

from soyoil.base.errors import ContractError
from soyoil.contracts.contract import TableContract
from soyoil.warehouse.backend import Where
from soyoil.warehouse.digest import Digests, group_columns


def check_where(contract: TableContract, where: Where) -> None:
    """Refuse a choice of rows that no warehouse finds without looking at every row.

    Raises
    ------
    ContractError
        A column that is no STRING of key or cluster, or none of its values.
    """
    kinds = {column.name: column.type for column in contract.columns}
    for name, values in where.items():
        if name not in (*contract.key, *contract.cluster) or kinds.get(name) != "STRING":
            raise ContractError(
                f"rows of {contract.name} cannot be picked by {name!r}: only by texts of its key "
                f"or cluster, {', '.join(dict.fromkeys((*contract.key, *contract.cluster)))}"
            )
        if isinstance(values, str) or not values:
            raise ContractError(
                f"rows of {contract.name} are picked by {name}={values!r}: give a list of values"
            )


def condition(
    where: Where | None, quote: Callable[[str], str], literal: Callable[[str], str]
) -> str:
    """SQL condition on the rows, empty for all.

    Parameters
    ----------
    where
        The choice.
    quote, literal
        Quote a name and a text in the dialect of the backend.
    """
    return " AND ".join(
        f"{quote(name)} IN ({', '.join(map(literal, dict.fromkeys(values)))})"
        for name, values in (where or {}).items()
    )


def takes_whole_groups(contract: TableContract, where: Where | None) -> bool:
    """Whether a choice takes all or no rows of each group of digests, which can then be checked."""
    return not where or set(where) <= set(group_columns(contract))


def groups_taken(
    contract: TableContract, stored: Digests, where: Where | None
) -> frozenset[str] | None:
    """Groups of digests that a choice takes, None for all."""
    if not where:
        return None
    return frozenset(name for name in stored if _taken(group_values(contract, name), where))


def group_values(contract: TableContract, group: str) -> dict[str, str]:
    """Values by column of a group of digests."""
    columns = group_columns(contract)
    if not columns:
        return {}
    parts = [group] if len(columns) == 1 else json.loads(group)
    return dict(zip(columns, parts, strict=True))


def _taken(values: Mapping[str, str], where: Mapping[str, Collection[str]]) -> bool:
    return all(values[name] in wanted for name, wanted in where.items())
