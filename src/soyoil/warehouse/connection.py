"""Which warehouse to use."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import Field, SecretStr, TypeAdapter, ValidationError

from soyoil.base.config import OTHER_KIND, Config, bounded, reason_of_bound
from soyoil.base.errors import ConfigError
from soyoil.base.redact import HIDDEN, is_secret_name, redact
from soyoil.base.suggest import did_you_mean
from soyoil.warehouse.bigquery.access.settings import BigQueryConnection

__all__ = [
    "KEYFILE", "PROJECT_VARIABLES", "BigQueryConnection", "ConnectionConfig", "DuckDBConnection",
    "parse_connection",
]  # fmt: skip

PROJECT_VARIABLES: Final = ("GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT")
"""Environment variables that name the project where the connection does not, first one first."""
KEYFILE: Final = "keyfile"
"""Key of a credentials entry that names a file instead of holding the service account."""

_TEMPLATED: Final = ("path", "dataset_prefix")
# Kedro takes braces in a catalog pattern for its own.
_PLACEHOLDER: Final = re.compile(r"<([^<>]*)>")
_FORMS: Final = {
    "endpoint": "http://host:port",
    "storage_endpoint": "host:port",
    "impersonate": "the e-mail of a service account",
    "kms_key_name": "projects/<project>/locations/<location>/keyRings/<ring>/cryptoKeys/<key>",
}


class DuckDBConnection(Config):
    """Connection to a DuckDB file.

    Attributes
    ----------
    path
        The file. It and its folder are created by the first write.
    busy_timeout_s
        Seconds to wait for another process that holds the file.
    """

    backend: Literal["duckdb"] = "duckdb"
    path: Path
    busy_timeout_s: float = bounded(5.0, ge=0, le=86_400, why="no run holds it for a day")

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        return str(self.path)


ConnectionConfig = DuckDBConnection | BigQueryConnection

_CONNECTIONS: Final[dict[str, type[ConnectionConfig]]] = {
    connection.model_fields["backend"].default: connection
    for connection in get_args(ConnectionConfig)
}
_ADAPTER: Final[TypeAdapter[ConnectionConfig]] = TypeAdapter(
    Annotated[ConnectionConfig, Field(discriminator="backend")]
)


def parse_connection(
    raw: Mapping[str, Any],
    *,
    source_kind: str | None = None,
    credentials: Mapping[str, Any] | str | None = None,
) -> ConnectionConfig:
    """Check a connection as it stands in the configuration.

    Parameters
    ----------
    raw
        Fields of `DuckDBConnection` or `BigQueryConnection`; `backend` says which, ``duckdb`` if
        it is missing. ``<source_kind>`` in ``path`` and ``dataset_prefix`` is filled in, so that
        each source has a warehouse of its own. Without ``project``, the environment names it.
    source_kind
        Kind of the data source.
    credentials
        Entry of ``credentials.yml`` for BigQuery: a service account, ``{keyfile: path}``, or
        the path itself.

    Raises
    ------
    ConfigError
        Naming the key, the value and what is allowed.
    """
    if not isinstance(raw, Mapping):
        raise ConfigError(
            f"warehouse connection: it is {redact(repr(raw))}, but must be `key: value` lines such "
            "as `backend: duckdb`. Correct `warehouse` in globals.yml."
        )
    fields = dict(raw)
    backend = fields.setdefault("backend", "duckdb")
    for key in _TEMPLATED:
        if isinstance(fields.get(key), str):
            fields[key] = _filled(key, fields[key], source_kind)
    if backend == "bigquery":
        if fields.get("project") is None:
            fields["project"] = _project_of_environment()
        fields["credentials"] = _secret(credentials)
    try:
        return _ADAPTER.validate_python(fields)
    except ValidationError as exc:
        problems = "; ".join(_problem(error) for error in exc.errors())
        raise ConfigError(
            f"warehouse connection: {problems}. Correct `warehouse` in globals.yml."
        ) from None


def _problem(error: Any) -> str:
    if error["type"] == "union_tag_invalid":
        return f"backend: must be {error['ctx']['expected_tags']} (got {error['ctx']['tag']!r})"
    # The first part of the location is the backend, which the discriminator adds.
    where = ".".join(str(part) for part in error["loc"][1:])
    model = _CONNECTIONS[error["loc"][0]]
    known = [name for name in model.model_fields if not is_secret_name(name)]
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "missing":
        return f"{where} is missing"
    if error["type"] == "extra_forbidden":
        hint = did_you_mean(where, known, cutoff=0.5)
        return f"unknown key {where!r}.{hint} Known: {', '.join(known)}"
    value = error["input"]
    if error["type"] == OTHER_KIND:
        where, value, message = (error["ctx"][key] for key in ("key", "value", "message"))
    elif error["type"] == "string_pattern_mismatch":
        message = f"must be {_FORMS[where]}"
    elif error["type"] == "less_than_equal":
        message += reason_of_bound(model, error["loc"][1:])
    given = HIDDEN if is_secret_name(where) else redact(repr(value))
    return f"{where}: {message} (got {given})"


def _filled(key: str, text: str, source_kind: str | None) -> str:
    for name in _PLACEHOLDER.findall(text):
        if name != "source_kind":
            raise ConfigError(
                f"warehouse connection: {key} has the unknown placeholder <{name}>; only "
                "<source_kind> is filled in. Correct `warehouse` in globals.yml."
            )
        if not source_kind:
            raise ConfigError(
                f"warehouse connection: {key}={text} names the kind of the source, and none is "
                "given: set source_kind in globals.yml or pass it beside the connection."
            )
    return text.replace("<source_kind>", source_kind or "")


def _project_of_environment() -> str:
    for variable in PROJECT_VARIABLES:
        if os.environ.get(variable):
            return os.environ[variable]
    raise ConfigError(
        "warehouse connection: no BigQuery project is named. Set `project` under `warehouse` in "
        f"conf/bigquery/globals.yml or the environment variable {PROJECT_VARIABLES[0]}; "
        "`gcloud projects list` shows the ids."
    )


def _secret(credentials: Mapping[str, Any] | str | None) -> SecretStr | None:
    if credentials is None:
        return None
    if isinstance(credentials, str):
        return SecretStr(credentials)
    if set(credentials) == {KEYFILE}:
        # Pasted as YAML, the key's own fields stand where its path is asked for.
        given = credentials[KEYFILE]
        return SecretStr(json.dumps(dict(given)) if isinstance(given, Mapping) else str(given))
    return SecretStr(json.dumps(dict(credentials), sort_keys=True))
