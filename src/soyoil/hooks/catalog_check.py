"""Mistakes in the catalog, found before a run is tracked and before a node runs.

Kedro tells of them in tracebacks, and takes a dataset without an entry for one in memory: what a
node writes to it would be lost without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from kedro.io import AbstractDataset, CatalogProtocol, DataCatalog, DatasetError
from kedro.io.catalog_config_resolver import DEFAULT_RUNTIME_PATTERN, CatalogConfigResolver
from kedro.utils import load_obj

from soyoil.base.errors import ConfigError, soyoil_cause
from soyoil.base.redact import redact
from soyoil.base.suggest import nearest

PARAMETERS = ("parameters", "params:")


def check_entries(catalog: Mapping[str, Any]) -> None:
    """Check the form of all entries.

    Raises
    ------
    ConfigError
        Naming the entry and what it needs.
    """
    for name, entry in catalog.items():
        if not isinstance(entry, Mapping):
            raise ConfigError(
                f"catalog entry {name!r} is {redact(repr(entry))}: it needs `key: value` lines, a "
                "`type` among them."
            )
        given = entry.get("type")
        if not isinstance(given, str) or not given:
            what = f"has the type {given!r}" if "type" in entry else "has no `type`"
            near = nearest("type", map(str, entry), cutoff=0.6)
            hint = f" Is {near[0]!r} meant for it?" if near and near != ["type"] else ""
            raise ConfigError(
                f"catalog entry {name!r} {what}: name the class of the dataset, such as "
                f"pandas.ParquetDataset.{hint}"
            )


def check_catalog(credentials: Mapping[str, Any], catalog: Mapping[str, Any]) -> None:
    """Check names of credentials and placeholders, of which Kedro tells before any hook.

    Raises
    ------
    ConfigError
        Naming the entry, the name and what is known.
    """
    for name, entry in catalog.items():
        wanted = entry.get("credentials")
        if isinstance(wanted, str) and wanted not in credentials:
            known = ", ".join(map(str, credentials)) or "none"
            raise ConfigError(
                f"catalog entry {name!r} names the credentials {redact(wanted)!r}, which no "
                f"credentials.yml holds. Known: {known}."
            )
    try:
        CatalogConfigResolver(dict(catalog), dict(credentials), DEFAULT_RUNTIME_PATTERN)
    except DatasetError as error:
        raise ConfigError(f"catalog: {_said(error)}") from None


def check_datasets(names: Iterable[str], catalog: CatalogProtocol[str, Any]) -> None:
    """Make the datasets of a pipeline, as its runner would do later.

    Raises
    ------
    ConfigError
        Naming the dataset and what is wrong with its entry.
    """
    for name in sorted(names):
        if name.startswith(PARAMETERS):
            continue
        if name not in catalog:
            raise ConfigError(
                f"the catalog has no entry for the dataset {name!r}: what is written to it would "
                "be lost. Look for a misspelt name in conf/base/catalog*.yml; a dataset that is to "
                "live in memory only needs `type: MemoryDataset`."
            )
        make(name, catalog)


def make(name: str, catalog: CatalogProtocol[str, Any]) -> AbstractDataset[Any, Any]:
    """Dataset of the catalog, with its validator's class looked up.

    Raises
    ------
    ConfigError
        Naming the dataset and what is wrong with its entry.
    """
    try:
        dataset = cast("AbstractDataset[Any, Any]", catalog.get(name))
    except DatasetError as error:
        if soyoil_cause(error) is not None:
            raise
        raise ConfigError(f"catalog entry of {name!r}: {_said(error)}") from None
    # Kedro loads a validator when it is first used, which may be hours later.
    validator = getattr(catalog, "validator_specs", {}).get(name)
    if validator is not None:
        try:
            load_obj(validator.class_path)
        except (ImportError, AttributeError, ValueError) as error:
            raise ConfigError(
                f"catalog entry of {name!r}: there is no validator {validator.class_path}: {error}."
            ) from None
    return dataset


def check_versions(wanted: Mapping[str, str], catalog: CatalogProtocol[str, Any]) -> None:
    """Refuse a version of a dataset that keeps none: Kedro would read what is there.

    Raises
    ------
    ConfigError
        Naming the dataset and the version.
    """
    for name, version in wanted.items():
        # Whether the dataset's class could keep versions says nothing; the entry asks for them.
        entry = cast("DataCatalog", catalog).config_resolver.resolve_pattern(name)
        if not entry.get("versioned"):
            raise ConfigError(
                f"--load-versions: {name} keeps no versions, so that {version} cannot be read. "
                "Leave the option out; what a tracked run scored is kept in its artifacts."
            )


def _said(error: Exception) -> str:
    """What Kedro says, without its advice on how to install packages."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    kept = [x for x in lines if not x.startswith(("Hint: If you are trying", "https://"))]
    return redact(" ".join(kept))
