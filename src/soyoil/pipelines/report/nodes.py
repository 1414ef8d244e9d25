"""Node of the report stage."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from soyoil.features.outside import switched_on
from soyoil.forecast.outlook import outlooks
from soyoil.hooks.closing import RESULT_FILE, TABLE_FILE
from soyoil.models.arrays import feature_names
from soyoil.models.champion import ChampionConfig
from soyoil.models.registry import CHAMPION
from soyoil.params import Profile
from soyoil.pipelines.grid import FITTED, MODELS
from soyoil.pipelines.report.inputs import check_report_inputs
from soyoil.reports.result import About, result_text, table_text
from soyoil.reports.train.origin import Origin
from soyoil.reports.train.report import HorizonResults, RunResults, training_report
from soyoil.splits.plan import SplitConfig
from soyoil.splits.snapshot import Snapshot
from soyoil.targets.horizons import HORIZONS

REPORT_FILE: Final = "report.html"


def make_report(
    snapshot: Snapshot,
    skill_table: pd.DataFrame,
    quarantine: pd.DataFrame,
    profile: Profile,
    split: SplitConfig,
    champion: ChampionConfig,
    tracked_run: Origin | None,
    **results: Any,
) -> dict[str, str]:
    """Report page, and as texts the result and the table of all models, by file name.

    Parameters
    ----------
    tracked_run
        The run that the results belong to, if it is known.
    results
        Per horizon ``<horizon>.split_plan`` and ``<horizon>.weight_report``, per cell
        ``<horizon>.<model>.predictions`` and, of fitted models, ``.fit_report``, of the champion
        ``.experts``.

    Raises
    ------
    HandoverError
        They do not belong together.
    """
    check_report_inputs(snapshot, skill_table, results)
    horizons = [
        HorizonResults(
            horizon=horizon,
            predictions={m: results[f"{name}.{m}.predictions"] for m in MODELS},
            fit_reports={m: results[f"{name}.{m}.fit_report"] for m in FITTED},
            split_plan=results[f"{name}.split_plan"],
            weight_report=results[f"{name}.weight_report"],
            experts=results[f"{name}.{CHAMPION}.experts"],
        )
        for name, horizon in HORIZONS.items()
    ]
    found = RunResults(
        snapshot=snapshot,
        features=switched_on(feature_names(), snapshot.matrix),
        profile=profile,
        skill_table=skill_table,
        horizons=horizons,
        outlooks=outlooks(snapshot, split, champion),
        quarantine=quarantine,
        origin=tracked_run,
    )
    about = About(snapshot.symbol, snapshot.provenance, snapshot.rolls, found.outlooks)
    scores = skill_table.to_dict("records")
    return {
        REPORT_FILE: training_report(found),
        RESULT_FILE: result_text(scores, about),
        TABLE_FILE: table_text(scores, about),
    }
