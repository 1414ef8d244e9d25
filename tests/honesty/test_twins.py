"""Engines on twins of outside sources: they find what is planted there, and nothing else."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
import pytest

from market import Outcome, pooled_skill, regimes, run, share_of_skill
from soyoil.external.config import ExternalConfig
from soyoil.external.store import ExternalRecords, NoExternalStore
from soyoil.external.twins import TwinMarket, true_effect
from soyoil.models import executors
from soyoil.params import TargetConfig
from soyoil.pipelines.features.nodes import assemble_matrix, compute_features
from soyoil.pipelines.ingest.nodes import make_sessions, read_external, read_source
from soyoil.pipelines.split.nodes import make_snapshot
from soyoil.sources.base import SourceConfig
from soyoil.sources.synthetic.config import SyntheticConfig
from soyoil.sources.vendor_store import NoStore

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

SEEDS = range(1, 9)
TARGET = TargetConfig()


@pytest.fixture(autouse=True)
def _no_workers_left() -> Iterator[None]:
    yield
    executors.shutdown()


class Records:
    """Raw tables as a load hands them on."""

    def __init__(self, records: ExternalRecords) -> None:
        self._tables: Mapping[str, pd.DataFrame] = records.tables

    def rows(self, table: str) -> pd.DataFrame:
        return self._tables[table]


def outcomes(strength: float) -> list[Outcome]:
    """LightGBM at 1m in null markets with twins of all sources, with an effect in the reports."""
    sections: dict[str, object] = {n: {"origin": "synthetic"} for n in ("cftc", "fred", "usda")}
    if strength:
        sections["planted"] = {"source": "cftc", "strength": strength}
    external = ExternalConfig.model_validate(sections)
    found = []
    for seed in SEEDS:
        source = SourceConfig(symbols=("ZL",), synthetic=SyntheticConfig(seed=seed))
        records, _ = read_external(external, NoExternalStore(), source, TARGET)
        _, sessions, *_ = make_sessions(read_source(source, NoStore()))
        table = regimes()
        features = compute_features(sessions, source, TARGET, external, Records(records))
        snapshot = make_snapshot(assemble_matrix(features, table), table, TARGET, source, external)
        found.append(run(seed, snapshot, "1m", "lightgbm"))
    return found


def show(title: str, found: list[Outcome]) -> None:
    skills = 100 * np.array([o.skills for o in found])
    print(
        f"\n{title}: MAE skill {skills[:, 0].mean():+.1f} % ({skills[:, 0].min():+.1f} to "
        f"{skills[:, 0].max():+.1f}), pinball {skills[:, 1].mean():+.1f} %, verdict skill "
        f"{share_of_skill(found, 'skill_pinball'):.0%}",
        end="",
    )


def test_lightgbm_finds_what_is_planted_in_the_reports_and_nothing_in_plain_twins() -> None:
    planted, plain = outcomes(0.6), outcomes(0.0)
    show("planted 0.6", planted)
    show("plain", plain)
    assert share_of_skill(planted, "skill_pinball") >= 0.75
    assert share_of_skill(plain, "skill_pinball") <= 0.125
    assert pooled_skill(plain)[1] < 0.02
    config = ExternalConfig.model_validate(
        {"cftc": {"origin": "synthetic"}, "planted": {"source": "cftc", "strength": 0.6}}
    )
    market = TwinMarket(SyntheticConfig(seed=1), "ZL", config.planted)
    records, _ = read_external(config, NoExternalStore(), SourceConfig(symbols=("ZL",)), TARGET)
    known_at = records.tables["raw_intelligence.cftc_positioning"]["known_at"]
    truth = true_effect(market, known_at).skill_mae
    # Older reports know of the same weeks, so an engine may find more than the newest one holds.
    assert 0.25 * truth < pooled_skill(planted)[0] < 2.0 * truth
