"""Every kind of warehouse, for tests of what they do alike."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from typing import Any

import duckdb
import pytest

from soyoil.warehouse.backend import Warehouse
from soyoil.warehouse.bigquery.client import BigQueryClient, client_for
from soyoil.warehouse.connection import BigQueryConnection, ConnectionConfig, DuckDBConnection
from soyoil.warehouse.duckdb.backend import DuckDBWarehouse
from soyoil.warehouse.open import connect

DIGESTS = "soyoil.table_digests"


class Backend(ABC):
    """A warehouse and ways around it."""

    def __init__(self, config: ConnectionConfig) -> None:
        self.config = config
        self.warehouse: Warehouse = connect(config)

    @abstractmethod
    def run(self, duckdb_sql: str, bigquery_sql: str) -> None:
        """Run either statement behind the back of the warehouse; ``{features}`` is the dataset."""

    @abstractmethod
    def forget_digests(self) -> None:
        """Remove what writers left behind to find altered rows."""

    @abstractmethod
    def interrupt_writes(self, patch: pytest.MonkeyPatch) -> None:
        """End every write after the rows were changed, before the end of the transaction."""


class DuckDB(Backend):
    config: DuckDBConnection

    def run(self, duckdb_sql: str, bigquery_sql: str) -> None:
        with duckdb.connect(self.config.path) as connection:
            connection.execute(duckdb_sql.replace("{features}", "features")).fetchall()

    def forget_digests(self) -> None:
        self.run(f"DROP TABLE {DIGESTS}", "")

    def interrupt_writes(self, patch: pytest.MonkeyPatch) -> None:
        def interrupt(*args: object, **kwargs: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(DuckDBWarehouse, "_end", interrupt)


class BigQuery(Backend):
    config: BigQueryConnection

    def run(self, duckdb_sql: str, bigquery_sql: str) -> None:
        dataset = f"{self.config.project}.{self.config.dataset('features')}"
        client = client_for(self.config)
        client.query(bigquery_sql.replace("{features}", dataset), "test")
        # The server forgets what BigQuery does: a table has another time after every statement.
        for item in client.api.list_tables(dataset):
            table = client.api.get_table(item)
            table.labels = {"altered": uuid.uuid4().hex}
            client.api.update_table(table, ["labels"])

    def forget_digests(self) -> None:
        client_for(self.config).delete_table(self.config.table(DIGESTS))

    def interrupt_writes(self, patch: pytest.MonkeyPatch) -> None:
        query = BigQueryClient.query
        gone = f"DELETE FROM `{self.config.table('features.small')}` WHERE TRUE"

        def cut(client: BigQueryClient, sql: str, doing: str) -> list[tuple[Any, ...]]:
            if not sql.startswith("BEGIN TRANSACTION"):
                return query(client, sql, doing)
            query(client, f"BEGIN TRANSACTION; {gone}; SELECT ERROR('cut')", doing)
            raise AssertionError("the script should have failed")

        patch.setattr(BigQueryClient, "query", cut)
