"""Kedro's configuration loader, with a check of the files before any is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from kedro.config import MissingConfigException, OmegaConfigLoader
from omegaconf import OmegaConf

from soyoil.base.conf_check import BASE, LOCAL, check_configuration
from soyoil.base.errors import ConfigError
from soyoil.hooks.catalog_check import check_catalog, check_entries


class CheckedConfigLoader(OmegaConfigLoader):
    """`OmegaConfigLoader` whose files are plain YAML, whatever command reads them.

    The loader itself reads ``globals.yml`` when it is made, so no hook comes early enough.
    """

    def __init__(self, conf_source: str, env: str | None = None, **options: Any) -> None:
        source = Path(conf_source)
        if "://" not in conf_source:
            check_configuration(source, env)
        # `kedro package` leaves conf/local out, and git an empty folder; Kedro wants one.
        chosen = env or (LOCAL if (source / LOCAL).exists() else BASE)
        super().__init__(conf_source, chosen, **options)

    def __getitem__(self, key: str) -> dict[str, Any]:
        """Configuration of a kind, the catalog's entries checked for their form.

        Raises
        ------
        ConfigError
            Naming the entry, or the files and the key that contradict each other.
        """
        if key == "catalog":
            # Kedro would keep the resolver of the first loader of the process.
            find = partial(_parameter, self._of_kind("parameters"))
            OmegaConf.register_new_resolver("parameters", find, replace=True)
        found: dict[str, Any] = super().__getitem__(key)
        if key == "catalog":
            check_entries(found)
            check_catalog(self._of_kind("credentials"), found)
        return found

    def _of_kind(self, key: str) -> dict[str, Any]:
        try:
            return self[key]
        except MissingConfigException:
            return {}

    def _check_duplicates(self, key: str, config_per_file: dict[Path, Any]) -> None:
        try:
            super()._check_duplicates(key, config_per_file)
        except ValueError as error:
            shown = re.sub(rf"{re.escape(str(Path(self.conf_source).parent))}/", "", str(error))
            raise ConfigError(f"{shown}. Keep each key in one of them.") from None

    def _merge_and_resolve(self, key: str, config_per_file: dict[Path, Any]) -> dict[str, Any]:
        if key == "parameters":
            for path, config in config_per_file.items():
                below = OmegaConf.to_container(config, resolve=False)
                _check_kinds(below, self.runtime_params or {}, path.name, "--params")
        found: dict[str, Any] = super()._merge_and_resolve(key, config_per_file)
        return found

    def _merge_configs(
        self, config: dict[str, Any], env_config: dict[str, Any], key: str, env_path: str
    ) -> Any:
        if key == "parameters":
            _check_kinds(config, env_config, "conf/base", f"conf/{Path(env_path).name}")
        return super()._merge_configs(config, env_config, key, env_path)


def _parameter(parameters: Mapping[str, Any], dotted: str) -> Any:
    """What the catalog asks for by `${parameters:target.symbol}`.

    None if the run has no such parameter, which the check of its parameters tells.
    """
    found: Any = parameters
    for name in dotted.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _check_kinds(below: Any, above: Any, lower: str, upper: str, place: str = "") -> None:
    """A list is replaced as a whole, so keys cannot be put into it, nor a list over keys."""
    if isinstance(below, Mapping) and isinstance(above, Mapping):
        for key in below.keys() & above.keys():
            _check_kinds(below[key], above[key], lower, upper, f"{place}.{key}".strip("."))
    elif isinstance(below, Mapping) and isinstance(above, list):
        raise ConfigError(
            f"parameter {place!r} is {above!r} in {upper}, but a group of parameters in {lower}: "
            "write its keys as `key: value` lines below it."
        )
    elif isinstance(below, list) and isinstance(above, Mapping):
        raise ConfigError(
            f"parameter {place!r} is a list in {lower}, but has keys in {upper}: a list is "
            "replaced as a whole, so write all of it, each entry behind a hyphen."
        )
