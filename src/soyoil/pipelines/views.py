"""Pictures of ``train`` that fit a screen of Kedro-Viz, made from its nodes.

``train`` has more than a hundred nodes, and a dataset for each horizon and model between stages.
A picture has one node for many and does not run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from kedro.pipeline import Node, Pipeline

from soyoil.hooks.views import HORIZON_VIEWS, OVERVIEW, check_runs
from soyoil.models.registry import CHAMPION
from soyoil.pipelines.grid import bound

GROUPED = "fit"
"""Stage of which the picture of a horizon shows each model."""


def pictures(train: Pipeline, stages: Mapping[str, Pipeline]) -> dict[str, Pipeline]:
    """The stages of the whole chain, and for each horizon its models and their datasets.

    Parameters
    ----------
    train
        The whole chain.
    stages
        Pipelines of its stages by name. A node of ``train`` that none has belongs to the stage
        of its namespace.
    """
    stage_of = {node.name: name for name, stage in stages.items() for node in stage.nodes}

    def stage(node: Node) -> str:
        return stage_of.get(node.name) or str(node.namespace)

    def part(node: Node) -> str:
        return str(node.namespace).rpartition(".")[2] if stage(node) == GROUPED else stage(node)

    shown = {OVERVIEW: _picture(OVERVIEW, train.nodes, stage, _plain)}
    for name, horizon in HORIZON_VIEWS.items():
        shown[name] = _picture(name, train.only_nodes_with_tags(horizon).nodes, part, str)
    return shown


def _picture(
    name: str,
    nodes: Iterable[Node],
    group_of: Callable[[Node], str],
    label: Callable[[str], str],
) -> Pipeline:
    """One node for each group, and what passes between groups.

    Of what a group makes for itself nothing is shown. What nobody reads is shown where it belongs
    to a horizon as a whole, as the figure of its plan; where a group makes nothing else, what is
    everyone's or the champion's. Of the datasets of one model only as many are shown as it takes
    to see who reads of it.
    """
    reads: defaultdict[str, dict[str, None]] = defaultdict(dict)
    makes: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for node in nodes:
        group = group_of(node)
        reads[group] |= dict.fromkeys(label(dataset) for dataset in node.inputs)
        makes[group] |= dict.fromkeys(label(dataset) for dataset in node.outputs)
    inputs = {group: [d for d in reads[group] if d not in makes[group]] for group in reads}
    outputs: dict[str, list[str]] = {}
    hidden: set[str] = set()
    for group, made in makes.items():
        readers = {d: {other for other in inputs if d in inputs[other]} for d in made}
        passed = _few({d: who for d, who in readers.items() if who})
        hidden |= {d for d, who in readers.items() if who} - set(passed)
        ends = [d for d in made if not readers[d] and d not in reads[group]]
        outputs[group] = passed + [d for d in ends if _is_end(d, first=not passed)]
    return Pipeline(
        [
            Node(
                bound(_not_run, view=name),
                [d for d in inputs[group] if d not in hidden],
                outputs[group],
                name=group,
            )
            for group in reads
        ]
    )


def _few(readers: Mapping[str, set[str]]) -> list[str]:
    """Datasets without those of a model whose readers are seen to read another of it."""
    kept: list[str] = []
    seen: defaultdict[str, set[str]] = defaultdict(set)
    for dataset, who in sorted(readers.items(), key=lambda item: -len(item[1])):
        owner = dataset.rpartition(".")[0]
        if "." not in owner or not who <= seen[owner]:
            kept.append(dataset)
        seen[owner] |= who
    return kept


def _is_end(dataset: str, *, first: bool) -> bool:
    """Whether to show a dataset that nobody reads; ``first`` if its group makes no other."""
    _, *model = dataset.split(".")[:-1] or [""]
    return ("." in dataset and not model) or (first and model in ([], [CHAMPION]))


def _plain(dataset: str) -> str:
    """Name of a dataset without its horizon and model."""
    return dataset if dataset.startswith("params:") else dataset.rpartition(".")[2]


def _not_run(*_: object, view: str) -> None:
    check_runs([view])
