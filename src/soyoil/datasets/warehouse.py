"""Kedro dataset over a contracted warehouse table."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset

from soyoil.base.errors import ConfigError, MissingTableError
from soyoil.contracts.contract import load_contract
from soyoil.contracts.structs import flatten
from soyoil.contracts.validation import validate
from soyoil.warehouse.connection import parse_connection
from soyoil.warehouse.open import connect
from soyoil.warehouse.origins import ORIGINS, OTHERS, WRITE_ORIGIN, origins_of, with_origin

logger = logging.getLogger(__name__)


class WarehouseTableDataset(AbstractDataset[pd.DataFrame, pd.DataFrame]):
    """A warehouse table as a flat DataFrame.

    STRUCT fields are columns with dotted names (``market_data.close``). Saving checks the
    rows against the contract of the table and writes them by its write mode.

    Kedro wraps whatever `save` and `load` raise; the `SoyoilError` is the ``__cause__`` of
    that ``DatasetError`` and its text the end of the message.

    Parameters
    ----------
    table
        Name of the table (``features.daily_ml_matrix``); it must have a contract.
    connection
        Fields of `soyoil.warehouse.connection.DuckDBConnection` or `BigQueryConnection`.
    source_kind
        Kind of the data source, filled into the templates of the connection.
    credentials
        Service account for BigQuery, ``{keyfile: path}``, or the path itself; None for the
        Application Default Credentials.
    load_where
        Rows that a load wants, by column of key or cluster: ``{symbol: [ZL]}``. The warehouse
        reads no others. All if None; a save is not concerned.
    written_by
        Pipelines that write the table, in their order, for the message where it is missing.
    empty_if_missing
        Load no rows where the table is not there yet, instead of failing.
    metadata
        Ignored here; for Kedro plugins.

    Examples
    --------
    In ``catalog.yml``, all tables at once:

        "{dataset}.{table}@warehouse":
          type: soyoil.datasets.warehouse.WarehouseTableDataset
          table: "{dataset}.{table}"
          connection: ${globals:warehouse}
          source_kind: ${globals:source_kind}
    """

    def __init__(
        self,
        *,
        table: str,
        connection: dict[str, Any],
        source_kind: str | None = None,
        credentials: dict[str, Any] | str | None = None,
        load_where: dict[str, Any] | None = None,
        written_by: Sequence[str] = (),
        empty_if_missing: bool = False,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self.metadata = metadata
        self._empty_if_missing = empty_if_missing
        self._where = load_where
        self._written_by = written_by
        if not isinstance(table, str):
            raise ConfigError(f"warehouse table {table!r}: write its name, dataset.table.")
        self._contract = load_contract(table)
        try:
            self._connection = parse_connection(
                connection, source_kind=source_kind, credentials=credentials
            )
        except ConfigError as exc:
            raise ConfigError(f"warehouse table {table}: {exc}") from exc

    def load(self) -> pd.DataFrame:
        """Rows in key order, their origins in ``attrs``; dtypes as `structs.flatten` gives them.

        Where rows are wanted and there are none, ``attrs`` tell the values that are there.

        Raises
        ------
        ContractError
            Rows break the contract, or were altered since soyoil wrote them.
        """
        warehouse = connect(self._connection)
        if self._empty_if_missing and not warehouse.exists(self._contract):
            return flatten(self._contract.arrow_schema().empty_table())
        try:
            table = warehouse.read(self._contract, where=self._where)
        except MissingTableError as exc:
            if not self._written_by:
                raise
            pipelines = ", ".join(f"kedro run --pipeline={name}" for name in self._written_by)
            raise MissingTableError(
                f"There is no {self._contract.name} yet in {self._connection.place}. Run first: "
                f"{pipelines} (or all of it: kedro run)."
            ) from exc
        frame = flatten(table)
        frame.attrs[ORIGINS] = origins_of(table)
        if self._where and frame.empty:
            names = list(self._where)
            there = warehouse.read(self._contract, names).group_by(names).aggregate([])
            frame.attrs[OTHERS] = there.sort_by([(n, "ascending") for n in names]).to_pydict()
        return frame

    def save(self, data: pd.DataFrame) -> None:
        """Check and write rows by the write mode of the contract."""
        batch = with_origin(validate(data, self._contract), data.attrs.get(WRITE_ORIGIN))
        result = connect(self._connection).write(self._contract, batch)
        logger.info("%s: %s", self._contract.name, result)

    def _exists(self) -> bool:
        return connect(self._connection).exists(self._contract)

    def _describe(self) -> dict[str, Any]:
        return {
            "table": self._contract.name,
            "backend": self._connection.backend,
            "place": self._connection.place,
            "load_where": self._where,
        }
