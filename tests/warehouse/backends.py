"""Both kinds of warehouse, for tests of what they do alike."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from soyoil.warehouse.backend import Warehouse
from soyoil.warehouse.bigquery.client import client_for
from soyoil.warehouse.connection import BigQueryConnection, ConnectionConfig


@dataclass(frozen=True)
class Backend:
    """A warehouse and ways around it."""

    config: ConnectionConfig
    warehouse: Warehouse

    def run(self, duckdb_sql: str, bigquery_sql: str) -> None:
        """Run a statement behind the back of the warehouse; ``{features}`` is the dataset."""
        if isinstance(self.config, BigQueryConnection):
            dataset = f"{self.config.project}.{self.config.dataset('features')}"
            client_for(self.config).query(bigquery_sql.replace("{features}", dataset), "test")
            return
        with duckdb.connect(self.config.path) as connection:
            connection.execute(duckdb_sql.replace("{features}", "features")).fetchall()

    def forget_digests(self) -> None:
        """Remove what writers left behind to find altered rows."""
        name = "soyoil.table_digests"
        if isinstance(self.config, BigQueryConnection):
            client_for(self.config).delete_table(self.config.table(name))
            return
        with duckdb.connect(self.config.path) as connection:
            connection.execute(f"DROP TABLE {name}").fetchall()
