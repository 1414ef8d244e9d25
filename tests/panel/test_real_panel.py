"""The panel on real hourly files of four roots, to the end of 2023."""

from pathlib import Path

import pandas as pd
import pytest

from soyoil.market.bars import BarOrigin, session_bars
from soyoil.models.champion import ChampionConfig
from soyoil.models.registry import CHAMPION
from soyoil.panel.losses import PanelRules
from soyoil.panel.result import PanelResult, make_panel
from soyoil.sources import load_bars
from soyoil.sources.base import SourceConfig
from soyoil.splits.plan import SplitConfig

pytestmark = [pytest.mark.real_data, pytest.mark.slow]

SYMBOLS = ("ZL", "CL", "HG", "MES")
SKILL = {
    ("ZL", "1w"): 0.22, ("ZL", "1m"): 0.00, ("CL", "1w"): 3.27, ("CL", "1m"): 1.34,
    ("HG", "1w"): -0.06, ("HG", "1m"): -0.24, ("MES", "1w"): 2.69, ("ZL", "12m"): 0.08,
}  # fmt: skip
"""Pinball skill of the champion, %, of an independent implementation of the same rule."""


@pytest.fixture(scope="module")
def result(databento_dir: Path) -> PanelResult:
    batch = load_bars(SourceConfig(kind="databento", path=str(databento_dir), symbols=SYMBOLS))
    origin = BarOrigin(batch.schema, batch.provenance, batch.degraded_days)
    sessions = session_bars(batch.bars, origin).sessions
    sessions = sessions[sessions["data_date"] < "2024-01-01"]
    return make_panel(
        sessions, SYMBOLS, ("ZL",), PanelRules(SplitConfig(), ChampionConfig(), min_rows=100)
    )


def test_skills_are_those_of_the_reference(result: PanelResult) -> None:
    table = result.roots[result.roots["model"] == CHAMPION].set_index(["symbol", "horizon"])
    for key, percent in SKILL.items():
        assert 100 * table.loc[key, "skill_pinball"] == pytest.approx(percent, abs=0.006), key
    assert (table["status"] == "scored").all()
    assert result.provenance == "observed"
    assert table.loc[("MES", "1w"), "first"] > pd.Timestamp("2020-04-01")
    assert table.loc[("ZL", "1w"), "first"] == pd.Timestamp("2016-01-04")


def test_three_roots_of_which_one_loses_do_not_pass(result: PanelResult) -> None:
    assert not result.gate.passed
    assert "2 of 3 roots positive at 1w, fewer than 85 %" in result.gate.failed
