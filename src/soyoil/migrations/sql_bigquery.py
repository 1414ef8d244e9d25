"""SQL of schema changes for BigQuery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from soyoil.base.errors import WarehouseError
from soyoil.contracts.contract import Column
from soyoil.contracts.identifiers import suffixed
from soyoil.migrations.sql import BUILT, ChangeSql, is_last, only_case
from soyoil.warehouse.bigquery.fields import ADD_FIELD, BY_THE_API, SCALARS, add_field
from soyoil.warehouse.bigquery.sql import MAX_JOB_PARTITIONS
from soyoil.warehouse.ddl import backtick, text_literal
from soyoil.warehouse.live import COPIES, INGESTION_TIME, BackendName, Extra, LiveColumn
from soyoil.warehouse.table_shape import Edit, Path, TableShape, stamp_text

# Years that a batch of daily partitions may span without more than MAX_JOB_PARTITIONS of them.
_BATCH_YEARS: Final = 10
_FIRST_YEAR: Final = 1900
_END_YEAR: Final = 2100


_JOINED: Final = ("ADD COLUMN", "DROP COLUMN", ADD_FIELD)
_KEPT: Final = ("primary key", "default", "comment", "option")
# Without them, rows that were protected are open to all.
_NEVER_LOST: Final = ("policy tags", "partition filter", "foreign key")


class BigQuerySql(ChangeSql):
    """GoogleSQL; every statement is a job, and structure knows no transactions."""

    backend: BackendName = "bigquery"
    transactional = False
    copies_extras = True

    def quoted(self, name: str) -> str:
        """See `ChangeSql.quoted`."""
        return backtick(name)

    def type_of(self, column: LiveColumn) -> str:
        """See `ChangeSql.type_of`."""
        kind = column.type
        if column.fields:
            inner = ", ".join(f"{self.quoted(f.name)} {self.type_of(f)}" for f in column.fields)
            kind = f"STRUCT<{inner}>"
        return f"ARRAY<{kind}>" if column.repeated else kind

    def struct(self, fields: list[tuple[str, str]]) -> str:
        """See `ChangeSql.struct`."""
        return "STRUCT(" + ", ".join(f"{v} AS {self.quoted(n)}" for n, v in fields) + ")"

    def cast(self, source: str, old: LiveColumn, new: LiveColumn) -> str:
        """See `ChangeSql.cast`."""
        return f"CAST({source} AS {self.type_of(new)})"

    def verify(self, condition: str, message: str) -> str:
        """See `ChangeSql.verify`."""
        return f"ASSERT {condition} AS {text_literal(message)}"

    def copy(self, name: str, copy: str) -> tuple[str, ...]:
        """See `ChangeSql.copy`."""
        there = self.table(copy)
        return (
            *self.create_dataset(COPIES),
            f"DROP SNAPSHOT TABLE IF EXISTS {there}",
            f"CREATE SNAPSHOT TABLE {there} CLONE {self.table(name)}",
        )

    def together(self, statements: tuple[str, ...]) -> tuple[str, ...]:
        """See `ChangeSql.together`: a script is one job, which goes on if the client dies."""
        return (";\n".join(statements),)

    def stamp(self, shape: TableShape) -> tuple[str, ...]:
        """See `ChangeSql.stamp`."""
        return (f"ALTER TABLE {self.table(shape.name)} SET {self._options(shape)}",)

    def _stamp_new(self, shape: TableShape) -> tuple[str, ...]:
        return ()

    def _options(self, shape: TableShape) -> str:
        contract = self._contracts.get(shape.name)
        # The stamp has the name of the contract, which knows no prefix.
        named = replace(shape, name=shape.name.removeprefix(self._live.own_prefix))
        text = "\n".join(
            part
            for part in (contract.description.strip() if contract else None, stamp_text(named))
            if part
        )
        return f"OPTIONS (description = {text_literal(text)})" if text else ""

    def _create(self, shape: TableShape, name: str) -> str:
        return self._create_with(shape, name, ())

    def _create_with(self, shape: TableShape, name: str, extras: Sequence[Extra]) -> str:
        contract = self._contracts.get(shape.name)
        described = {c.name: c for c in contract.columns} if contract else {}
        lines = [f"    {self._column(c, described.get(c.name), extras)}" for c in shape.columns]
        lines += [f"    {extra.sql}" for extra in extras if extra.kind == "primary key"]
        parts = [f"CREATE TABLE {self.table(name)} (\n" + ",\n".join(lines) + "\n)"]
        if shape.partition is not None or shape.other_partition:
            parts.append(f"PARTITION BY {self._partition(shape)}")
        if shape.cluster:
            parts.append(f"CLUSTER BY {', '.join(self.quoted(n) for n in shape.cluster)}")
        own = {e.kind: e.sql for e in extras if not e.columns}
        options = self._options(shape).removeprefix("OPTIONS (").removesuffix(")")
        if not options and "comment" in own:
            options = f"description = {own['comment']}"
        kept = [extra.sql for extra in extras if extra.kind == "option"]
        found = ", ".join((*([options] if options else []), *kept))
        return "\n".join((*parts, *([f"OPTIONS ({found})"] if found else [])))

    def _column(
        self, column: LiveColumn, described: Column | None, extras: Sequence[Extra] = ()
    ) -> str:
        own = {e.kind: e.sql for e in extras if e.columns == (column.name,)}
        default = f" DEFAULT {own['default']}" if "default" in own else ""
        required = "" if column.nullable else " NOT NULL"
        text = own.get("comment", "")
        if described:
            text = text_literal(" ".join(described.description.split()))
        options = f" OPTIONS (description = {text})" if text else ""
        return f"{self.quoted(column.name)} {self.type_of(column)}{default}{required}{options}"

    def _survivors(self, after: TableShape, renamed: Mapping[Path, str]) -> list[Extra]:
        names = {old: path[0] for path, old in renamed.items() if len(path) == 1}
        there = {column.name for column in after.columns}
        found = []
        for extra in self.extras(after.name):
            columns = tuple(names.get(name, name) for name in extra.columns)
            if extra.kind in _KEPT and there >= set(columns):
                sql = extra.sql
                if extra.kind == "primary key":
                    sql = f"PRIMARY KEY ({', '.join(map(self.quoted, columns))}) NOT ENFORCED"
                found.append(replace(extra, sql=sql, columns=columns))
        return found

    def _lost(
        self, before: TableShape, after: TableShape, renamed: Mapping[Path, str], *, rebuilt: bool
    ) -> tuple[str, ...]:
        if not rebuilt:
            return ()
        names = {old: path[0] for path, old in renamed.items() if len(path) == 1}
        there = {column.name for column in after.columns}
        stay = {"": True} | {
            old.name: names.get(old.name, old.name) in there for old in before.columns
        }
        return tuple(
            str(extra)
            for extra in self.extras(before.name)
            if (extra.kind not in _KEPT and all(stay[name] for name in extra.columns))
            or (extra.kind == "primary key" and not all(stay[name] for name in extra.columns))
        )

    def _partition(self, shape: TableShape) -> str:
        if shape.partition is None:
            other = str(shape.other_partition)
            unit = other.removeprefix(INGESTION_TIME)
            if unit == other:
                return other
            return "_PARTITIONDATE" if unit == "DAY" else f"TIMESTAMP_TRUNC(_PARTITIONTIME, {unit})"
        name, unit = shape.partition.column, shape.partition.granularity
        column = shape.find((name,))
        if column is not None and column.type == "TIMESTAMP":
            return f"TIMESTAMP_TRUNC({self.quoted(name)}, {unit})"
        return self.quoted(name) if unit == "DAY" else f"DATE_TRUNC({self.quoted(name)}, {unit})"

    def _in_place(self, shape: TableShape, edit: Edit) -> str | None:
        if edit.kind == "add-column" and len(edit.path) > 1:
            return self._add_field(shape, edit)
        # What partitions or clusters a table cannot be changed in place.
        if len(edit.path) != 1 or (shape.rests_on(edit.path) and edit.kind != "relax-column"):
            return None
        name = self.quoted(edit.path[0])
        table = f"ALTER TABLE {self.table(shape.name)}"
        column = edit.column
        match edit.kind:
            case "drop-column":
                return f"{table} DROP COLUMN {name}"
            case "relax-column":
                return f"{table} ALTER COLUMN {name} DROP NOT NULL"
            case "widen-column" if column is not None:
                return f"{table} ALTER COLUMN {name} SET DATA TYPE {self.type_of(column)}"
            case "add-column" if column is not None and is_last(shape, edit):
                return f"{table} ADD COLUMN {self._column(column, self._described(shape, edit))}"
            case "rename-column" if column is not None and not only_case(edit):
                return f"{table} RENAME COLUMN {name} TO {self.quoted(column.name)}"
            case _:
                return None

    def _add_field(self, shape: TableShape, edit: Edit) -> str | None:
        """Addition by the API, which puts a field at the end of its STRUCT."""
        parent = edit.apply(shape).find(edit.path[:-1])
        column = edit.column
        if parent is None or parent.repeated or column is None or column.repeated:
            return None
        if column.type not in SCALARS or parent.fields[-1].name != edit.path[-1]:
            return None
        return f"ALTER TABLE {self.table(shape.name)} {add_field(edit.path, column.type)}"

    def _around(
        self,
        before: TableShape,
        after: TableShape,
        renamed: Mapping[Path, str],
        statements: Sequence[str],
    ) -> Sequence[str]:
        """One statement for all columns that are added, and one for all that go.

        BigQuery allows five changes of a table's structure in ten seconds.
        """
        table = f"ALTER TABLE {self.table(before.name)} "
        joined: list[str] = []
        for statement in statements:
            verb = next((v for v in _JOINED if statement.startswith(table + v)), None)
            if verb and joined and joined[-1].startswith(table + verb):
                joined[-1] += ",\n    " + statement.removeprefix(table)
            else:
                joined.append(statement)
        return [s + BY_THE_API if s.startswith(table + ADD_FIELD) else s for s in joined]

    def _described(self, shape: TableShape, edit: Edit) -> Column | None:
        contract = self._contracts.get(shape.name)
        columns = contract.columns if contract else ()
        return next((c for c in columns if c.name == edit.path[0]), None)

    def _rebuild(
        self,
        before: TableShape,
        after: TableShape,
        renamed: Mapping[Path, str],
    ) -> tuple[str, ...]:
        self._check_rebuild(before)
        built = suffixed(after.name, BUILT)
        kept = self._survivors(after, renamed)
        swap = self._swap(before)
        if self._replaceable(before, after) and not any(e.kind == "default" for e in kept):
            # Readers see the old table or the new one, and never none.
            create = self._create_with(after, after.name, kept)
            create = create.replace("CREATE TABLE", "CREATE OR REPLACE TABLE", 1)
            rows = self.select(replace(after, name=built), after)
            swap = (swap[0], f"{create}\nAS {rows}", *self.drop_table(built))
        return (
            f"DROP TABLE IF EXISTS {self.table(built)}",
            self._create_with(after, built, kept),
            *self._inserts(before, after, renamed),
            # One script is one job: it goes on when the client dies between its statements.
            ";\n".join(swap),
        )

    def _replaceable(self, before: TableShape, after: TableShape) -> bool:
        """Whether BigQuery puts other rows and columns into a table by one statement.

        It refuses other partitions or clusters, and more partitions than a job may write. Nor is
        it certain to take the defaults of columns beside a query.
        """
        if before.other_partition or after.other_partition:
            return False
        if (before.partition, before.cluster) != (after.partition, after.cluster):
            return False
        partition = after.partition
        if partition is None:
            return True
        old, new = before.find((partition.column,)), after.find((partition.column,))
        if old is None or new is None or old.type != new.type:
            return False
        few = after.rows is not None and after.rows <= MAX_JOB_PARTITIONS
        return few or partition.granularity == "MONTH"

    def _replacement(self, before: TableShape, after: TableShape) -> tuple[str, ...]:
        self._check_rebuild(before)
        return (self._create_with(after, after.name, self._survivors(after, {})),)

    def _check_rebuild(self, before: TableShape) -> None:
        for extra in self.extras(before.name):
            if extra.kind in _NEVER_LOST:
                raise WarehouseError(
                    f"{before.name} would be built anew, which cannot keep its {extra}: change "
                    "or remove that by hand first"
                )

    def _batches(
        self, before: TableShape, after: TableShape, renamed: Mapping[Path, str]
    ) -> tuple[str, ...]:
        """Conditions that keep a job below BigQuery's limit of partitions."""
        partition = after.partition
        few = after.rows is not None and after.rows <= MAX_JOB_PARTITIONS
        if partition is None or partition.granularity != "DAY" or few:
            return ("",)
        source = renamed.get((partition.column,), partition.column)
        column = before.find((source,))
        if column is None:
            return ("",)
        name = self.quoted(source)
        ends = [
            f"{column.type} '{year}-01-01'"
            for year in range(_FIRST_YEAR, _END_YEAR + 1, _BATCH_YEARS)
        ]
        return (
            *(f"\nWHERE {name} >= {start} AND {name} < {end}" for start, end in pairwise(ends)),
            f"\nWHERE {name} IS NULL OR {name} < {ends[0]} OR {name} >= {ends[-1]}",
        )
