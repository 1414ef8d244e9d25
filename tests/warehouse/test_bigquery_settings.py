"""Whom requests are made as and who pays, and what Google's refusals mean."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
import requests
from google.api_core import exceptions as api
from google.auth import exceptions as auth
from google.auth import impersonated_credentials
from google.oauth2 import service_account

from soyoil.base.errors import ConfigError, WarehouseError
from soyoil.contracts.contract import TableContract
from soyoil.contracts.validation import validate
from soyoil.warehouse.bigquery.access import credentials, datasets
from soyoil.warehouse.bigquery.access.errors import explain, is_rate_limit
from soyoil.warehouse.bigquery.backend import BigQueryWarehouse
from soyoil.warehouse.bigquery.client import client_for
from soyoil.warehouse.connection import BigQueryConnection, parse_connection
from soyoil.warehouse.open import open_inspector

BASE = {"backend": "bigquery", "project": "my-project"}
ROBOT = "robot@my-project.iam.gserviceaccount.com"
KEY = "projects/p/locations/us-central1/keyRings/r/cryptoKeys/k"


def connection(**fields: Any) -> BigQueryConnection:
    found = parse_connection(BASE | fields)
    assert isinstance(found, BigQueryConnection)
    return found


def test_settings_are_typed() -> None:
    found = connection(job_labels={"team": "soy", "a-b": ""}, kms_key_name=KEY, impersonate=ROBOT)
    assert found.job_labels == (("a-b", ""), ("team", "soy"))
    assert found.payer == "my-project"
    assert connection(billing_project="who-pays").payer == "who-pays"
    assert BigQueryConnection.model_validate_json(found.model_dump_json()) == found
    hash(found)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"job_labels": {"Team": "a"}}, "job_labels: Team: a: at most 64 labels of lower-case"),
        ({"job_labels": {f"k{i}": "v" for i in range(65)}}, "job_labels: 65: at most 64"),
        ({"job_labels": "team"}, "job_labels: write `key: value` lines"),
        ({"kms_key_name": "k"}, "kms_key_name: must be projects/<project>/locations/.* .got 'k'"),
        ({"impersonate": "me@example.com"}, "impersonate: must be the e-mail of a service accou"),
        ({"billing_project": "Who Pays"}, "billing_project: not a project id"),
        ({"quota_projct": "x"}, "unknown key 'quota_projct'. Did you mean 'quota_project'"),
    ],
)
def test_refused_settings(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        connection(**fields)


def test_settings_reach_the_official_client(monkeypatch: pytest.MonkeyPatch) -> None:
    own = service_account.Credentials(None, ROBOT, "https://oauth2.googleapis.com/token")
    monkeypatch.setattr(credentials, "_own", lambda connection: own)
    given = connection(
        impersonate=ROBOT, quota_project="who-counts", billing_project="who-pays",
        job_labels={"team": "soy"},
    )  # fmt: skip
    found = credentials.credentials_of(given)
    assert isinstance(found, impersonated_credentials.Credentials)
    assert found.service_account_email == ROBOT
    assert found.quota_project_id == "who-counts"
    headers: dict[str, str] = {}
    found.token = "t"
    found.apply(headers)
    assert headers["x-goog-user-project"] == "who-counts"
    client = client_for(given).api
    assert client.project == "who-pays"
    assert client.default_query_job_config is not None
    assert client.default_query_job_config.labels == {"team": "soy"}
    assert client.default_load_job_config.labels == {"team": "soy"}
    assert given.table("a.b") == "my-project.a.b"


@pytest.mark.ci
def test_another_project_pays(
    bigquery_connection: BigQueryConnection,
    make_contract: Callable[..., TableContract],
    make_frame: Callable[[dict[Any, Any]], pd.DataFrame],
) -> None:
    """Jobs run elsewhere, labelled; the tables are where they were."""
    paid = bigquery_connection.model_copy(
        update={"billing_project": "who-pays", "job_labels": (("team", "soy"),)}
    )
    contract = make_contract()
    rows = validate(make_frame({("ZL", 2): (1.5, 1)}), contract)
    BigQueryWarehouse(paid).write(contract, rows)
    assert BigQueryWarehouse(bigquery_connection).read(contract).num_rows == 1
    assert BigQueryWarehouse(paid).read(contract).num_rows == 1
    assert "features.small" in open_inspector(paid).inspect().tables
    jobs = list(client_for(paid).api.list_jobs(project="who-pays", all_users=True, max_results=5))
    assert jobs
    assert all(job.labels == {"team": "soy"} for job in jobs)


def test_tables_are_made_under_the_key_only(
    bigquery_connection: BigQueryConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    from google.cloud import bigquery

    keyed = bigquery_connection.model_copy(update={"kms_key_name": KEY})
    name = f"{keyed.project}.{keyed.dataset('features')}"
    there = bigquery.Dataset(name)
    there.location = keyed.location
    with pytest.raises(WarehouseError, match=r"the key of Google.*ALTER SCHEMA.*default_kms_key"):
        datasets.check_dataset(there, keyed)
    there.default_encryption_configuration = bigquery.EncryptionConfiguration(KEY)
    datasets.check_dataset(there, keyed)
    client_for(bigquery_connection).create_dataset(name)
    with pytest.raises(WarehouseError, match="would be encrypted with"):
        open_inspector(keyed).execute([f"CREATE TABLE `{name}.t` (x INT64)"])
    assert client_for(bigquery_connection).get_table(f"{name}.t") is None
    made: list[bigquery.Dataset] = []

    def create(dataset: bigquery.Dataset, **options: Any) -> bigquery.Dataset:
        made.append(dataset)
        return dataset

    monkeypatch.setattr(client_for(keyed).api, "create_dataset", create)
    client_for(keyed).check_encryption(f"{name}_new")
    assert made[0].default_encryption_configuration.kms_key_name == KEY


def test_a_table_that_is_replaced_does_not_begin_to_expire(
    bigquery_connection: BigQueryConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a dataset of a former sandbox, whose default every new table gets."""
    from google.cloud import bigquery

    client = client_for(bigquery_connection)
    updates: list[tuple[list[str], Any, Any]] = []

    def table(*, expires: bool, parts: bool) -> bigquery.Table:
        made = bigquery.Table("my-project.a.b", [bigquery.SchemaField("d", "DATE")])
        made.expires = dt.datetime(2030, 1, 1, tzinfo=dt.UTC) if expires else None
        lasting = 5_184_000_000 if parts else None
        made.time_partitioning = bigquery.TimePartitioning(field="d", expiration_ms=lasting)
        return made

    def update(table: bigquery.Table, fields: list[str], **options: Any) -> None:
        updates.append((fields, table.expires, table.time_partitioning.expiration_ms))

    monkeypatch.setattr(client.api, "update_table", update)
    script = "ASSERT TRUE;\nDROP TABLE `p.a.b`;\nALTER TABLE `p.a.b__soyoil_new` RENAME TO `b`"
    for statement, had, changed in (
        ("ASSERT TRUE;\nCREATE OR REPLACE TABLE `p.a.b` (d DATE)\nAS SELECT 1", False, True),
        (script, False, True),
        (script, True, False),
        ("DROP TABLE `p.a.b`", False, False),
    ):
        updates.clear()
        answers = [table(expires=had, parts=had), table(expires=True, parts=True)]
        monkeypatch.setattr(client, "get_table", lambda name, a=answers: a.pop(0))
        monkeypatch.setattr(client, "query", lambda sql, doing: [])
        open_inspector(bigquery_connection).execute([statement])
        assert bool(updates) is changed
        if changed:
            assert updates == [(["expires", "time_partitioning"], None, None)]


def payload(code: int, message: str, reason: str, **details: Any) -> Exception:
    """What the client raises on an answer of the form in which Google's servers give errors."""
    error = {
        "code": code,
        "message": message,
        "errors": [{"message": message, "domain": "global", "reason": reason}],
        **details,
    }
    answer = requests.Response()
    answer.status_code = code
    answer._content = json.dumps({"error": error}).encode()
    answer.request = requests.Request("POST", "https://bigquery.googleapis.com/x").prepare()
    found: Exception = api.from_http_response(answer)
    return found


def info(reason: str) -> dict[str, Any]:
    kind = "type.googleapis.com/google.rpc.ErrorInfo"
    return {"details": [{"@type": kind, "reason": reason, "domain": "googleapis.com"}]}


BILLING = "Billing has not been enabled for this project. "
CONSOLE = "Enable billing at https://console.cloud.google.com/billing. "


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            payload(403, BILLING + CONSOLE + "DML queries are not allowed in the free tier. Set up "
                    "a billing account to remove this restriction.", "billingNotEnabled"),
            "my-project is a sandbox.*no INSERT, MERGE or DELETE.*60 days.*billing projects link",
        ),
        (
            payload(403, "Access Denied: BigQuery BigQuery: Streaming insert is not allowed in the "
                    "free tier", "accessDenied"),
            "is a sandbox",
        ),
        (
            payload(400, BILLING + "Table expiration time must be less than 60 days while in "
                    "sandbox mode.", "invalid"),
            "no table there lives longer than 60 days.*default_table_expiration_days = NULL",
        ),
        (
            payload(403, "BigQuery: " + BILLING + CONSOLE, "billingNotEnabled"),
            "no billing account pays for the project my-project.*billing projects describe",
        ),
        (
            payload(403, "This API method requires billing to be enabled. Please enable billing on "
                    "project #7 then retry.", "forbidden", **info("BILLING_DISABLED")),
            "no billing account pays",
        ),
        (
            payload(403, "Caller does not have required permission to use project other-project. "
                    "Grant the caller the roles/serviceusage.serviceUsageConsumer role, or a "
                    "custom role with the serviceusage.services.use permission", "forbidden",
                    **info("USER_PROJECT_DENIED")),
            "set-quota-project my-project.*roles/serviceusage.serviceUsageConsumer",
        ),
        (
            payload(403, "BigQuery API has not been used in project 7 before or it is disabled.",
                    "accessNotConfigured", **info("SERVICE_DISABLED")),
            "gcloud services enable bigquery.*names another project, the quota project",
        ),
        (
            payload(403, "Access Denied: Project my-project: User does not have "
                    "bigquery.jobs.create permission in project my-project.", "accessDenied"),
            "may not run jobs in my-project.*roles/bigquery.jobUser on my-project.*billing_project",
        ),
        (
            payload(403, "Access Denied: Project my-project: User does not have "
                    "bigquery.datasets.create permission in project my-project.", "accessDenied"),
            "may not create datasets.*roles/bigquery.user on my-project",
        ),
        (
            payload(403, "request failed: the user does not have 'bigquery.readsessions.create' "
                    "permission for 'projects/my-project'", ""),
            "roles/bigquery.readSessionUser on my-project",
        ),
        (
            payload(403, "Access Denied: Table my-project:a.b: User does not have permission to "
                    "query table my-project:a.b, or perhaps it does not exist.", "accessDenied"),
            "permission is missing, or there is no such.*roles/bigquery.dataEditor",
        ),
        (
            payload(400, "Please grant Cloud KMS CryptoKey Encrypter/Decrypter role to the service "
                    "account 'bq-7@bigquery-encryption.iam.gserviceaccount.com'", "invalid"),
            "Not your account but BigQuery's own needs roles/cloudkms",
        ),
        (
            payload(403, "VPC Service Controls: Request is prohibited by organization's policy. "
                    "vpcServiceControlsUniqueIdentifier: abc", "accessDenied"),
            "perimeter keeps this request out.*No role helps",
        ),
        (
            payload(404, "Not found: Dataset my-project:a was not found in location us-central1",
                    "notFound"),
            "no such dataset in us-central1.*set `location`",
        ),
        (
            payload(404, "Not found: Project my-project", "notFound"),
            "there is no such project.*gcloud projects list",
        ),
        (
            payload(400, "Exceeded rate limits: too many table update operations for this table. "
                    "For more information, see https://cloud.google.com/bigquery/docs/"
                    "troubleshoot-quotas", "jobRateLimitExceeded"),
            "too much came at once",
        ),
        (
            payload(500, "An internal error occurred and the request could not be completed.",
                    "internalError"),
            "an error within BigQuery itself.*not in your tables or settings",
        ),
        (payload(503, "Error encountered during execution. Retrying may solve the problem.",
                 "backendError"), "did not answer in time"),
    ],
)  # fmt: skip
def test_refusals_of_google_are_told_apart(error: Exception, message: str) -> None:
    found = explain(error, connection(), "write x")
    with pytest.raises(WarehouseError, match=f"cannot write x.*{message}"):
        raise found


def test_advice_names_the_settings_in_use() -> None:
    denied = payload(403, "Caller does not have required permission to use project q.", "forbidden")
    said = str(explain(denied, connection(quota_project="who-counts"), "x"))
    assert "`quota_project: who-counts`" in said
    jobs = payload(403, "User does not have bigquery.jobs.create permission", "accessDenied")
    said = str(explain(jobs, connection(billing_project="who-pays"), "x"))
    assert "roles/bigquery.jobUser on who-pays" in said
    assert "the tables stay in my-project" in said
    refused = auth.RefreshError("Unable to acquire impersonated credentials")
    said = str(explain(refused, connection(impersonate=ROBOT), "x"))
    assert "roles/iam.serviceAccountTokenCreator" in said


def test_changes_of_structure_keep_to_the_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused for its rate is tried again; what else fails, or was a script, is not."""
    monkeypatch.setattr(datasets, "PAUSES_S", (0.0, 0.0))
    limited = payload(400, "Exceeded rate limits: too many table update operations", "x")
    other = payload(400, "Syntax error", "invalidQuery")
    assert is_rate_limit(limited)
    assert not is_rate_limit(other)
    assert not is_rate_limit(None)

    def attempts(errors: list[Exception], sql: str = "ALTER TABLE a SET OPTIONS ()") -> list[str]:
        ran: list[str] = []
        client = client_for(connection(job_labels={"n": str(len(errors)), "s": sql[:1].lower()}))

        def query(text: str, doing: str) -> list[tuple[Any, ...]]:
            ran.append(text)
            if len(ran) <= len(errors):
                with client.explaining(doing):
                    raise errors[len(ran) - 1]
            return []

        monkeypatch.setattr(client, "query", query)
        try:
            client.change(sql, "change a")
        except WarehouseError as error:
            ran.append(str(error))
        return ran

    assert len(attempts([limited, limited])) == 3
    assert "too much came at once" in attempts([limited] * 3)[-1]
    assert len(attempts([other])) == 2
    assert len(attempts([limited], "ASSERT TRUE;\nDROP TABLE a")) == 2
