"""Names of the pipelines that are pictures of ``train``, for people who look at the chain."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from soyoil.base.errors import ConfigError
from soyoil.targets.horizons import HORIZONS

OVERVIEW: Final = "overview"
"""The stages of ``train``."""

HORIZON_VIEWS: Final = {f"train_{name}": name for name in HORIZONS}
"""Horizon of each picture of what ``kedro run --tags=<horizon>`` runs."""

VIEWS: Final = (OVERVIEW, *HORIZON_VIEWS)


def check_runs(names: Iterable[str]) -> None:
    """Refuse pictures among the pipelines that are to run.

    Parameters
    ----------
    names
        Names of registered pipelines.

    Raises
    ------
    ConfigError
        Naming the picture, and what to run in its place.
    """
    for name in names:
        if name in VIEWS:
            tags = f" --tags={HORIZON_VIEWS[name]}" if name in HORIZON_VIEWS else ""
            raise ConfigError(
                f"{name} is a picture of train for Kedro-Viz and does not run. "
                f"Run `kedro run{tags}` for what it shows."
            )
