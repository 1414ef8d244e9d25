"""As whom requests to BigQuery are made, and on whose quota."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import Any, Final

from soyoil.base.errors import WarehouseError
from soyoil.warehouse.bigquery.access.settings import BigQueryConnection

CLOUD_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"


def credentials_of(connection: BigQueryConnection) -> Any:
    """Google's credentials of a connection, impersonation and quota project included.

    Raises
    ------
    WarehouseError
        The entry of credentials.yml is no service account.
    """
    from google.auth import impersonated_credentials
    from google.auth.credentials import AnonymousCredentials

    if connection.endpoint:
        return AnonymousCredentials()
    found = _own(connection)
    if connection.impersonate:
        found = impersonated_credentials.Credentials(
            source_credentials=found,
            target_principal=connection.impersonate,
            target_scopes=[CLOUD_SCOPE],
        )
    if connection.quota_project:
        found = found.with_quota_project(connection.quota_project)
    return found


def _own(connection: BigQueryConnection) -> Any:
    import google.auth
    from google.oauth2 import service_account

    if connection.credentials is None:
        return google.auth.default(scopes=[CLOUD_SCOPE])[0]
    given = connection.credentials.get_secret_value()
    make = service_account.Credentials
    is_path = not given.lstrip().startswith("{")
    try:
        if is_path:
            return make.from_service_account_file(given, scopes=[CLOUD_SCOPE])
        return make.from_service_account_info(json.loads(given), scopes=[CLOUD_SCOPE])
    except (OSError, ValueError) as exc:
        # Not the text of the error: it may quote the key.
        raise WarehouseError(
            f"the credentials for BigQuery{_place(given) if is_path else ''} are no service "
            f"account ({type(exc).__name__}). Correct the entry of "
            "conf/bigquery/credentials.yml: `keyfile`, the path of a JSON key, or the fields "
            "of that file."
        ) from None


def _place(given: str) -> str:
    """Where credentials were looked for; nothing of what may be a key instead of a path."""
    with contextlib.suppress(OSError, ValueError):
        if Path(given).is_file():
            return f" in {given}"
    plain = re.fullmatch(r"[\w./~\\: -]{1,200}\.json", given)
    return f" in {given}" if plain else " (its text is not shown: it may be a key, and no path)"
