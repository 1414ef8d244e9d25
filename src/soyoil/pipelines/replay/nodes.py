"""Nodes of the replay."""

from __future__ import annotations

import logging

import pandas as pd
from rich.console import Console

from soyoil.base.data_folder import data_folder_name
from soyoil.external.config import ExternalConfig
from soyoil.external.load import rows_in_use
from soyoil.external.store import ExternalStore
from soyoil.features.config import FeaturesConfig
from soyoil.leakage.config import ReplayConfig
from soyoil.leakage.material import Material
from soyoil.leakage.replay import Replay, check_asof, replay
from soyoil.leakage.result import LeakError
from soyoil.params import TargetConfig
from soyoil.reports.leakage.text import replay_rows, replay_table, with_asof
from soyoil.sources.base import BarBatch

logger = logging.getLogger(__name__)


def replay_evenings(
    config: ReplayConfig,
    stored: pd.DataFrame,
    batch: BarBatch,
    regimes: pd.DataFrame,
    target: TargetConfig,
    external: ExternalConfig,
    store: ExternalStore,
    features: FeaturesConfig,
) -> list[Replay]:
    """Rebuild each evening and compare it with the rows of today."""
    check_asof(config.asof, stored.loc[stored["symbol"] == target.symbol, "data_date"])
    tables = rows_in_use(external, store)
    material = Material(
        target=target.symbol, tables=tables, regimes=regimes, groups=features, batch=batch
    )
    found = []
    for day in config.asof:
        logger.info("replaying the evening of %s", day)
        found.append(replay(day, material, stored))
    return found


def write_replays(replays: list[Replay]) -> tuple[dict[str, str], list[Replay]]:
    """Files of the replays, and the replays for what has to come after they are written."""
    files = {
        "replay_evenings.csv": replay_rows(replays).to_csv(index=False),
        "replay_differences.csv": with_asof(replays, "differing").to_csv(index=False),
        "replay_revisions.csv": with_asof(replays, "revisions").to_csv(index=False),
    }
    return files, replays


def judge_replays(replays: list[Replay]) -> None:
    """Print what was found and fail if something cannot be accounted for.

    Raises
    ------
    LeakError
        A cell of today differs from what its evening could know.
    """
    Console().print(replay_table(replays))
    wrong = [r for r in replays if not r.passed]
    if wrong:
        first = wrong[0].unexplained.iloc[0]
        count = sum(len(r.unexplained) for r in wrong)
        raise LeakError(
            f"{count:,} cells of features.daily_ml_matrix are not what was known on their evening "
            f"({', '.join(str(r.asof) for r in wrong)}), the first {first['column']} of "
            f"{first['symbol']} on {first['data_date']:%Y-%m-%d}: {first['stored']} stored, "
            f"{first['rebuilt']} rebuilt. If data came in since the matrix was made, run `kedro "
            f"run --pipelines=ingest,regimes,features`; else a column looks ahead. All cells: "
            f"{data_folder_name()}/08_reporting/replay_differences.csv."
        )
