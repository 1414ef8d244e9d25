"""Which BigQuery project to use, as whom, and who pays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field, SecretStr, field_validator

from soyoil.base.config import Config, bounded

MAX_LABELS: Final = 64

_PROJECT: Final = re.compile(r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")
_PREFIX: Final = re.compile(r"[A-Za-z0-9_]{0,512}")
_LABEL_KEY: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE: Final = re.compile(r"[a-z0-9_-]{0,63}")


class BigQueryConnection(Config):
    """Connection to datasets of a BigQuery project.

    Attributes
    ----------
    project
        Project that holds the datasets.
    billing_project
        Project that jobs and reads run in and that pays for them; None: `project`.
    quota_project
        Project whose quota of API requests is used; None: that of the credentials. The account
        needs ``roles/serviceusage.serviceUsageConsumer`` on it.
    impersonate
        Service account to act as; the credentials need ``roles/iam.serviceAccountTokenCreator``
        on it.
    job_labels
        Put on every job, for the bill.
    kms_key_name
        Key that every table is to be encrypted with, as the default of its dataset: datasets that
        are created get it, and nothing is written into one of another default.
    location
        Location of datasets and jobs; a dataset that is missing is created there.
    dataset_prefix
        Put before the dataset of every table: ``features.daily_ml_matrix`` is
        ``<prefix>features.daily_ml_matrix``. Empty for the plain names.
    maximum_bytes_billed
        Bytes that one query, or one read of a table, may cost.
    endpoint, storage_endpoint
        Another server than Google's: ``http://host:port`` of the REST API and ``host:port`` of
        the Storage API, neither encrypted nor authenticated. Both or neither.
    timeout_s
        Seconds that a request, with its retries, may take.
    job_timeout_s
        Seconds that a job may take.
    credentials
        Service account as JSON, or the path of its file; None for the Application Default
        Credentials. Never part of a dump or a message.
    """

    backend: Literal["bigquery"] = "bigquery"
    project: str
    billing_project: str | None = None
    quota_project: str | None = None
    impersonate: str | None = Field(
        default=None, pattern=r"^[a-z0-9-]+@[a-z0-9.-]+\.gserviceaccount\.com$"
    )
    location: str = Field(default="us-central1", min_length=1)
    dataset_prefix: str = ""
    maximum_bytes_billed: int = bounded(10 * 2**30, gt=0, le=2**50, why="that is a pebibyte")
    job_labels: tuple[tuple[str, str], ...] = ()
    kms_key_name: str | None = Field(
        default=None,
        pattern=r"^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$",
    )
    endpoint: str | None = Field(default=None, pattern=r"^https?://[^/@]+/?$")
    storage_endpoint: str | None = Field(default=None, pattern=r"^[^/@]+:\d+$")
    timeout_s: float = bounded(60.0, gt=0, le=3_600, why="a server silent for an hour is gone")
    job_timeout_s: float = bounded(1800.0, gt=0, le=21_600, why="BigQuery ends queries at 6 hours")
    credentials: SecretStr | None = Field(default=None, exclude=True, repr=False)

    @field_validator("project", "billing_project", "quota_project")
    @classmethod
    def _check_project(cls, value: str | None) -> str | None:
        if value is not None and not _PROJECT.fullmatch(value):
            raise ValueError(
                "not a project id: 6 to 30 lower-case letters, digits and hyphens. It is the id, "
                "not the name or number, as `gcloud projects list` shows it"
            )
        return value

    @field_validator("job_labels", mode="before")
    @classmethod
    def _read_labels(cls, value: Any) -> Any:
        if isinstance(value, list | tuple) and all(
            isinstance(pair, list | tuple) and len(pair) == 2 for pair in value
        ):
            value = dict(value)
        if not isinstance(value, Mapping):
            raise ValueError("write `key: value` lines, such as `team: research`")
        wrong = [
            f"{key}: {text}"
            for key, text in value.items()
            if not (_LABEL_KEY.fullmatch(str(key)) and _LABEL_VALUE.fullmatch(str(text)))
        ]
        if wrong or len(value) > MAX_LABELS:
            raise ValueError(
                f"{', '.join(wrong) or len(value)}: at most {MAX_LABELS} labels of lower-case "
                "letters, digits, _ and -, up to 63 each, keys beginning with a letter"
            )
        # Pairs, because a connection is the key of its client.
        return tuple(sorted((str(key), str(text)) for key, text in value.items()))

    @field_validator("dataset_prefix")
    @classmethod
    def _check_prefix(cls, value: str) -> str:
        if not _PREFIX.fullmatch(value):
            raise ValueError("letters, digits and _ only, after <source_kind> is filled in")
        return value

    @field_validator("storage_endpoint")
    @classmethod
    def _check_endpoints(cls, value: str | None, info: Any) -> str | None:
        if (value is None) != (info.data.get("endpoint") is None):
            raise ValueError("endpoint and storage_endpoint go together")
        return value

    @property
    def payer(self) -> str:
        """Project that jobs run in."""
        return self.billing_project or self.project

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        return f"{self.project}:{self.dataset_prefix}* ({self.location})"

    def dataset(self, name: str) -> str:
        """Dataset id of a dataset of the contracts, without the project."""
        return f"{self.dataset_prefix}{name}"

    def table(self, name: str) -> str:
        """``project.dataset.table`` of a table of the contracts, not quoted."""
        dataset, table = name.split(".", 1)
        return f"{self.project}.{self.dataset(dataset)}.{table}"
