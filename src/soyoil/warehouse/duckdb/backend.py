"""Warehouse in one DuckDB file.

The file is opened per operation and closed, so that two processes take turns. Every write is
one transaction: a killed process leaves the old or the new state.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from soyoil.base.errors import WarehouseBusyError, WarehouseError
from soyoil.base.leftovers import unfinished
from soyoil.contracts.contract import TableContract, quote
from soyoil.contracts.validation import check_rows
from soyoil.warehouse import digest, table_check
from soyoil.warehouse.backend import AlteredRows, DateSpan, Where, WriteResult
from soyoil.warehouse.connection import DuckDBConnection
from soyoil.warehouse.digest_sql import DigestStatements, parse, staged
from soyoil.warehouse.guard import check_allowed
from soyoil.warehouse.partial.where import check_where, groups_taken, takes_whole_groups
from soyoil.warehouse.partial.written import Written, after_write, needs_rows
from soyoil.warehouse.sql import STAGE, TableStatements, literal, partition_column

POLL_S: Final = 0.05
# A warehouse must work offline and the same everywhere, so no extension is fetched.
_SETTINGS: Final[dict[str, str | bool | int | float | list[str]]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
_HOLDER: Final = re.compile(r"lock is held in (?:(?P<program>.+?) \()?PID (?P<pid>\d+)")
_DIGEST_STAGE: Final = "soyoil_digest_stage"
_INTERRUPTED: Final = "Query interrupted"
_LOCKED: Final = "Could not set lock on file"

_path_locks: dict[Path, threading.RLock] = {}
_path_locks_guard: Final = threading.Lock()


class DuckDBWarehouse:
    """Contracted tables in a DuckDB file; implements `backend.Warehouse`.

    Parameters
    ----------
    config
        Path and patience.
    """

    def __init__(self, config: DuckDBConnection) -> None:
        self._path = config.path.expanduser().absolute()
        self._timeout = config.busy_timeout_s

    def exists(self, contract: TableContract) -> bool:
        """Whether the table is there, in whatever state."""
        check_allowed()
        if not self._path.exists():
            return False
        with self._open(read_only=True) as connection:
            return bool(_rows(connection, _statements(connection, contract).find()))

    def read(
        self,
        contract: TableContract,
        columns: Sequence[str] | None = None,
        span: DateSpan | None = None,
        altered: AlteredRows = "refuse",
        where: Where | None = None,
    ) -> pa.Table:
        """Rows in key order; see `backend.Warehouse.read`."""
        check_allowed()
        schema = table_check.projection(contract, columns)
        if span is not None:
            partition_column(contract)
        check_where(contract, where or {})
        if not self._path.exists():
            raise table_check.missing_table(contract, str(self._path))
        with self._open(read_only=True) as connection:
            statements = _statements(connection, contract)
            found = _rows(connection, statements.find())
            if not found:
                raise table_check.missing_table(contract, str(self._path))
            self._check_table(connection, statements, found[0][0], schema.names)
            table = connection.sql(statements.select(schema.names, span, where)).to_arrow_table()
            stored = _digests(connection, contract)
        table = table.cast(schema).combine_chunks()
        if columns is None:
            if span is None and takes_whole_groups(contract, where):
                groups = groups_taken(contract, stored, where)
                table = digest.checked(contract, table, stored, str(self._path), altered, groups)
            check_rows(table, contract, str(self._path))
        return table

    def write(self, contract: TableContract, table: pa.Table) -> WriteResult:
        """Write a validated batch in one transaction; see `backend.Warehouse.write`."""
        check_allowed()
        table_check.check_batch(contract, table)
        self._create_file()
        with self._open(read_only=False) as connection:
            statements = _statements(connection, contract)
            connection.register(STAGE, table)
            connection.begin()
            try:
                created = self._prepare_table(connection, statements, table)
                written = self._digests_after(connection, statements, table)
                result = _apply(connection, statements, table)
                if written.changed:
                    _write_digests(connection, contract, written)
                self._end(connection, commit=created or result.changed or written.changed)
            except BaseException:
                # DuckDB ends the transaction itself after some errors.
                with contextlib.suppress(duckdb.Error):
                    connection.rollback()
                raise
        return result

    def _digests_after(
        self, connection: duckdb.DuckDBPyConnection, statements: TableStatements, batch: pa.Table
    ) -> Written:
        """What becomes of the digests of the table.

        Raises
        ------
        ContractError
            The batch goes between rows that were altered: their digest would hide it.
        """
        contract = statements.contract
        mode = table_check.write_mode(contract, batch)
        stored = _digests(connection, contract)
        old = None
        if needs_rows(mode, stored):
            groups = digest.group_columns(contract) if stored else ()
            query = statements.groups_of_stage(groups)
            found = connection.sql(query).to_arrow_table().cast(contract.arrow_schema())
            old = found.combine_chunks()
            digest.check_batch_groups(contract, batch, old, stored, str(self._path))
        return after_write(contract, batch, mode, stored, old)

    def _end(self, connection: duckdb.DuckDBPyConnection, *, commit: bool) -> None:
        if commit:
            connection.commit()
        else:
            connection.rollback()

    def _prepare_table(
        self, connection: duckdb.DuckDBPyConnection, statements: TableStatements, batch: pa.Table
    ) -> bool:
        """Create the table, or check that it fits; whether anything was changed."""
        stamp = table_check.stamp(statements.contract)
        found = _rows(connection, statements.find())
        if not found:
            _rows(connection, statements.create_schema())
            _rows(connection, statements.create_table())
            _rows(connection, statements.comment(stamp))
            if _has_digests(connection):
                _rows(connection, _digest_statements(connection, statements.contract).forget())
            return True
        have = _types(connection, statements)
        for column in table_check.addable_columns(statements.contract, have):
            _rows(connection, statements.add_column(column))
        self._check_table(connection, statements, found[0][0], ())
        self._check_provenance(connection, statements, batch)
        if found[0][0] != stamp:
            _rows(connection, statements.comment(stamp))
            return True
        return False

    def _check_table(
        self,
        connection: duckdb.DuckDBPyConnection,
        statements: TableStatements,
        comment: str | None,
        wanted: Sequence[str],
    ) -> None:
        contract = statements.contract
        have = table_check.with_addable(contract, _types(connection, statements), wanted)
        required = {row[0] for row in _rows(connection, statements.required_columns())}
        table_check.check_fit(
            contract,
            table_check.differences(contract, comment, have, required),
            str(self._path),
            f"remove the table (DROP TABLE {contract.name}) or the file and run again.",
        )

    def _check_provenance(
        self, connection: duckdb.DuckDBPyConnection, statements: TableStatements, batch: pa.Table
    ) -> None:
        contract = statements.contract
        if not contract.single_provenance:
            return
        table_check.check_provenance(
            contract,
            table_check.provenances(contract, batch),
            [row[0] for row in _rows(connection, statements.table_provenances())],
            str(self._path),
            "Use another warehouse file for this source, or remove this one.",
        )

    def _create_file(self) -> None:
        """Create an empty database so that a kill leaves either none or a whole one.

        DuckDB writes a new file in several steps and refuses one it did not finish.
        """
        if self._path.exists():
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh = unfinished(self._path)
            fresh.unlink(missing_ok=True)
            try:
                duckdb.connect(fresh, config=_SETTINGS).close()
                # A link fails if another process was first, a rename would undo its work.
                with contextlib.suppress(FileExistsError):
                    os.link(fresh, self._path)
            finally:
                fresh.unlink(missing_ok=True)
        except (OSError, duckdb.Error) as exc:
            raise WarehouseError(
                f"cannot create the warehouse {self._path}: {exc}. Check the folder and its "
                "permissions, or set another path in the connection."
            ) from exc

    @contextlib.contextmanager
    def _open(self, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        deadline = time.monotonic() + self._timeout
        with self._one_thread():
            connection = self._connect(read_only, deadline)
            try:
                yield connection
            except duckdb.Error as exc:
                raise self._broken(exc) from exc
            except RuntimeError as exc:
                # What DuckDB makes of a signal that comes while a query runs.
                if str(exc) == _INTERRUPTED:
                    raise KeyboardInterrupt from exc
                raise
            finally:
                connection.close()

    @contextlib.contextmanager
    def _one_thread(self) -> Iterator[None]:
        """Take turns within the process; DuckDB cannot hold one file in two modes at once."""
        with _path_locks_guard:
            lock = _path_locks.setdefault(self._path, threading.RLock())
        if not lock.acquire(timeout=self._timeout):
            raise self._busy(f"another thread of this process (PID {os.getpid()})")
        try:
            yield
        finally:
            lock.release()

    def _connect(self, read_only: bool, deadline: float) -> duckdb.DuckDBPyConnection:
        while True:
            try:
                return duckdb.connect(self._path, read_only=read_only, config=_SETTINGS)
            except duckdb.ConnectionException as exc:
                busy = f"another connection of this process (PID {os.getpid()})"
                cause: duckdb.Error = exc
            except duckdb.IOException as exc:
                if _LOCKED not in str(exc):
                    raise self._broken(exc) from exc
                busy = _holder(str(exc))
                cause = exc
            except duckdb.Error as exc:
                raise self._broken(exc) from exc
            if time.monotonic() >= deadline:
                raise self._busy(busy) from cause
            time.sleep(POLL_S)

    def _busy(self, holder: str) -> WarehouseBusyError:
        return WarehouseBusyError(
            f"the warehouse {self._path} is held by {holder}, still so after "
            f"{self._timeout:g} s: wait for it or end it, or raise busy_timeout_s"
        )

    def _broken(self, exc: duckdb.Error) -> WarehouseError:
        said = str(exc).strip()
        remedy = next(
            (remedy for trouble, remedy in _OF_THE_DISK.items() if trouble in said),
            "If the file is damaged or no warehouse, restore or remove it and its .wal file and "
            "run again, or set another path in the connection.",
        )
        return WarehouseError(f"DuckDB cannot use the warehouse {self._path}: {said}. {remedy}")


_OF_THE_DISK: Final = {
    "No space left on device": "What was written before is kept: make room and run again.",
    "Disk quota exceeded": "What was written before is kept: make room and run again.",
    "Read-only file system": "Make it writable, or set another path in the connection.",
    "Permission denied": "Give yourself access, or set another path in the connection.",
}
"""What no damage of the file is, and how it is mended."""


def _holder(message: str) -> str:
    """Who holds the lock, from DuckDB's message; it cannot tell the program of every process."""
    found = _HOLDER.search(message)
    if found is None:
        return "another process"
    return f"process {found['pid']}" + (f" ({found['program']})" if found["program"] else "")


def _rows(connection: duckdb.DuckDBPyConnection, statement: str) -> list[tuple[Any, ...]]:
    """Run a statement to its end.

    From DuckDB 2.0 ``execute`` alone may leave work undone and the connection blocked;
    fetching everything completes it.
    """
    return connection.execute(statement).fetchall()


def _types(connection: duckdb.DuckDBPyConnection, statements: TableStatements) -> dict[str, str]:
    return table_check.flat_types(connection.sql(statements.empty()).to_arrow_table().schema)


def _count(connection: duckdb.DuckDBPyConnection, statement: str | None) -> int:
    return int(_rows(connection, statement)[0][0]) if statement else 0


def _statements(connection: duckdb.DuckDBPyConnection, contract: TableContract) -> TableStatements:
    catalog = str(_rows(connection, "SELECT current_database()")[0][0])
    return TableStatements(contract, catalog)


def _digest_schema(connection: duckdb.DuckDBPyConnection) -> str:
    catalog = str(_rows(connection, "SELECT current_database()")[0][0])
    return f"{quote(catalog)}.{quote(digest.DATASET)}"


def _digest_statements(
    connection: duckdb.DuckDBPyConnection, contract: TableContract
) -> DigestStatements:
    table = f"{_digest_schema(connection)}.{quote(digest.TABLE.split('.')[1])}"
    return DigestStatements(contract, table, literal)


def _write_digests(
    connection: duckdb.DuckDBPyConnection, contract: TableContract, written: Written
) -> None:
    statements = _digest_statements(connection, contract)
    connection.register(_DIGEST_STAGE, staged(contract, written))
    _rows(connection, f"CREATE SCHEMA IF NOT EXISTS {_digest_schema(connection)}")
    _rows(connection, statements.create_duckdb())
    for statement in statements.write(_DIGEST_STAGE):
        _rows(connection, statement)


def _has_digests(connection: duckdb.DuckDBPyConnection) -> bool:
    dataset, name = digest.TABLE.split(".")
    there = _rows(
        connection,
        "SELECT 1 FROM duckdb_tables() WHERE database_name = current_database() "
        f"AND schema_name = {literal(dataset)} AND table_name = {literal(name)}",
    )
    return bool(there)


def _digests(
    connection: duckdb.DuckDBPyConnection, contract: TableContract
) -> dict[str, digest.GroupDigest]:
    """Digests that the writers of a table left; empty if there are none."""
    if not _has_digests(connection):
        return {}
    return parse(_rows(connection, _digest_statements(connection, contract).select()))


def _apply(
    connection: duckdb.DuckDBPyConnection, statements: TableStatements, batch: pa.Table
) -> WriteResult:
    mode = table_check.write_mode(statements.contract, batch)
    deleted = _count(connection, statements.delete(mode))
    updated = _count(connection, statements.update())
    inserted = _count(connection, statements.insert())
    return WriteResult(inserted, updated, deleted, batch.num_rows - inserted - updated)
