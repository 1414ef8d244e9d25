"""What a user asks ``kedro run`` for, checked before a session starts.

Kedro tells of an unknown name in a traceback, and reads values of ``--params`` by the rules of
YAML 1.1. The files of ``conf/`` are checked by their loader.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Mapping
from typing import Any, Final

from kedro.pipeline import Pipeline
from kedro.runner import AbstractRunner

from soyoil.base.conf_check import check_known, check_value
from soyoil.base.errors import ConfigError
from soyoil.hooks.workers import PARALLEL, REFUSED

RUNNERS: Final = (
    "SequentialRunner", "ThreadRunner", "soyoil.runner.CellRunner",
)  # fmt: skip

_FILTERS: Final = (
    "tags", "from_nodes", "to_nodes", "node_names", "from_inputs", "to_outputs", "namespaces",
)  # fmt: skip


def check_nodes(options: Mapping[str, Any], chosen: Pipeline) -> None:
    """Refuse names of nodes and datasets that the chosen pipelines do not have.

    Parameters
    ----------
    options
        Options of ``kedro run``.
    chosen
        The pipelines to run, joined.

    Raises
    ------
    ConfigError
        Naming what is unknown and what is near.
    """
    nodes = sorted({name for node in chosen.nodes for name in (node.name, node.short_name)})
    for option in ("from_nodes", "to_nodes", "node_names"):
        check_known(options.get(option) or (), nodes, "node")
    datasets = sorted(chosen.datasets())
    check_known(options.get("from_inputs") or (), datasets, "dataset in --from-inputs")
    check_known(
        options.get("to_outputs") or (), sorted(chosen.all_outputs()), "output in --to-outputs"
    )
    check_known(options.get("load_versions") or (), datasets, "dataset in --load-versions")
    try:
        chosen.filter(
            tags=options.get("tags"),
            from_nodes=options.get("from_nodes"),
            to_nodes=options.get("to_nodes"),
            node_names=options.get("node_names"),
            from_inputs=options.get("from_inputs"),
            to_outputs=options.get("to_outputs"),
            node_namespaces=options.get("namespaces"),
        )
    except ValueError as error:
        given = [
            f"--{name.replace('node_names', 'nodes').replace('_', '-')}"
            for name in _FILTERS
            if options.get(name)
        ]
        raise ConfigError(
            f"{' and '.join(given)} together leave no node to run. Nodes must be named in the "
            "order in which they run; kedro viz shows it."
        ) from error


def check_runner(runner: str, given: Mapping[str, Any]) -> None:
    """Refuse a runner that is not there, or arguments that it does not take.

    Parameters
    ----------
    runner
        Class of a runner; without a module one of Kedro's.
    given
        Its arguments.

    Raises
    ------
    ConfigError
        Naming it, and the runners that come with Kedro.
    """
    module, _, name = runner.rpartition(".")
    try:
        found = getattr(importlib.import_module(module or "kedro.runner"), name, None)
    except (ImportError, TypeError, ValueError):
        found = None
    if not (isinstance(found, type) and issubclass(found, AbstractRunner)):
        check_known([runner], RUNNERS, "runner")
        return
    if name == PARALLEL:
        raise ConfigError(REFUSED)
    known = [name for name in inspect.signature(found.__init__).parameters if name != "self"]
    check_known(given, known, f"argument of {name} in --runner-params")
    try:
        found(**given)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"--runner-params: {name} does not take {dict(given)}: {error}") from None


def check_values(params: str) -> None:
    """Refuse ``--params`` of which a part would be read as other than it is written, or not at all.

    Parameters
    ----------
    params
        ``key=value`` pairs, joined by commas, as on the command line.

    Raises
    ------
    ConfigError
        Naming the key, and what is wrong with its value.
    """
    given: list[str] = []
    # A comma inside brackets belongs to the value.
    for item in re.split(r",(?![^\[{]*[\]}])", params):
        key, sign, value = (part.strip() for part in item.partition("="))
        if not sign:
            # Kedro refuses it.
            continue
        for other in given:
            if key == other:
                raise ConfigError(f"--params: {key} is given twice. Keep one.")
            if key.startswith(f"{other}.") or other.startswith(f"{key}."):
                raise ConfigError(
                    f"--params: {other} and {key} are given, and one holds the other. Keep one."
                )
        given.append(key)
        check_value(value, f"--params: {key}")
