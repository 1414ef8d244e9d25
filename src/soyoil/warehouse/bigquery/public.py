"""Public data sets of BigQuery, which are an outside source and not the warehouse."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from soyoil.base.errors import SourceError, WarehouseError
from soyoil.warehouse.bigquery.access.errors import said_by_google
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

    @contextmanager
    def _explaining(self, doing: str) -> Iterator[None]:
        """What the warehouse's client raises, without its advice: that is of the warehouse."""
        try:
            yield
        except WarehouseError as error:
            cause = error.__cause__
            said = said_by_google(cause) if isinstance(cause, Exception) else str(error)
            raise SourceError(
                f"cannot {doing}, as project {self.project}: {said}. Log in with `gcloud auth "
                "application-default login`, let the account run queries in that project "
                f"(roles/bigquery.jobUser), and check {self.settings}."
            ) from error

    def has(self, table: str) -> bool:
        """Whether ``project.dataset.table`` is there.

        Raises
        ------
        SourceError
            It cannot be told: no credentials, no permission, no network.
        """
        with self._explaining(f"look at {table}"):
            return self._client.get_table(table) is not None

    def n_bytes(self, sql: str, doing: str) -> int:
        """Bytes that a query would read; nothing is read and nothing is charged.

        Raises
        ------
        SourceError
            As `rows`.
        """
        with self._explaining(doing):
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
        with self._explaining(doing):
            return self._client.query(sql, doing)
