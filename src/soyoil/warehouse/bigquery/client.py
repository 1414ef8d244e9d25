"""Google's clients for one connection: requests, retries, limits, counts.

Google's packages take more than a second to import, so they are imported when a client is made.
"""

from __future__ import annotations

import functools
import io
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from soyoil.base.errors import WarehouseError
from soyoil.warehouse import usage
from soyoil.warehouse.bigquery.access.credentials import credentials_of
from soyoil.warehouse.bigquery.access.datasets import check_dataset, repeated_when_limited
from soyoil.warehouse.bigquery.access.errors import explained, too_expensive
from soyoil.warehouse.bigquery.storage import StorageReader
from soyoil.warehouse.connection import BigQueryConnection

if TYPE_CHECKING:
    from google.cloud import bigquery
    from google.cloud.bigquery_storage_v1 import BigQueryReadClient

JOB_PREFIX: Final = "soyoil-"
# Matrix rows are wide; the default of gRPC, 4 MB, is below one message of the Storage API.
_GRPC_OPTIONS: Final = [("grpc.max_receive_message_length", -1)]


def client_for(connection: BigQueryConnection) -> BigQueryClient:
    """The client of a connection, one per process and connection."""
    return _client(connection, os.getpid())


@functools.lru_cache(maxsize=8)
def _client(connection: BigQueryConnection, pid: int) -> BigQueryClient:
    return BigQueryClient(connection)


class BigQueryClient:
    """Requests to BigQuery with errors that say what to do.

    Requests that change nothing, and the insertion of jobs whose id was chosen here, are repeated
    with back-off; nothing else is.

    Parameters
    ----------
    connection
        Project, limits, server.
    """

    def __init__(self, connection: BigQueryConnection) -> None:
        self.connection = connection
        self._encrypted: set[str] = set()
        self.estimates: dict[str, int] = {}
        """Bytes of the reads that were looked at before, by query."""
        self._reader = StorageReader(connection)

    @contextmanager
    def explaining(self, doing: str) -> Iterator[None]:
        """Turn what Google's clients raise into a `WarehouseError`: "cannot <doing> ..."."""
        with explained(self.connection, doing):
            yield

    @functools.cached_property
    def api(self) -> bigquery.Client:
        """Google's client of the REST API, which counts its requests.

        Raises
        ------
        WarehouseError
            No credentials.
        """
        from google.auth.transport.requests import AuthorizedSession
        from google.cloud import bigquery

        connection = self.connection
        with self.explaining("log in"):
            credentials = self._credentials
            session = AuthorizedSession(credentials)
            session.hooks["response"].append(_count)
            return bigquery.Client(
                project=connection.payer,
                credentials=credentials,
                location=connection.location,
                client_options={"api_endpoint": connection.endpoint.rstrip("/")}
                if connection.endpoint
                else None,
                default_query_job_config=bigquery.QueryJobConfig(
                    maximum_bytes_billed=connection.maximum_bytes_billed,
                    use_legacy_sql=False,
                    labels=dict(connection.job_labels),
                ),
                default_load_job_config=bigquery.LoadJobConfig(labels=dict(connection.job_labels)),
                _http=session,
            )

    @functools.cached_property
    def storage(self) -> BigQueryReadClient:
        """Google's client of the Storage Read API."""
        from google.cloud.bigquery_storage_v1 import BigQueryReadClient
        from google.cloud.bigquery_storage_v1.services.big_query_read import transports

        with self.explaining("log in"):
            if not self.connection.storage_endpoint:
                return BigQueryReadClient(credentials=self._credentials)
            import grpc

            channel = grpc.insecure_channel(self.connection.storage_endpoint, _GRPC_OPTIONS)
            return BigQueryReadClient(
                transport=transports.BigQueryReadGrpcTransport(channel=channel)
            )

    @functools.cached_property
    def _credentials(self) -> Any:
        return credentials_of(self.connection)

    @functools.cached_property
    def retry(self) -> Any:
        """Back-off for requests that may be repeated, for as long as the connection says."""
        from google.cloud.bigquery.retry import DEFAULT_RETRY

        return DEFAULT_RETRY.with_timeout(self.connection.timeout_s)

    def get_table(self, table_id: str) -> bigquery.Table | None:
        """Table or view ``project.dataset.table``; None if it, or its dataset, is missing."""
        from google.api_core.exceptions import NotFound

        with self.explaining(f"look at {table_id}"):
            try:
                return self.api.get_table(
                    table_id, retry=self.retry, timeout=self.connection.timeout_s
                )
            except NotFound as exc:
                # A missing project is an error of the configuration, not a missing table.
                if "Project" in str(exc):
                    raise
                return None

    def create_dataset(self, dataset_id: str) -> None:
        """Create ``project.dataset`` as the connection says if it is missing.

        Raises
        ------
        WarehouseError
            It is there, but in another location, or its tables would be encrypted otherwise.
        """
        from google.api_core.exceptions import NotFound
        from google.cloud import bigquery

        wanted = bigquery.Dataset(dataset_id)
        wanted.location = self.connection.location
        if self.connection.kms_key_name:
            wanted.default_encryption_configuration = bigquery.EncryptionConfiguration(
                self.connection.kms_key_name
            )
        with self.explaining(f"create the dataset {dataset_id}"):
            try:
                # Looked up first: who may write to a dataset need not be allowed to create one.
                found = self.api.get_dataset(
                    dataset_id, retry=self.retry, timeout=self.connection.timeout_s
                )
            except NotFound:
                found = self.api.create_dataset(wanted, exists_ok=True, retry=self.retry)
        check_dataset(found, self.connection)
        self._encrypted.add(dataset_id)

    def check_encryption(self, dataset_id: str) -> None:
        """Refuse to create tables in a dataset whose default key is not that of the connection."""
        if self.connection.kms_key_name and dataset_id not in self._encrypted:
            self.create_dataset(dataset_id)

    def delete_table(self, table_id: str) -> None:
        """Delete a table if it is there."""
        with self.explaining(f"delete {table_id}"):
            self.api.delete_table(table_id, not_found_ok=True, retry=self.retry)

    def query(self, sql: str, doing: str) -> list[tuple[Any, ...]]:
        """Run a statement or a script to its end.

        Parameters
        ----------
        sql
            GoogleSQL.
        doing
            What it does, for messages: "cannot <doing> in BigQuery project ...".

        Returns
        -------
        list
            Rows of the last statement.

        Raises
        ------
        WarehouseBusyError
            Another writer changed a table of the transaction; nothing was written.
        WarehouseError
            Anything else.
        """
        with self.explaining(doing):
            # A prefix, not an id: then the client knows its own job again if the answer to a
            # repeated insertion is that the job is there already.
            job = self.api.query(
                sql,
                job_id_prefix=JOB_PREFIX,
                retry=self.retry,
                job_retry=None,
                timeout=self.connection.timeout_s,
            )
            try:
                rows = job.result(
                    retry=self.retry, job_retry=None, timeout=self.connection.job_timeout_s
                )
                found = [row.values() for row in rows]
            except BaseException:
                self._cancel(job)
                raise
        usage.record(
            bytes_processed=job.total_bytes_processed or 0, bytes_billed=job.total_bytes_billed or 0
        )
        return found

    def change(self, sql: str, doing: str) -> None:
        """Run a statement that changes structure, again where the table changed too often.

        BigQuery allows five changes of the metadata of a table in ten seconds. A statement that was
        refused for it did nothing; of a script, statements before may stand, so it is not repeated.

        Raises
        ------
        WarehouseError
            As `query`.
        """
        repeated_when_limited(lambda: self.query(sql, doing), once=";\n" in sql)

    def dry_run(self, sql: str, doing: str) -> int:
        """Bytes that a query would read."""
        from google.cloud import bigquery

        config = bigquery.QueryJobConfig(dry_run=True, use_query_cache=False)
        with self.explaining(doing):
            job = self.api.query(
                sql,
                job_config=config,
                retry=self.retry,
                job_retry=None,
                timeout=self.connection.timeout_s,
            )
        return int(job.total_bytes_processed or 0)

    def check_cost(self, n_bytes: int, what: str) -> None:
        """Refuse what would read more than ``maximum_bytes_billed``.

        Raises
        ------
        WarehouseError
            It would.
        """
        if n_bytes > self.connection.maximum_bytes_billed:
            read = f"{what} would read {n_bytes} bytes ({n_bytes / 2**30:.3g} GiB)"
            raise WarehouseError(f"not done: {too_expensive(read, self.connection)}")

    def load(self, table: pa.Table, table_id: str, schema: Sequence[Any]) -> None:
        """Replace the rows of an existing table by a Parquet load job.

        Parameters
        ----------
        table
            Rows; columns and STRUCT fields are matched by name.
        table_id
            ``project.dataset.table``.
        schema
            Fields of the table.
        """
        from google.api_core.exceptions import Conflict
        from google.cloud import bigquery

        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd")
        size = buffer.tell()
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.PARQUET,
            create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
            write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
            schema=list(schema),
            autodetect=False,
        )
        job_id = f"{JOB_PREFIX}{uuid.uuid4()}"
        with self.explaining(f"load {table.num_rows} rows into {table_id}"):
            try:
                job: Any = self.api.load_table_from_file(
                    buffer, table_id, rewind=True, size=size, job_id=job_id, job_config=config
                )
            except Conflict:
                # Nobody else knows the id: an earlier attempt got through unanswered.
                job = self.api.get_job(job_id, retry=self.retry)
            try:
                job.result(retry=self.retry, timeout=self.connection.job_timeout_s)
            except BaseException:
                self._cancel(job)
                raise
        usage.record(loaded_bytes=size)
        if job.output_rows != table.num_rows:
            raise WarehouseError(
                f"BigQuery loaded {job.output_rows} of {table.num_rows} rows into {table_id}; "
                "nothing was written to the table itself. Run again."
            )

    def read(self, table_id: str, columns: Sequence[str], restriction: str = "") -> pa.Table:
        """Rows of a table by the Storage Read API, in no order.

        Parameters
        ----------
        table_id
            ``project.dataset.table``.
        columns
            Top-level columns; the answer has them in the order of the table.
        restriction
            Condition on the rows, SQL without WHERE.
        """
        with self.explaining(f"read {table_id}"):
            return self._reader.read(self.storage, table_id, columns, restriction)

    def _cancel(self, job: Any) -> None:
        """End a job whose result nobody waits for any more; it may have ended by itself."""
        from google.api_core.exceptions import GoogleAPIError
        from requests.exceptions import RequestException

        try:
            if not job.done(retry=None, timeout=self.connection.timeout_s):
                job.cancel(retry=None, timeout=self.connection.timeout_s)
        except (GoogleAPIError, RequestException):
            return


def _count(response: Any, *args: object, **kwargs: object) -> None:
    usage.record(requests=1)
