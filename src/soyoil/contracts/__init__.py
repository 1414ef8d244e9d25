"""Table contracts: what a table holds, in which types and units, and how rows are checked."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.contracts.contract import (
        Column,
        Partition,
        TableContract,
        load_contract,
        load_contracts,
    )
    from soyoil.contracts.structs import flatten
    from soyoil.contracts.validation import validate
else:
    __getattr__ = lazy_names(__name__)

__all__ = [
    "Column", "Partition", "TableContract", "flatten", "load_contract", "load_contracts",
    "validate",
]  # fmt: skip
