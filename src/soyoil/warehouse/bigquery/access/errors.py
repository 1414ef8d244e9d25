"""What went wrong with BigQuery, in one message that says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from soyoil.base.errors import WarehouseBusyError, WarehouseError
from soyoil.warehouse.bigquery.access.permissions import ROLES, permission_advice
from soyoil.warehouse.bigquery.access.settings import BigQueryConnection

QUOTA_REASONS: Final = ("quotaExceeded", "rateLimitExceeded", "jobRateLimitExceeded")
RATE_REASONS: Final = ("rateLimitExceeded", "jobRateLimitExceeded")
# The last one is how the server of our tests puts it.
CAME_BETWEEN: Final = "another write of soyoil came between"
"""What a transaction says that was prepared on digests which are no longer there."""
CONFLICTS: Final = (
    "concurrent update",
    "could not serialize access",
    "failed to commit",
    CAME_BETWEEN,
)


@contextmanager
def explained(connection: BigQueryConnection, doing: str) -> Iterator[None]:
    """Turn what Google's clients raise inside the block into a `WarehouseError`.

    Parameters
    ----------
    connection
        For the message.
    doing
        What the block does, as in "cannot <doing>".
    """
    from concurrent.futures import TimeoutError as JobTimeoutError

    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException

    try:
        yield
    except (GoogleAPIError, GoogleAuthError, RequestException, JobTimeoutError) as exc:
        raise explain(exc, connection, doing) from exc


def explain(exc: Exception, connection: BigQueryConnection, doing: str) -> WarehouseError:
    """Error for the user; see `explained`."""
    said = said_by_google(exc)
    start = f"cannot {doing} in BigQuery project {connection.project}"
    if any(marker in said.lower() for marker in CONFLICTS):
        return WarehouseBusyError(
            f"{start}: another writer changed the table meanwhile ({said}). Nothing was written; "
            "run again when the other one is done."
        )
    return WarehouseError(f"{start}: {_advice(exc, said, connection)}")


def said_by_google(exc: Exception) -> str:
    """The reason in Google's words, without request, job id and location."""
    errors = getattr(exc, "errors", None) or []
    first = errors[0] if errors and isinstance(errors[0], dict) else {}
    text = str(first.get("message") or getattr(exc, "message", None) or exc)
    return text.strip().split("\n")[0] or type(exc).__name__


def is_rate_limit(exc: BaseException | None) -> bool:
    """Whether too much came at once, so that it may work after a pause.

    The limit of changes of a table comes as a 400 from jobs and as a 403 from requests.
    """
    if not isinstance(exc, Exception):
        return False
    return _reason(exc) in RATE_REASONS or "exceeded rate limits" in said_by_google(exc).lower()


def _reason(exc: Exception) -> str:
    errors = getattr(exc, "errors", None) or []
    return str(errors[0].get("reason", "")) if errors and isinstance(errors[0], dict) else ""


def _advice(exc: Exception, said: str, connection: BigQueryConnection) -> str:
    from google.api_core import exceptions as api
    from google.auth import exceptions as auth

    reason = _reason(exc)
    if isinstance(exc, auth.DefaultCredentialsError):
        return (
            "no Google credentials were found. Run `gcloud auth application-default login`, set "
            "GOOGLE_APPLICATION_CREDENTIALS to a key file, or fill conf/bigquery/credentials.yml "
            f"and name its entry as warehouse_credentials in globals.yml ({said})"
        )
    if isinstance(exc, auth.TransportError):
        return _unreachable(said, connection)
    if isinstance(exc, auth.RefreshError) and connection.impersonate:
        return (
            f"it may not act as {connection.impersonate} ({said}). Give your own account "
            "roles/iam.serviceAccountTokenCreator on that service account, enable "
            "iamcredentials.googleapis.com, or correct `impersonate` under `warehouse` in "
            "conf/bigquery/globals.yml"
        )
    if isinstance(exc, auth.GoogleAuthError | api.Unauthorized):
        return (
            f"Google refused the credentials ({said}). Log in again with `gcloud auth "
            "application-default login`, or correct the key file or credentials.yml"
        )
    if reason == "bytesBilledLimitExceeded" or "limit for bytes billed" in said:
        return too_expensive(said, connection)
    permission = permission_advice(said, reason, connection)
    if permission:
        return permission
    if is_rate_limit(exc):
        return (
            f"too much came at once ({said}). Wait a minute and run again; a statement that is "
            "refused for it did nothing"
        )
    if reason in QUOTA_REASONS or isinstance(exc, api.TooManyRequests | api.ResourceExhausted):
        return (
            f"a quota is used up ({said}). Wait and run again, or raise the quota in the Google "
            "Cloud console under IAM & Admin, Quotas"
        )
    if isinstance(exc, api.Forbidden):
        return (
            f"permission is missing, or there is no such project or table ({said}). Check "
            f"`project` in conf/bigquery/globals.yml, and give the account {ROLES} on it"
        )
    if isinstance(exc, api.NotFound):
        return _not_found(said, connection)
    if isinstance(exc, api.InternalServerError) or reason == "internalError":
        return (
            f"an error within BigQuery itself ({said}). It is not in your tables or settings: run "
            "again, and if it stays, look at https://status.cloud.google.com; nothing was half "
            "written"
        )
    if _is_network(exc):
        return _unreachable(said, connection)
    return f"BigQuery refused it ({said})"


def too_expensive(what: str, connection: BigQueryConnection) -> str:
    """Advice where a query or a read would exceed the limit of the connection."""
    limit = connection.maximum_bytes_billed
    return (
        f"{what}; maximum_bytes_billed is {limit} ({limit / 2**30:.3g} GiB). Read fewer columns "
        "or a shorter span, or raise it under `warehouse` in conf/bigquery/globals.yml"
    )


def _not_found(said: str, connection: BigQueryConnection) -> str:
    if "Project" in said:
        return (
            f"there is no such project ({said}). Set `project` under `warehouse` in "
            "conf/bigquery/globals.yml to an id that `gcloud projects list` shows"
        )
    if "was not found in location" in said:
        return (
            f"there is no such dataset in {connection.location} ({said}). If it lies elsewhere, "
            "set `location` under `warehouse` in conf/bigquery/globals.yml to where it lies: one "
            "job reads and writes one location. If it is missing, run the pipeline that writes it"
        )
    if "Dataset" in said:
        return (
            f"the dataset is missing in {connection.location} ({said}). Run the pipeline that "
            "writes it first, or correct location and dataset_prefix under `warehouse`"
        )
    return (
        f"it is not there ({said}). Run the pipeline that writes it first, or correct project "
        "and dataset_prefix under `warehouse`"
    )


def _is_network(exc: Exception) -> bool:
    from concurrent.futures import TimeoutError as JobTimeoutError

    from google.api_core import exceptions as api
    from requests.exceptions import RequestException

    kinds: tuple[Any, ...] = (api.ServerError, api.RetryError, RequestException, JobTimeoutError)
    return isinstance(exc, kinds)


def _unreachable(said: str, connection: BigQueryConnection) -> str:
    server = connection.endpoint or "bigquery.googleapis.com"
    return (
        f"{server} did not answer in time ({said}). Check network, proxy and "
        "https://status.cloud.google.com and run again; nothing was half written. timeout_s and "
        "job_timeout_s under `warehouse` say how long to wait"
    )
