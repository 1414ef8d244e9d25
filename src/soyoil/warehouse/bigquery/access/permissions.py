"""Which role, switch or setting is missing when BigQuery says no."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from soyoil.warehouse.bigquery.access.settings import BigQueryConnection

ROLES: Final = (
    "roles/bigquery.dataEditor, roles/bigquery.jobUser and roles/bigquery.readSessionUser"
)
_SETTINGS: Final = "under `warehouse` in conf/bigquery/globals.yml"

_Advice = Callable[[str, BigQueryConnection], str]


def permission_advice(said: str, reason: str, connection: BigQueryConnection) -> str | None:
    """What to do about an error of billing, service or permission.

    Parameters
    ----------
    said
        The message of Google's.
    reason
        Its ``reason``, where it has one.
    connection
        For the names of projects.

    Returns
    -------
    str or None
        None where it is another error.
    """
    text = f"{reason} {said}".lower()
    for marker, advice in _KNOWN:
        if re.search(marker, text):
            return advice(said, connection)
    return None


def _sandbox(said: str, connection: BigQueryConnection) -> str:
    return (
        f"the project {connection.payer} is a sandbox, without a billing account ({said}). There "
        "BigQuery reads and loads, but runs no INSERT, MERGE or DELETE, by which soyoil writes, "
        "and every table vanishes after 60 days. Link a billing account (`gcloud billing projects "
        f"link {connection.payer} --billing-account=<id>`; the first TiB of queries a month stays "
        "free), or stay with the embedded warehouse: leave out --env=bigquery"
    )


def _expires(said: str, connection: BigQueryConnection) -> str:
    return (
        f"the project {connection.project} is a sandbox, without a billing account ({said}): no "
        "table there lives longer than 60 days. Link a billing account to it, then lift the "
        "expiration of datasets that exist, which stays: ALTER SCHEMA `<dataset>` SET OPTIONS "
        "(default_table_expiration_days = NULL, default_partition_expiration_days = NULL)"
    )


def _billing(said: str, connection: BigQueryConnection) -> str:
    return (
        f"no billing account pays for the project {connection.payer}, or it is closed ({said}). "
        f"Look by `gcloud billing projects describe {connection.payer}`, link one by `gcloud "
        f"billing projects link {connection.payer} --billing-account=<id>`, or name another "
        f"project that pays as `billing_project` {_SETTINGS}. It may take some minutes to work"
    )


def _quota_project(said: str, connection: BigQueryConnection) -> str:
    used = connection.quota_project
    from_where = (
        f"`quota_project: {used}` {_SETTINGS}"
        if used
        else "the quota project of your credentials (`gcloud auth application-default "
        f"set-quota-project {connection.payer}`, or `quota_project` {_SETTINGS})"
    )
    return (
        "requests are counted against a project that the account may not use, whatever project "
        f"holds the tables ({said}). Correct {from_where}, or give the account "
        "roles/serviceusage.serviceUsageConsumer on it"
    )


def _service(said: str, connection: BigQueryConnection) -> str:
    counted = connection.quota_project or connection.payer
    return (
        f"the project does not offer it ({said}). Enable the BigQuery and BigQuery Storage APIs: "
        "`gcloud services enable bigquery.googleapis.com bigquerystorage.googleapis.com "
        f"--project={counted}`, and wait some minutes. If the message names another project, the "
        "quota project of your credentials is a wrong one: `gcloud auth application-default "
        f"set-quota-project {counted}`"
    )


def _jobs(said: str, connection: BigQueryConnection) -> str:
    return (
        f"the account may not run jobs in {connection.payer} ({said}). Give it "
        f"roles/bigquery.jobUser on {connection.payer}, or name a project in which it may as "
        f"`billing_project` {_SETTINGS}; the tables stay in {connection.project}"
    )


def _sessions(said: str, connection: BigQueryConnection) -> str:
    return (
        f"the account may not read by the Storage API ({said}). Give it "
        f"roles/bigquery.readSessionUser on {connection.payer}; to read tables alone is another "
        f"role, roles/bigquery.dataViewer on {connection.project}"
    )


def _datasets(said: str, connection: BigQueryConnection) -> str:
    return (
        f"the account may not create datasets ({said}). Give it roles/bigquery.user on "
        f"{connection.project}, or have somebody create those of soyoil (`kedro warehouse plan "
        "--env=bigquery` names them) and give it roles/bigquery.dataEditor on each"
    )


def _key(said: str, connection: BigQueryConnection) -> str:
    key = connection.kms_key_name or "<key>"
    return (
        f"BigQuery may not use the key that encrypts the tables ({said}). Not your account but "
        f"BigQuery's own needs roles/cloudkms.cryptoKeyEncrypterDecrypter on {key}: `bq show "
        f"--encryption_service_account --project_id={connection.project}` names it. The key has to "
        f"lie in {connection.location}, where the datasets are"
    )


def _perimeter(said: str, connection: BigQueryConnection) -> str:
    return (
        f"a VPC Service Controls perimeter keeps this request out ({said}). No role helps: run "
        "inside the perimeter, or ask whoever runs it for an access level, giving them the id in "
        "that message"
    )


def _row_policy(said: str, connection: BigQueryConnection) -> str:
    return (
        f"the table has row access policies or policy tags that this account is not named in "
        f"({said}). Have it added to them: what it cannot see, soyoil would take for absent"
    )


_KNOWN: Final[tuple[tuple[str, _Advice], ...]] = (
    ("vpc service controls|prohibited by organization's policy", _perimeter),
    ("60 days while in sandbox|sandbox mode", _expires),
    ("free tier", _sandbox),
    ("billingnotenabled|billing_disabled|billing has not been enabled|billing to be enabled|"
     "billing account .*(disabled|closed)", _billing),
    ("user_project_denied|userprojectmissing|required permission to use project|"
     "serviceusage.services.use", _quota_project),
    ("accessnotconfigured|service_disabled|has not been used in project|not enabled", _service),
    ("cloudkms|cryptokey|cloud kms", _key),
    (r"bigquery\.jobs\.create", _jobs),
    (r"bigquery\.readsessions\.", _sessions),
    (r"bigquery\.datasets\.create", _datasets),
    ("row access polic|policy tag|finegrained", _row_policy),
)  # fmt: skip
"""Texts of Google's messages and reasons, in small letters; the first that is found counts."""
