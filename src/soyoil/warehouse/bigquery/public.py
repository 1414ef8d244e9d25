"""Public data sets of BigQuery, which are an outside source and not the warehouse."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from soyoil.base.errors import SourceError, WarehouseError
from soyoil.warehouse.bigquery.access.settings import BigQueryConnection
from soyoil.warehouse.bigquery.client import BigQueryClient, client_for
from soyoil.warehouse.connection import PROJECT_VARIABLES


def paying_project(project: str | None) -> str | None:
    """Project that queries run in: as given, or that of the environment; None if there is none."""
    named = (os.environ.get(name, "").strip() for name in PROJECT_VARIABLES)
    return project or next((name for name in named if name), None)


@dataclass(frozen=True)
class PublicData:
    """Queries of a public data set.

    Attributes
    ----------
    project
        Project that queries run in and that pays.
    location
        Where the data set lies; queries run there.
    maximum_bytes
        Bytes that one query may read; BigQuery itself refuses more.
    endpoint
        Another server than Google's, for tests; None is Google's.
    settings
        Where these are set, for messages.
    """

    project: str
    location: str
    maximum_bytes: int
    endpoint: str | None
    settings: str

    @property
    def _client(self) -> BigQueryClient:
        # Answers are small and come by the REST API; the address of the other is never used.
        storage = urlsplit(self.endpoint).netloc if self.endpoint else None
        return client_for(
            BigQueryConnection(
                project=self.project,
                location=self.location,
                maximum_bytes_billed=self.maximum_bytes,
                endpoint=self.endpoint,
                storage_endpoint=storage,
            )
        )

    def has(self, table: str) -> bool:
        """Whether ``project.dataset.table`` is there.

        Raises
        ------
        SourceError
            It cannot be told: no credentials, no permission, no network.
        """
        with _Explained(self.settings):
            return self._client.get_table(table) is not None

    def n_bytes(self, sql: str, doing: str) -> int:
        """Bytes that a query would read; nothing is read and nothing is charged.

        Raises
        ------
        SourceError
            As `rows`.
        """
        with _Explained(self.settings):
            return self._client.dry_run(sql, doing)

    def rows(self, sql: str, doing: str) -> list[tuple[Any, ...]]:
        """Rows of a query.

        Parameters
        ----------
        sql
            GoogleSQL.
        doing
            What it does, as in "cannot <doing>".

        Raises
        ------
        SourceError
            What Google said, and what to do.
        """
        with _Explained(self.settings):
            return self._client.query(sql, doing)


class _Explained:
    """Errors of the warehouse's client as those of a source, with the settings that count here."""

    def __init__(self, settings: str) -> None:
        self._settings = settings

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, WarehouseError):
            text = str(error)
            for place in (
                "`warehouse` in conf/bigquery/globals.yml",
                "conf/bigquery/globals.yml",
                "`warehouse`",
            ):
                text = text.replace(place, self._settings)
            raise SourceError(text) from error
