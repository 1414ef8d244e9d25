"""Verdicts on markets whose truth is known: many seeds, so left to `make test-slow`."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from market import Outcome, market, pooled_skill, run, share_of_skill
from soyoil.models import executors

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

TREE_SEEDS = range(1, 21)
NETWORK_SEEDS = range(1, 4)
STRENGTH = 0.8


@pytest.fixture(autouse=True)
def _no_workers_left() -> Iterator[None]:
    yield
    executors.shutdown()


def outcomes(
    seeds: Sequence[int], signal: str, horizons: Sequence[str], engine: str
) -> dict[str, list[Outcome]]:
    found: dict[str, list[Outcome]] = {name: [] for name in horizons}
    for seed in seeds:
        snapshot = market(seed, signal, STRENGTH)
        for name in horizons:
            found[name].append(run(seed, snapshot, name, engine))
    return found


def show(title: str, found: dict[str, list[Outcome]]) -> None:
    for name, group in found.items():
        skills = 100 * np.array([o.skills for o in group])
        point, upper = pooled_skill(group)
        print(
            f"\n{title} {name}: {len(group)} seeds, MAE skill {skills[:, 0].mean():+.1f} % "
            f"({skills[:, 0].min():+.1f} to {skills[:, 0].max():+.1f}), pinball "
            f"{skills[:, 1].mean():+.1f} %, pooled {100 * point:+.1f} % "
            f"(upper end {100 * upper:+.1f} %), verdict skill: MAE "
            f"{share_of_skill(group, 'skill_mae'):.0%}, pinball "
            f"{share_of_skill(group, 'skill_pinball'):.0%}",
            end="",
        )


@pytest.mark.parametrize("engine", ["lightgbm", "xgboost"])
def test_trees_find_nothing_in_null_markets(engine: str) -> None:
    found = outcomes(TREE_SEEDS, "null", ("1w", "1m", "3m"), engine)
    show(f"null {engine}", found)
    for name, group in found.items():
        for skill in ("skill_mae", "skill_pinball"):
            assert share_of_skill(group, skill) <= 0.10, (name, skill)
        assert pooled_skill(group)[1] < 0.02, name


def test_the_network_finds_nothing_in_null_markets() -> None:
    found = outcomes(NETWORK_SEEDS, "null", ("1w", "3m"), "tft")
    show("null tft", found)
    for name, group in found.items():
        assert share_of_skill(group, "skill_mae") == 0, name
        assert share_of_skill(group, "skill_pinball") == 0, name
        assert pooled_skill(group)[1] < 0.02, name


def test_lightgbm_finds_a_planted_signal() -> None:
    found = outcomes(TREE_SEEDS, "planted", ("1w", "1m"), "lightgbm")
    show(f"planted {STRENGTH} lightgbm", found)
    for name, group in found.items():
        assert share_of_skill(group, "skill_pinball") >= 0.90, name
        assert share_of_skill(group, "skill_mae") >= 0.90, name
