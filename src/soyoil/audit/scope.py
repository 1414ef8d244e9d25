"""What is looked at, and which of it is soyoil's own.

soyoil's tables are those that bear its stamp. A table that merely has the name of a contract is
the user's: it is described, never claimed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Final

from soyoil.contracts.contract import TableContract
from soyoil.contracts.identifiers import parts_of
from soyoil.warehouse.live import Inspector, LiveTable, LiveWarehouse, in_spelling_of

SESSIONS: Final = "market_data.soyoil_futures_sessions"
"""Session bars as soyoil writes them."""
BARS: Final = "market_data.databento_futures_ohlcv_1d"
"""Bars of a user's own, as ``source.kind=warehouse`` reads them unless it is told another table."""
REGIMES: Final = "training.regime_weights"


@dataclass(frozen=True)
class Scope:
    """A warehouse and the contracts of the tables that soyoil keeps in it.

    Attributes
    ----------
    live
        Tables by the names they have there; those that soyoil wrote for another ``source.kind``
        are left out.
    contracts
        By the same names: with the prefix of the connection.
    """

    live: LiveWarehouse
    contracts: Mapping[str, TableContract]


ALL: Final = ("*",)


def look(
    inspector: Inspector,
    contracts: Mapping[str, TableContract],
    datasets: Sequence[str] = ALL,
) -> Scope:
    """Inspect a warehouse.

    Parameters
    ----------
    inspector
        The warehouse; nothing is changed.
    contracts
        Contracts by ``dataset.table`` without prefix.
    datasets
        Patterns of the datasets that are looked at beside soyoil's own.

    Raises
    ------
    WarehouseError
        The warehouse cannot be inspected.
    """
    live = in_spelling_of(inspector.inspect(), contracts)
    prefix = live.own_prefix
    own = {prefix + name.split(".")[0] for name in contracts}
    seen = [n for n in live.datasets if n in own or any(fnmatchcase(n, p) for p in datasets)]
    tables = {
        name: table
        for name, table in live.tables.items()
        if table.dataset in seen and (name.startswith(prefix) or table.contract_version is None)
    }
    unseen = tuple(n for n in live.unseen if parts_of(n)[0] in seen)
    live = replace(live, datasets=tuple(seen), tables=tables, unseen=unseen)
    if not prefix:
        return Scope(live, contracts)
    named = {prefix + name: called(prefix + name, of) for name, of in contracts.items()}
    return Scope(live, named)


def called(name: str, contract: TableContract) -> TableContract:
    """The same contract for a table of another name; its content hash stays."""
    found = contract.model_copy(update={"name": name})
    found.__dict__["content_hash"] = contract.content_hash
    return found


def is_ours(table: LiveTable) -> bool:
    """Whether soyoil wrote it."""
    return table.contract_version is not None


def namesakes(
    live: LiveWarehouse, contracts: Mapping[str, TableContract]
) -> dict[str, TableContract]:
    """Contracts by the name of a table that soyoil did not write and that is called like one.

    Parameters
    ----------
    live
        The warehouse.
    contracts
        By the names of soyoil's own tables.
    """
    prefix = live.own_prefix
    found = {}
    for name, contract in contracts.items():
        for other in dict.fromkeys((name, name.removeprefix(prefix))):
            table = live.tables.get(other)
            if table is not None and table.kind == "table" and not is_ours(table):
                found[other] = contract if other == name else called(other, contract)
    return found


def are_own_bars(table: LiveTable) -> bool:
    """Whether a table may be the user's bars, which stay as they are whatever their form."""
    return table.name == BARS and not is_ours(table)


def has_key(table: LiveTable, contract: TableContract) -> bool:
    """Whether a table has the key columns of a contract, so that its rows can be read by it."""
    return set(contract.key) <= {name.split(".")[0] for name in table.flat_columns()}


def without_prefix(name: str, live: LiveWarehouse) -> str:
    """Name as the contracts have it."""
    return name.removeprefix(live.own_prefix)
