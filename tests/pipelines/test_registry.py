"""Pipelines as Kedro and its plugins see them."""

import pickle
from typing import get_type_hints

import pytest
from kedro.pipeline.node import Node

from soyoil.base.errors import ConfigError
from soyoil.hooks.views import VIEWS
from soyoil.hooks.workers import WorkerHooks
from soyoil.models.champion import ChampionConfig
from soyoil.models.config import FitConfig, LightGBMConfig, TFTConfig
from soyoil.models.engines import ENGINES
from soyoil.models.registry import BASELINES, CHAMPION
from soyoil.pipeline_registry import TRAIN, register_pipelines
from soyoil.splits.plan import SplitConfig
from soyoil.targets.horizons import HORIZONS

PIPELINES = register_pipelines()
NODES = {node.name: node for name, p in PIPELINES.items() if name not in VIEWS for node in p.nodes}


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


def test_the_overview_has_the_stages_and_what_passes_between_them() -> None:
    overview = PIPELINES["overview"]
    assert {node.name for node in overview.nodes} == {*TRAIN, "leakcheck", "forecast"}
    needs = {node.name: {n.name for n in of} for node, of in overview.node_dependencies.items()}
    assert needs["fit"] == {"split"}
    assert needs["register"] == {"split", "fit", "leakcheck"}
    assert not any("." in name for name in overview.datasets() if not name.startswith("params:"))
    assert overview.inputs() <= PIPELINES["train"].inputs()


@pytest.mark.parametrize("horizon", HORIZONS)
def test_the_picture_of_a_horizon_has_all_its_models_and_fits_a_screen(horizon: str) -> None:
    picture = PIPELINES[f"train_{horizon}"]
    assert {*ENGINES, CHAMPION, "baselines"} <= {node.name for node in picture.nodes}
    whole = PIPELINES["train"].only_nodes_with_tags(horizon)
    assert picture.datasets() <= whole.datasets()
    shown = {name for name in picture.datasets() if not name.startswith("params:")}
    assert {f"{horizon}.split_plan_figure", f"{horizon}.weight_report"} <= shown, "have previews"
    assert {f"{horizon}.{m}.predictions" for m in (*ENGINES, *BASELINES, CHAMPION)} <= shown
    assert len(shown) <= 30


@pytest.mark.parametrize("view", VIEWS)
def test_a_picture_does_not_run_and_says_what_does(view: str) -> None:
    _, _, horizon = view.partition("_")
    command = f"`kedro run --tags={horizon}`" if horizon else "`kedro run`"
    with pytest.raises(ConfigError, match=f"{view} is a picture of train.*{command}"):
        WorkerHooks().before_pipeline_run({"pipeline_names": ["ingest", view]})
    with pytest.raises(ConfigError, match=view):
        PIPELINES[view].nodes[0].func(None)
