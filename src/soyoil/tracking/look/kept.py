"""What the tracking store still needs, and which runs left artifacts that nobody reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

from soyoil.tracking.store_access import open_store, sqlite_path

if TYPE_CHECKING:
    from mlflow import MlflowClient

PAGE: Final = 1000
_FAILED: Final = ("attributes.status = 'FAILED'", "attributes.status = 'KILLED'")


@dataclass(frozen=True)
class KeptByStore:
    """What registered models need, and what no run needs any more.

    Attributes
    ----------
    snapshots
        Content hashes of the snapshots that versions of registered models were fitted on.
    artifacts
        Local artifact folders of runs that failed, were killed or are deleted, and that no model
        version names, with the end of the run, seconds since the epoch.
    """

    snapshots: frozenset[str]
    artifacts: tuple[tuple[Path, float], ...]


def kept_by_store(uri: str) -> KeptByStore:
    """Look at models and runs of a tracking store; one that is not there yet keeps nothing.

    Parameters
    ----------
    uri
        Address as MLflow takes it.

    Raises
    ------
    TrackingError
        The store cannot be read.
    """
    path = sqlite_path(uri)
    if path is not None and not path.exists():
        return KeptByStore(frozenset(), ())
    client = open_store(uri)
    versions = list(_pages(client.search_model_versions, max_results=PAGE))
    snapshots = {v.tags["snapshot"] for v in versions if v.tags.get("snapshot")}
    named = {str(v.run_id) for v in versions if v.run_id}
    runs = (run for run in _spent_runs(client) if str(run.info.run_id) not in named)
    folders = ((_folder(str(run.info.artifact_uri)), run.info.end_time) for run in runs)
    artifacts = tuple((folder, end / 1000) for folder, end in folders if folder and end)
    return KeptByStore(frozenset(snapshots), artifacts)


def _pages(search: Any, **options: Any) -> Iterator[Any]:
    token: str | None = None
    while True:
        page = search(**options, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _spent_runs(client: MlflowClient) -> Iterator[Any]:
    from mlflow.entities import ViewType

    everything = _pages(client.search_experiments, view_type=ViewType.ALL, max_results=PAGE)
    ids = [str(experiment.experiment_id) for experiment in everything]
    if not ids:
        return
    for query in _FAILED:
        yield from _pages(
            client.search_runs, experiment_ids=ids, filter_string=query, max_results=PAGE
        )
    yield from _pages(
        client.search_runs,
        experiment_ids=ids,
        run_view_type=ViewType.DELETED_ONLY,
        max_results=PAGE,
    )


def _folder(address: str) -> Path | None:
    where = urlsplit(address)
    return Path(url2pathname(where.path)) if where.scheme in ("", "file") else None
