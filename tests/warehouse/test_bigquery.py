"""BigQuery backend: connection, errors, limits, counts, and what only it has."""

from __future__ import annotations

import datetime as dt
import http.client
import http.server
import logging
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest
from google.api_core import exceptions as api
from google.auth import exceptions as auth
from write_model import MODES, Model, as_model

from soyoil.base.errors import ConfigError, ContractError, WarehouseBusyError, WarehouseError
from soyoil.contracts.contract import TableContract
from soyoil.contracts.validation import validate
from soyoil.warehouse import usage
from soyoil.warehouse.backend import WriteResult
from soyoil.warehouse.bigquery import backend as backend
from soyoil.warehouse.bigquery import sql as bigquery_sql
from soyoil.warehouse.bigquery.access.errors import explain
from soyoil.warehouse.bigquery.backend import BigQueryWarehouse
from soyoil.warehouse.bigquery.client import client_for
from soyoil.warehouse.bigquery.stage import STAGE_PREFIX
from soyoil.warehouse.connection import BigQueryConnection, DuckDBConnection, parse_connection
from soyoil.warehouse.guard import forbid_warehouse
from soyoil.warehouse.open import connect

MakeContract = Callable[..., TableContract]
MakeFrame = Callable[[dict[Any, Any]], pd.DataFrame]
MakeConnection = Callable[..., BigQueryConnection]

ROWS: Model = {("ZL", 2): (1.5, 1), ("ZL", 3): (None, None), ("CL", 2): (-37.63, 7)}
LAYOUT = {"partition": {"column": "data_date", "granularity": "MONTH"}, "cluster": ["symbol"]}
DAILY = {"partition": {"column": "data_date", "granularity": "DAY"}}
CONNECTION = BigQueryConnection(project="my-project")


def test_connections_of_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    local = parse_connection({"path": "data/<source_kind>.duckdb"}, source_kind="synthetic")
    assert local == DuckDBConnection(path=Path("data/synthetic.duckdb"))
    raw = {"backend": "bigquery", "project": None, "dataset_prefix": "soyoil_<source_kind>_"}
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "my-project")
    found = parse_connection(raw, source_kind="databento")
    assert isinstance(found, BigQueryConnection)
    assert found.table("features.small") == "my-project.soyoil_databento_features.small"
    assert found.location == "us-central1"
    assert found.maximum_bytes_billed == 10 * 2**30
    plain = parse_connection(raw | {"dataset_prefix": "", "project": "other-project"})
    assert isinstance(plain, BigQueryConnection)
    assert plain.table("features.small") == "other-project.features.small"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backend": "oracle"}, "backend: must be 'duckdb', 'bigquery' .got 'oracle'"),
        ({"project": "My Project"}, "project: not a project id"),
        ({"project": None}, "GOOGLE_CLOUD_PROJECT"),
        ({"path": "x"}, "unknown key 'path'. Known: backend, project"),
        ({"dataset_prefix": "a-b"}, "dataset_prefix: letters, digits and _ only"),
        ({"dataset_prefix": "<kind>_"}, "unknown placeholder <kind>"),
        ({"dataset_prefix": "<source_kind>_"}, "set source_kind in globals.yml"),
        ({"endpoint": "http://127.0.0.1:1"}, "endpoint and storage_endpoint go together"),
        ({"maximum_bytes_billed": 0}, "maximum_bytes_billed: .* greater than 0 .got 0"),
    ],
)
def test_refused_connections(
    changes: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
    monkeypatch.delenv("GCLOUD_PROJECT", raising=False)
    raw = {"backend": "bigquery", "project": "my-project"} | changes
    with pytest.raises(ConfigError, match=message) as caught:
        parse_connection(raw)
    assert "globals.yml" in str(caught.value)


def test_credentials_never_show() -> None:
    secret = {"type": "service_account", "private_key": "TOP SECRET"}
    found = parse_connection({"backend": "bigquery", "project": "my-project"}, credentials=secret)
    assert isinstance(found, BigQueryConnection)
    assert "SECRET" not in f"{found!r} {found} {found.model_dump()} {found.model_dump_json()}"
    with pytest.raises(WarehouseError, match=r"no service account.*credentials\.yml") as caught:
        _ = client_for(found).api
    assert "SECRET" not in str(caught.value)
    assert caught.value.__cause__ is None


_KEY = "-----BEGIN PRIVATE KEY-----\nTOP SECRET\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    "pasted",
    [
        f'{{"type": "service_account", "private_key": "{_KEY}"}}',
        f'\'{{"private_key": "{_KEY}"}}',
        {"type": "service_account", "private_key": _KEY},
        _KEY,
        "VE9QIFNFQ1JFVA==TOP SECRET",
        "TOP\0SECRET",
        "TOP SECRET" * 1000,
    ],
)
def test_a_key_in_the_place_of_its_path_never_shows(pasted: Any) -> None:
    raw = {"backend": "bigquery", "project": "my-project"}
    for credentials in ({"keyfile": pasted}, pasted):
        found = parse_connection(raw, credentials=credentials)
        assert isinstance(found, BigQueryConnection)
        with pytest.raises(WarehouseError, match="no service account") as caught:
            _ = client_for(found).api
        assert "SECRET" not in f"{caught.value}{found!r}"
        assert caught.value.__cause__ is None


def test_a_secret_in_the_connection_is_refused_without_its_text() -> None:
    for extra in ({"password": "TOP SECRET"}, {"endpoint": "http://u:TOP@SECRET/x"}):
        raw = {"backend": "bigquery", "project": "my-project"} | extra
        with pytest.raises(ConfigError) as caught:
            parse_connection(raw)
        assert "TOP" not in str(caught.value)
        assert caught.value.__cause__ is None


def test_no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    connection = BigQueryConnection(project="project-without-key")
    with pytest.raises(WarehouseError, match="gcloud auth application-default login"):
        BigQueryWarehouse(connection).exists(TableContract.model_validate(_tiny()))


def _tiny() -> dict[str, Any]:
    column = {"name": "k", "type": "STRING", "nullable": False, "description": "key"}
    return {
        "name": "features.tiny", "description": "x", "version": 1, "write_mode": "upsert",
        "key": ["k"], "columns": [column],
    }  # fmt: skip


def _said(kind: Any, message: str, reason: str = "") -> Exception:
    return kind(message, errors=[{"message": message, "reason": reason}])


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (_said(api.NotFound, "Not found: Project my-project"), "no such project.*gcloud projects"),
        (_said(api.NotFound, "Not found: Dataset my-project:x"), "dataset is missing in us-cent"),
        (_said(api.NotFound, "Not found: Table my-project:x.y"), "Run the pipeline that writes"),
        (_said(api.Forbidden, "Access Denied: Table x", "accessDenied"), "roles/bigquery.dataEd"),
        (
            _said(api.Forbidden, "BigQuery API has not been used in project 1", "x"),
            "gcloud services enable",
        ),
        (
            _said(api.Forbidden, "Exceeded rate limits", "rateLimitExceeded"),
            "too much came at once",
        ),
        (_said(api.Forbidden, "Quota exceeded", "quotaExceeded"), "raise the quota"),
        (
            _said(api.BadRequest, "Query exceeded limit for bytes billed: 1", "x"),
            r"maximum_bytes_billed is 10737418240 \(10 GiB\)",
        ),
        (_said(api.BadRequest, "Syntax error: x", "invalidQuery"), r"refused it \(Syntax error"),
        (_said(api.ServiceUnavailable, "try later"), "did not answer in time.*run again"),
        (_said(api.Unauthorized, "expired"), "Log in again"),
        (auth.RefreshError("revoked"), "Log in again"),
        (auth.DefaultCredentialsError("none"), "application-default login"),
        (auth.TransportError("no route"), "did not answer in time"),
        (TimeoutError(), "job_timeout_s"),
    ],
)
def test_errors_say_what_to_do(error: Exception, message: str) -> None:
    found = explain(error, CONNECTION, "read x")
    assert not isinstance(found, WarehouseBusyError)
    with pytest.raises(
        WarehouseError, match=f"cannot read x in BigQuery project my-pro.*{message}"
    ):
        raise found


def test_conflicts_are_told_from_other_errors() -> None:
    message = "Transaction is aborted due to concurrent update against table x"
    found = explain(_said(api.BadRequest, message, "invalidQuery"), CONNECTION, "write x")
    assert isinstance(found, WarehouseBusyError)


def test_a_server_that_is_not_there(make_contract: MakeContract) -> None:
    connection = BigQueryConnection(
        project="my-project",
        endpoint="http://127.0.0.1:9",
        storage_endpoint="127.0.0.1:9",
        timeout_s=0.5,
    )
    with pytest.raises(WarehouseError, match=r"http://127\.0\.0\.1:9 did not answer in time"):
        connect(connection).exists(make_contract())


@pytest.mark.ci
def test_second_write_changes_nothing_and_is_counted(
    bigquery_connection: BigQueryConnection,
    make_contract: MakeContract,
    make_frame: MakeFrame,
) -> None:
    contract = make_contract(**LAYOUT)
    warehouse = BigQueryWarehouse(bigquery_connection)
    table = validate(make_frame(ROWS), contract)
    warehouse.write(contract, table)
    client = client_for(bigquery_connection)
    name = bigquery_connection.table(contract.name)
    before = client.get_table(name)
    usage.reset()
    assert warehouse.write(contract, table) == WriteResult(0, 0, 0, len(ROWS))
    counted = usage.current()
    after = client.get_table(name)
    assert before is not None
    assert after is not None
    assert (after.etag, after.modified) == (before.etag, before.modified)
    assert 0 < counted.requests <= 14
    assert counted.loaded_bytes > 0
    warehouse.read(contract)
    assert usage.current().storage_bytes > 0
    assert usage.current().requests > counted.requests
    assert usage.as_metrics(usage.current())["warehouse.cost_usd"] > 0
    stages = client.api.list_tables(name.rsplit(".", 1)[0])
    assert [t.table_id for t in stages if t.table_id.startswith(STAGE_PREFIX)] == []


class LossyProxy(http.server.BaseHTTPRequestHandler):
    """Hands requests on; every second answer to the creation of anything is lost on the way."""

    protocol_version = "HTTP/1.1"
    upstream = ""
    lost: ClassVar[list[str]] = []
    answered: ClassVar[set[bytes]] = set()

    def _hand_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
        there = http.client.HTTPConnection(self.upstream, timeout=60)
        there.request(self.command, self.path, body, headers)
        answer = there.getresponse()
        content, status = answer.read(), answer.status
        request = self.path.encode() + body
        if self.command == "POST" and status < 300 and request not in self.answered:
            self.answered.add(request)
            self.lost.append(self.path.split("?")[0])
            status, content = 503, b"{}"
        self.send_response(status)
        for name in ("Content-Type", "Location"):
            if answer.headers[name] and status != 503:
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        there.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _hand_on  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Be silent."""


@pytest.mark.ci
def test_answers_that_get_lost(
    bigquery_connection: BigQueryConnection,
    make_contract: MakeContract,
    make_frame: MakeFrame,
) -> None:
    """Each job is inserted twice, since the first answer is lost, and runs once."""
    assert bigquery_connection.endpoint is not None
    LossyProxy.upstream = bigquery_connection.endpoint.removeprefix("http://")
    contract = make_contract(**LAYOUT)
    table = validate(make_frame(ROWS), contract)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), LossyProxy) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        lossy = bigquery_connection.model_copy(
            update={"endpoint": f"http://127.0.0.1:{proxy.server_port}"}
        )
        result = BigQueryWarehouse(lossy).write(contract, table)
        proxy.shutdown()
    assert result == WriteResult(len(ROWS), 0, 0, 0)
    assert sum(path.endswith("/jobs") for path in LossyProxy.lost) >= 3
    assert as_model(BigQueryWarehouse(bigquery_connection).read(contract)) == dict(
        sorted(ROWS.items())
    )


def test_dataset_in_another_location(
    bigquery_connection: BigQueryConnection, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    contract = make_contract()
    BigQueryWarehouse(bigquery_connection).write(contract, validate(make_frame(ROWS), contract))
    elsewhere = bigquery_connection.model_copy(update={"location": "EU"})
    other = make_contract(name="features.other")
    with pytest.raises(WarehouseError, match=r"lies in us-central1.*says EU: set `location: us-c"):
        BigQueryWarehouse(elsewhere).write(other, validate(make_frame(ROWS), other))


def test_layout_of_the_table(
    bigquery_connection: BigQueryConnection,
    make_contract: MakeContract,
    make_frame: MakeFrame,
) -> None:
    """Partitions, clusters, description and location are the contract's, and are checked."""
    contract = make_contract(**LAYOUT)
    warehouse = BigQueryWarehouse(bigquery_connection)
    warehouse.write(contract, validate(make_frame(ROWS), contract))
    client = client_for(bigquery_connection)
    table = client.get_table(bigquery_connection.table(contract.name))
    assert table is not None
    assert (table.time_partitioning.type_, table.time_partitioning.field) == ("MONTH", "data_date")
    assert table.clustering_fields == ["symbol"]
    assert table.description.startswith("A table for tests.\n{")
    assert contract.content_hash in table.description
    dataset = client.api.get_dataset(f"{table.project}.{table.dataset_id}")
    assert dataset.location == "us-central1"
    with pytest.raises(ContractError, match="partitioned by month of data_date, not by day of"):
        warehouse.read(make_contract(**LAYOUT | DAILY))
    with pytest.raises(ContractError, match="clustered by symbol, not nothing"):
        warehouse.read(make_contract(**LAYOUT | {"cluster": []}))
    view = f"{table.project}.{table.dataset_id}.other"
    client.query(f"CREATE VIEW `{view}` AS SELECT 1 AS i", "make a view")
    with pytest.raises(ContractError, match="it is a VIEW, not a table"):
        warehouse.read(make_contract(name="features.other"))


def test_reads_that_cost_too_much_are_refused(
    make_bigquery: MakeConnection, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    connection = make_bigquery()
    contract = make_contract(**LAYOUT)
    BigQueryWarehouse(connection).write(contract, validate(make_frame(ROWS), contract))
    poor = connection.model_copy(update={"maximum_bytes_billed": 20})
    usage.reset()
    with pytest.raises(WarehouseError, match="would read .*; maximum_bytes_billed is 20"):
        BigQueryWarehouse(poor).read(contract)
    assert usage.current().storage_bytes == 0


@pytest.mark.parametrize(
    "mode", ["upsert", *(pytest.param(m, marks=pytest.mark.ci) for m in MODES if m != "upsert")]
)
@pytest.mark.ci
def test_several_spans_do_what_one_does(
    bigquery_connection: BigQueryConnection,
    make_contract: MakeContract,
    make_frame: MakeFrame,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
) -> None:
    """With the limit at one partition, three days are written as three spans of one script."""
    monkeypatch.setattr(bigquery_sql, "MAX_JOB_PARTITIONS", 1)
    contract = make_contract(**DAILY, **MODES[mode])
    warehouse = BigQueryWarehouse(bigquery_connection)
    warehouse.write(contract, validate(make_frame(ROWS | {("ZS", 5): (0.5, 5)}), contract))
    batch: Model = {("ZL", 3): (9.0, 9), ("ZL", 4): (4.0, 4), ("CL", 2): (-37.63, 7)}
    kept = {"upsert": {("ZL", 2), ("ZS", 5)}, "sync": {("ZS", 5)}, "replace": set()}[mode]
    gone = 2 - len(kept)
    result = warehouse.write(contract, validate(make_frame(batch), contract))
    assert result == WriteResult(1, 1, gone, 1)
    old = {("ZL", 2): (1.5, 1), ("ZS", 5): (0.5, 5)}
    expected = dict(sorted((batch | {key: old[key] for key in kept}).items()))
    assert as_model(warehouse.read(contract)) == expected


@pytest.mark.ci
def test_busy_writers_are_tried_again(
    bigquery_connection: BigQueryConnection,
    make_contract: MakeContract,
    make_frame: MakeFrame,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A conflict is no failure until it has come several times; each attempt counts anew."""
    contract = make_contract()
    warehouse = BigQueryWarehouse(bigquery_connection)
    table = validate(make_frame(ROWS), contract)
    warehouse.write(contract, contract.arrow_schema().empty_table())
    client = type(client_for(bigquery_connection))
    query, refusals = client.query, [1, 1]

    def conflict(self: Any, sql: str, doing: str) -> list[tuple[Any, ...]]:
        if sql.startswith("BEGIN TRANSACTION") and refusals:
            refusals.pop()
            raise WarehouseBusyError("cannot write: another writer changed the table.")
        return query(self, sql, doing)

    monkeypatch.setattr(client, "query", conflict)
    monkeypatch.setattr(backend, "BACKOFF_S", 0.001)
    caplog.set_level(logging.INFO, logger="soyoil")
    assert warehouse.write(contract, table).inserted == len(ROWS)
    assert caplog.text.count("Trying again") == 2
    refusals += [1] * backend.ATTEMPTS
    changed = validate(make_frame(ROWS | {("ZS", 1): (1.0, 1)}), contract)
    with pytest.raises(WarehouseBusyError, match="another writer"):
        warehouse.write(contract, changed)
    monkeypatch.undo()
    assert as_model(warehouse.read(contract)) == dict(sorted(ROWS.items()))


KILLED = """
    import os, sys
    import soyoil.warehouse.bigquery.client as client
    from soyoil.warehouse.bigquery.backend import BigQueryWarehouse
    from soyoil.warehouse.connection import BigQueryConnection
    from soyoil.contracts.contract import TableContract

    connection = BigQueryConnection.model_validate_json(sys.argv[1])
    contract = TableContract.model_validate_json(sys.argv[2])
    query = client.BigQueryClient.query

    def die(self, sql, doing):
        if sql.startswith("BEGIN TRANSACTION"):
            os._exit(9)
        return query(self, sql, doing)

    client.BigQueryClient.query = die
    BigQueryWarehouse(connection).write(contract, contract.arrow_schema().empty_table())
"""


@pytest.mark.ci
def test_killed_process(
    bigquery_connection: BigQueryConnection,
    make_contract: MakeContract,
    make_frame: MakeFrame,
) -> None:
    """The table is as it was, the staging table expires, and the next write goes through."""
    contract = make_contract(**MODES["replace"])
    warehouse = BigQueryWarehouse(bigquery_connection)
    warehouse.write(contract, validate(make_frame(ROWS), contract))
    command = [sys.executable, "-c", textwrap.dedent(KILLED)]
    arguments = [bigquery_connection.model_dump_json(), contract.model_dump_json()]
    done = subprocess.run([*command, *arguments], check=False, timeout=120, env=os.environ)
    assert done.returncode == 9
    assert as_model(warehouse.read(contract)) == dict(sorted(ROWS.items()))
    api_client = client_for(bigquery_connection).api
    dataset = f"{bigquery_connection.project}.{bigquery_connection.dataset('features')}"
    (stage,) = (t for t in api_client.list_tables(dataset) if t.table_id.startswith(STAGE_PREFIX))
    expires = api_client.get_table(stage.reference).expires
    assert dt.datetime.now(dt.UTC) < expires <= dt.datetime.now(dt.UTC) + dt.timedelta(hours=6)
    nothing = contract.arrow_schema().empty_table()
    assert warehouse.write(contract, nothing) == WriteResult(0, 0, 3, 0)


def test_forbidden_stages_make_no_request(
    bigquery_connection: BigQueryConnection, make_contract: MakeContract, make_frame: MakeFrame
) -> None:
    contract = make_contract()
    table = validate(make_frame(ROWS), contract)
    opened_before = connect(bigquery_connection)
    usage.reset()
    with forbid_warehouse("fit reads the snapshot"):
        for use in (
            lambda: connect(bigquery_connection),
            lambda: opened_before.exists(contract),
            lambda: opened_before.read(contract),
            lambda: opened_before.write(contract, table),
        ):
            with pytest.raises(WarehouseError, match="fit reads the snapshot"):
                use()
    assert usage.current().requests == 0
