"""Kedro's configuration loader, with a check of the files before any is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader

from soyoil.conf_check import check_configuration


class CheckedConfigLoader(OmegaConfigLoader):
    """`OmegaConfigLoader` whose files are plain YAML, whatever command reads them.

    The loader itself reads ``globals.yml`` when it is made, so no hook comes early enough.
    """

    def __init__(self, conf_source: str, env: str | None = None, **options: Any) -> None:
        check_configuration(Path(conf_source), env)
        super().__init__(conf_source, env, **options)
