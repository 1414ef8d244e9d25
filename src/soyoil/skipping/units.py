"""Parts of a pipeline that run whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, cast

from kedro.io import AbstractDataset, CatalogProtocol, MemoryDataset
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from soyoil.datasets.tracks_runs import TracksRuns

TRACKED: Final = "tracked"
"""Name of the part that makes the tracked run."""
FORECAST: Final = "forecast"
"""Namespace of what says more each day about the same models."""
_PARAMETERS: Final = ("parameters", "params:")

Catalog = CatalogProtocol[str, Any]


@dataclass(frozen=True)
class Unit:
    """Nodes that run whole or not at all.

    Attributes
    ----------
    name
        Name of its record.
    nodes
        In the order of the pipeline.
    inner
        Datasets that only hand on from one of its nodes to another.
    """

    name: str
    nodes: tuple[Node, ...]
    inner: frozenset[str]

    @cached_property
    def parameters(self) -> list[str]:
        """Parameters that its nodes take."""
        named = {name for node in self.nodes for name in node.inputs}
        return sorted(name for name in named if name.startswith(_PARAMETERS))

    @cached_property
    def outputs(self) -> list[str]:
        """Datasets that it leaves behind."""
        return sorted({name for node in self.nodes for name in node.outputs} - self.inner)

    def inputs_of(self, nodes: Iterable[Node]) -> list[str]:
        """Datasets that some of its nodes read and none of them makes."""
        made = {name for node in self.nodes for name in node.outputs}
        named = {name for node in nodes for name in node.inputs}
        return sorted(n for n in named - made if not n.startswith(_PARAMETERS))


def dataset(catalog: Catalog, name: str) -> AbstractDataset[Any, Any]:
    """Dataset of a name, which `CatalogHooks` has made."""
    return cast("AbstractDataset[Any, Any]", catalog.get(name))


def tracked_nodes(pipeline: Pipeline, catalog: Catalog) -> list[Node]:
    """Nodes that write to the tracked run, and those that build upon them, but for the forecast."""
    found: set[Node] = set()
    for node in pipeline.nodes:
        tracks = any(isinstance(dataset(catalog, name), TracksRuns) for name in node.outputs)
        after = found & pipeline.node_dependencies[node]
        if (tracks or after) and node.namespace != FORECAST:
            found.add(node)
    return [node for node in pipeline.nodes if node in found]


def units(pipeline: Pipeline, catalog: Catalog) -> list[Unit]:
    """Parts of a pipeline; the tracked one is the last.

    Nodes that hand on data in memory belong together, and all that makes a tracked run: such a run
    is never made of parts of two.
    """
    memory = {
        name
        for name in pipeline.datasets()
        if not name.startswith(_PARAMETERS) and isinstance(dataset(catalog, name), MemoryDataset)
    }
    tracked = tracked_nodes(pipeline, catalog)
    groups: list[list[Node]] = []
    for node in pipeline.nodes:
        if node in tracked:
            continue
        shared = memory & {*node.inputs, *node.outputs}
        joined = [g for g in groups if any(shared & {*n.inputs, *n.outputs} for n in g)]
        before = [n for group in joined for n in group]
        groups = [*(g for g in groups if g not in joined), [*before, node]]
    found = [Unit(_name(group), tuple(group), frozenset(memory)) for group in groups]
    if tracked:
        found.append(Unit(TRACKED, tuple(tracked), frozenset(memory)))
    return found


def _name(nodes: list[Node]) -> str:
    spaces = {node.namespace for node in nodes}
    if spaces == {FORECAST} or (len(nodes) > 1 and len(spaces) == 1):
        return str(spaces.pop())
    return "+".join(sorted(node.name for node in nodes))
