"""Table contracts: the only place where a warehouse column is declared.

A contract is one YAML file in ``contracts/``. The Arrow schema, the DuckDB table, the
validation at write and the feature catalogue are derived from it.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Final, Literal

import pyarrow as pa
import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from soyoil.base.config import Config
from soyoil.base.errors import ContractError
from soyoil.base.suggest import nearest

ColumnType = Literal["STRING", "INT64", "FLOAT64", "BOOL", "DATE", "TIMESTAMP", "STRUCT"]
Role = Literal["key", "feature", "label", "slice", "meta"]
WriteMode = Literal["upsert", "sync", "replace"]

ARROW_TYPES: Final[dict[str, pa.DataType]] = {
    "STRING": pa.string(),
    "INT64": pa.int64(),
    "FLOAT64": pa.float64(),
    "BOOL": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us", tz="UTC"),
}
DUCKDB_TYPES: Final[dict[str, str]] = {
    "STRING": "VARCHAR",
    "INT64": "BIGINT",
    "FLOAT64": "DOUBLE",
    "BOOL": "BOOLEAN",
    "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMPTZ",
}
NUMERIC: Final = ("INT64", "FLOAT64")
MAX_CLUSTER: Final = 4
PROVENANCE: Final = "provenance"
BANNED_PREFIX: Final = "yahoo_"

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TABLE_NAME: Final = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
_TARGET: Final = re.compile(r"target_(\d+[dwmy])(?:_|$)", re.IGNORECASE)
_TABLE_HORIZON: Final = re.compile(r"_(\d+[dwmy])$")


def quote(identifier: str) -> str:
    """Quote an SQL identifier for DuckDB."""
    return '"' + identifier.replace('"', '""') + '"'


class Column(Config):
    """One column, or one field of a STRUCT.

    Attributes
    ----------
    minimum, maximum
        Plausible range, inclusive, of a numeric column in its `unit`.
    exclusive_minimum
        Values must be greater than this.
    allowed
        The only values a STRING column may hold.
    role
        What the column is for; see `TableContract.roles` for the default.
    source, known_when
        Where values come from and when they can be known, in words; None: as the STRUCT or the
        table around it says.
    """

    name: str
    type: ColumnType
    description: str = Field(min_length=1)
    unit: str | None = None
    nullable: bool = True
    fields: tuple[Column, ...] = ()
    minimum: float | None = None
    exclusive_minimum: float | None = None
    maximum: float | None = None
    allowed: tuple[str, ...] | None = None
    role: Role | None = None
    source: str | None = None
    known_when: str | None = None

    @field_validator("name")
    @classmethod
    def _check_name(cls, value: str) -> str:
        if not _IDENTIFIER.fullmatch(value):
            raise ValueError(f"{value!r} is not a column name: letters, digits and _ only")
        if value.lower().startswith(BANNED_PREFIX):
            raise ValueError(f"{value!r}: columns of this vendor ({BANNED_PREFIX}) are banned")
        return value

    @model_validator(mode="after")
    def _check(self) -> Column:
        if (self.type == "STRUCT") != bool(self.fields):
            raise ValueError(f"column {self.name}: a STRUCT, and only a STRUCT, has fields")
        bounds = (self.minimum, self.exclusive_minimum, self.maximum)
        if any(b is not None for b in bounds) and self.type not in NUMERIC:
            raise ValueError(f"column {self.name}: a range needs INT64 or FLOAT64")
        if self.allowed is not None and self.type != "STRING":
            raise ValueError(f"column {self.name}: allowed values need STRING")
        if self.type == "STRUCT" and self.role is not None:
            raise ValueError(f"column {self.name}: a role belongs on the fields of a STRUCT")
        _refuse_repeated((f.name for f in self.fields), f"STRUCT {self.name}")
        return self

    def arrow_type(self) -> pa.DataType:
        """Arrow type, with the fields of a STRUCT in contract order."""
        if self.type == "STRUCT":
            return pa.struct([field.arrow_field() for field in self.fields])
        return ARROW_TYPES[self.type]

    def arrow_field(self) -> pa.Field:
        """Arrow field with the nullability of the contract."""
        return pa.field(self.name, self.arrow_type(), nullable=self.nullable)


class Partition(Config):
    """Partitioning of a table in warehouses that have partitions."""

    column: str
    granularity: Literal["MONTH", "DAY"]


class TableContract(Config):
    """What a warehouse table holds and how it is written.

    Attributes
    ----------
    name
        ``dataset.table``.
    version
        Raised whenever the meaning or the shape of a column changes.
    write_mode
        ``upsert``: insert and update by key. ``sync``: the same, and rows whose `sync_by`
        values occur in the batch but whose key does not are deleted. ``replace``: the batch
        is the whole table.
    sync_provenance
        Provenances that an ``upsert`` treats as ``sync``: what a generator makes, it makes anew
        as a whole, and rows of other options must not stay behind.
    single_provenance
        Refuse a write whose ``provenance`` differs from that of the rows already there.
    source, known_when
        Where rows come from and when they can be known, in words.
    """

    name: str
    description: str = Field(min_length=1)
    source: str | None = None
    known_when: str | None = None
    version: int = Field(ge=1)
    write_mode: WriteMode
    sync_by: tuple[str, ...] = ()
    sync_provenance: tuple[str, ...] = ()
    key: tuple[str, ...] = Field(min_length=1)
    partition: Partition | None = None
    cluster: tuple[str, ...] = Field(default=(), max_length=MAX_CLUSTER)
    known_at_column: str | None = None
    single_provenance: bool = False
    columns: tuple[Column, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> TableContract:
        if not _TABLE_NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is not a table name of the form dataset.table")
        _refuse_repeated((c.name for c in self.columns), f"table {self.name}")
        for name in self.key:
            column = self._top_level(name, "key")
            if column.nullable or column.type in ("FLOAT64", "STRUCT"):
                raise ValueError(f"key column {name} must be nullable: false and no {column.type}")
        for name in self.cluster:
            if self._top_level(name, "cluster").type in ("FLOAT64", "STRUCT"):
                raise ValueError(f"cluster column {name} may be neither FLOAT64 nor STRUCT")
        self._check_times()
        self._check_write_mode()
        self._check_targets()
        return self

    def _top_level(self, name: str, use: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise ValueError(f"{use} names {name!r}, which is no top-level column")

    def _check_times(self) -> None:
        if self.partition is not None:
            kind = self._top_level(self.partition.column, "partition").type
            if kind not in ("DATE", "TIMESTAMP"):
                raise ValueError(f"partition column {self.partition.column} is {kind}, not a time")
        if self.known_at_column is not None:
            kind = self._top_level(self.known_at_column, "known_at_column").type
            if kind not in ("DATE", "TIMESTAMP"):
                raise ValueError(f"known_at_column {self.known_at_column} is {kind}, not a time")

    def _check_write_mode(self) -> None:
        if self.sync_provenance and not (self.write_mode == "upsert" and self.single_provenance):
            raise ValueError("sync_provenance needs write_mode upsert and single_provenance")
        if (self.write_mode == "sync" or bool(self.sync_provenance)) != bool(self.sync_by):
            raise ValueError("write_mode sync or sync_provenance, and only they, need sync_by")
        if not set(self.sync_by) <= set(self.key):
            raise ValueError("sync_by must be part of the key")
        if self.single_provenance:
            column = self._top_level(PROVENANCE, "single_provenance")
            if column.type != "STRING" or column.nullable:
                raise ValueError(f"{PROVENANCE} must be STRING and nullable: false")

    def _check_targets(self) -> None:
        for dotted in self.flat_columns():
            problem = foreign_target(dotted, self.name)
            if problem:
                raise ValueError(problem)

    def flat_columns(self) -> dict[str, Column]:
        """Leaf columns by dotted name (``market_data.close``), in contract order."""
        return dict(_leaves(self.columns, ""))

    def roles(self) -> dict[str, Role]:
        """Role of every leaf column by dotted name.

        A column without a role of its own is ``key`` if it is in the key, ``feature`` inside
        a STRUCT and ``meta`` at the top level.
        """
        return {
            dotted: column.role
            or ("key" if dotted in self.key else "feature" if "." in dotted else "meta")
            for dotted, column in self.flat_columns().items()
        }

    def feature_columns(self) -> tuple[str, ...]:
        """Dotted names of the columns a model may see, in contract order."""
        return tuple(name for name, role in self.roles().items() if role == "feature")

    def arrow_schema(self) -> pa.Schema:
        """Arrow schema: timestamps in microseconds UTC, dates as date32, nested structs."""
        return pa.schema([column.arrow_field() for column in self.columns])

    @functools.cached_property
    def content_hash(self) -> str:
        """SHA-256 (hex) over everything the contract says."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()


def target_horizon(dotted: str) -> str | None:
    """Horizon of a target column (``target_1m_log_return``), None if it is no target.

    Parameters
    ----------
    dotted
        Column name; any of its segments may be the target.
    """
    match = next((m for part in dotted.split(".") if (m := _TARGET.match(part))), None)
    return match.group(1).lower() if match else None


def foreign_target(dotted: str, table: str) -> str | None:
    """Say what is wrong with a target column that does not belong to a table.

    Parameters
    ----------
    dotted
        Column name; any of its segments may be the target.
    table
        Table name; a table of one horizon ends in ``_<horizon>``.

    Returns
    -------
    str | None
        A sentence, or None if the column is no target or a target of the table's horizon.
    """
    found = target_horizon(dotted)
    if found is None:
        return None
    own = _TABLE_HORIZON.search(table)
    if own is None:
        return f"{dotted} is a target, and {table} is a table of no horizon: it holds no targets"
    if own.group(1) != found:
        return f"{dotted} is a target of horizon {found}, but {table} is of {own.group(1)}"
    return None


def _leaves(columns: Iterable[Column], prefix: str) -> Iterator[tuple[str, Column]]:
    for column in columns:
        if column.type == "STRUCT":
            yield from _leaves(column.fields, f"{prefix}{column.name}.")
        else:
            yield f"{prefix}{column.name}", column


def _refuse_repeated(names: Iterable[str], where: str) -> None:
    """DuckDB and BigQuery do not tell names apart by case, so neither may a contract."""
    seen: dict[str, str] = {}
    for name in names:
        earlier = seen.setdefault(name.lower(), name)
        if earlier is not name:
            raise ValueError(f"{where}: {earlier} and {name} are the same name in SQL")


# libyaml reads the contracts, which every command needs, in a fifth of the time.
_SafeLoader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


class _StrictLoader(_SafeLoader):  # type: ignore[misc, valid-type]
    """YAML loader that refuses a key given twice, which YAML parsers overlook."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} is given twice", node.start_mark
                )
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return mapping


def parse_contract(text: str, source: str) -> TableContract:
    """Read one contract.

    Parameters
    ----------
    text
        YAML.
    source
        File name, for error messages; it must be ``<table name>.yml``.

    Raises
    ------
    ContractError
        Not YAML, an unknown key, or an inconsistent contract; names `source` and the key.
    """
    try:
        raw = yaml.load(text, Loader=_StrictLoader)
    except yaml.YAMLError as exc:
        raise ContractError(f"contract {source} is not valid YAML: {exc}") from exc
    try:
        contract = TableContract.model_validate(raw)
    except ValidationError as exc:
        problems = "; ".join(
            ".".join(str(part) for part in error["loc"]) + ": " + error["msg"]
            if error["loc"]
            else error["msg"]
            for error in exc.errors()
        )
        raise ContractError(f"contract {source}: {problems}. Correct the file.") from exc
    if source != f"{contract.name}.yml":
        raise ContractError(
            f"contract {source} describes {contract.name}: rename the file to {contract.name}.yml"
        )
    return contract


def _contract_files() -> list[Traversable]:
    folder = resources.files("soyoil.contracts")
    return sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".yml")),
        key=lambda entry: entry.name,
    )


@functools.cache
def _all_contracts() -> dict[str, TableContract]:
    parsed = (parse_contract(f.read_text(encoding="utf-8"), f.name) for f in _contract_files())
    return {contract.name: contract for contract in parsed}


def load_contracts() -> dict[str, TableContract]:
    """All packaged contracts by table name, in the order of their names.

    Raises
    ------
    ContractError
        A contract file is wrong; names the file and the key.
    """
    return dict(_all_contracts())


def load_contract(name: str) -> TableContract:
    """Contract of one table.

    Raises
    ------
    ContractError
        There is no such contract; names the nearest one, or all.
    """
    contracts = _all_contracts()
    if name not in contracts:
        near = nearest(name, contracts, cutoff=0.6)
        hint = f"did you mean {near[0]}?" if near else f"known tables: {', '.join(contracts)}"
        raise ContractError(f"no contract for the warehouse table {name!r}: {hint}")
    return contracts[name]
