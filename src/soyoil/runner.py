"""Kedro runner that goes through the grid of horizons and models cell by cell."""

from __future__ import annotations

import gc
import heapq
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from kedro.runner import SequentialRunner
from pluggy import PluginManager

from soyoil.models.engines import ENGINES, ablations
from soyoil.models.registry import BASELINES, CHAMPION
from soyoil.skipping import active as plans
from soyoil.targets.horizons import HORIZONS

_HORIZON_RANK = {name: rank for rank, name in enumerate(HORIZONS)}


def _model_order() -> list[str]:
    beside = {engine: model for model, engine in ablations().items()}
    fitted = [m for e in ENGINES for m in (e, beside.get(e)) if m is not None]
    return ["baselines", *BASELINES, *fitted, CHAMPION]


_LAST = ("panel", "ablation")
"""Stages that read tables on demand, of which Kedro cannot tell that they are written before."""

_MODEL_RANK = {name: rank for rank, name in enumerate(_model_order())}


def _rank(node: Node) -> tuple[int, int]:
    """Position of a node's cell: nodes of no cell first, then model by model, `_LAST` last."""
    horizon, _, model = (node.namespace or "").partition(".")
    if horizon in _LAST:
        return len(_MODEL_RANK), 0
    return _MODEL_RANK.get(model, -1), _HORIZON_RANK.get(horizon, -1)


def cell_order(pipeline: Pipeline) -> list[Node]:
    """Nodes in an order that respects their dependencies and otherwise keeps cells together.

    All horizons of one engine come before the next engine, so that its workers are started
    once, and a cell is scored as soon as it is fitted.
    """
    topological = pipeline.nodes
    position = {node: i for i, node in enumerate(topological)}
    waiting = {node: set(needs) for node, needs in pipeline.node_dependencies.items()}
    children: dict[Node, list[Node]] = {node: [] for node in topological}
    for node, needs in waiting.items():
        for parent in needs:
            children[parent].append(node)
    ready = [(*_rank(n), position[n]) for n in topological if not waiting[n]]
    heapq.heapify(ready)
    ordered: list[Node] = []
    while ready:
        node = topological[heapq.heappop(ready)[-1]]
        ordered.append(node)
        for child in children[node]:
            waiting[child].discard(node)
            if not waiting[child]:
                heapq.heappush(ready, (*_rank(child), position[child]))
    return ordered


class _OrderedPipeline(Pipeline):
    """A pipeline whose nodes come in cell order."""

    @property
    def nodes(self) -> list[Node]:
        """Nodes in the order in which they run."""
        return cell_order(Pipeline(super().nodes))


class _Settled:
    """Whether objects are out of garbage collection by `settled_objects`.

    Python's own count says nothing of it: some versions start with frozen objects.
    """

    active = False


@contextmanager
def settled_objects() -> Iterator[None]:
    """Leave what is there now out of garbage collection.

    The libraries' million objects live as long as the process, and looking through them again
    and again would take a fifth of its time. Where the caller did so already, that stands.
    """
    if _Settled.active:
        yield
        return
    gc.collect()
    gc.freeze()
    _Settled.active = True
    try:
        yield
    finally:
        gc.unfreeze()
        _Settled.active = False


class CellRunner(SequentialRunner):
    """Sequential runner that goes through the grid cell by cell; the reason is ADR 12.

    What a plan (`soyoil.skipping.plan`) finds unchanged is left out.
    """

    def _run(
        self,
        pipeline: Pipeline,
        catalog: CatalogProtocol[str, Any],
        hook_manager: PluginManager | None = None,
        run_id: str | None = None,
    ) -> None:
        plan = plans.current()
        nodes = cell_order(pipeline)
        with settled_objects():
            for part in [nodes] if plan is None else plan.parts(nodes):
                super()._run(_OrderedPipeline(part), catalog, hook_manager, run_id)
