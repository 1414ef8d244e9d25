"""Pipelines as Kedro and its plugins see them."""

import pickle
from typing import get_type_hints

import pytest
from kedro.pipeline.node import Node

from soyoil.models.champion import ChampionConfig
from soyoil.models.config import FitConfig, LightGBMConfig, TFTConfig
from soyoil.pipeline_registry import register_pipelines
from soyoil.splits.plan import SplitConfig

NODES = {node.name: node for p in register_pipelines().values() for node in p.nodes}


def test_the_functions_of_all_nodes_can_be_pickled() -> None:
    assert len(NODES) > 90
    for node in NODES.values():
        again = pickle.loads(pickle.dumps(node.func))
        assert get_type_hints(again) == get_type_hints(node.func)


@pytest.mark.parametrize(
    ("name", "types"),
    [
        ("1m.lightgbm.fit", {"fit": FitConfig, "config": LightGBMConfig}),
        ("1w.lightgbm_uniform.evaluate", {"config": LightGBMConfig, "split": SplitConfig}),
        ("12m.tft.fit", {"config": TFTConfig}),
        ("6m.champion.mix", {"config": ChampionConfig}),
        ("1w.champion.evaluate", {"config": ChampionConfig, "split": SplitConfig}),
        ("3m.make_plan", {"split": SplitConfig}),
    ],
)
def test_kedro_finds_the_types_of_parameters(name: str, types: dict[str, type]) -> None:
    node: Node = NODES[name]
    hints = get_type_hints(node.func)
    assert {key: hints[key] for key in types} == types
    assert not {"horizon", "model", "cell"} & set(hints)
