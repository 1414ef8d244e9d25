"""What an account may do in a BigQuery project, found by dry runs, which cost nothing."""

from __future__ import annotations

from typing import Final

from soyoil.contracts.contract import TableContract, load_contracts
from soyoil.warehouse.bigquery.client import BigQueryClient, client_for
from soyoil.warehouse.connection import BigQueryConnection
from soyoil.warehouse.ddl import backtick

TABLE: Final = "features.daily_ml_matrix"


def check_permissions(connection: BigQueryConnection) -> str:
    """See that the account may run jobs, and read and write the tables of soyoil's own.

    BigQuery checks permissions when it plans a query, so a dry run tells. What only a real
    request tells is left out: to create datasets, and to read by the Storage API.

    Parameters
    ----------
    connection
        Project, account and limits.

    Returns
    -------
    str
        What was looked at.

    Raises
    ------
    WarehouseError
        Naming the role that is missing.
    """
    client = client_for(connection)
    client.dry_run("SELECT 1", "run jobs")
    table = _first_table(client, connection)
    if table is None:
        return "jobs may be run; no table is there yet"
    quoted = backtick(table)
    client.dry_run(f"SELECT 1 FROM {quoted} WHERE FALSE", f"read {table}")
    client.dry_run(f"DELETE FROM {quoted} WHERE FALSE", f"write {table}")
    return f"jobs may be run, {table} may be read and written"


def _first_table(client: BigQueryClient, connection: BigQueryConnection) -> str | None:
    contracts: dict[str, TableContract] = load_contracts()
    ordered = sorted(contracts, key=lambda name: name != TABLE)
    names = (connection.table(name) for name in ordered)
    return next((name for name in names if client.get_table(name) is not None), None)
