"""What MLflow's pages show of the experiment: a view with columns and charts, and its link.

MLflow keeps chosen columns and charts in the browser, unless they are shared: then they stand as
JSON in a tag of the experiment, and whoever opens its runs with the key of that tag sees them.
"""

from __future__ import annotations

import json
from typing import Any, Final

from soyoil.metrics.keys import pooled

VIEW: Final = "skill"
"""Key of the view, part of its link."""

VIEW_TAG: Final = f"mlflow.sharedViewState.{VIEW}"
KIND_TAG: Final = "mlflow.experimentKind"
NOTE_TAG: Final = "mlflow.note.content"

# Columns are named by kind and key; MLflow cuts a name that is wider than its column.
COLUMNS: Final = (
    "tags.`horizon`",
    "tags.`model`",
    "tags.`verdict`",
    f"metrics.`{pooled('skill_pinball')}`",
    f"metrics.`{pooled('skill_pinball_low')}`",
    f"metrics.`{pooled('skill_pinball_high')}`",
    f"metrics.`{pooled('skill_mae')}`",
    f"metrics.`{pooled('skill_pinball', 'regime')}`",
    f"metrics.`{pooled('skill_pinball', 'worst')}`",
    f"metrics.`{pooled('coverage_80')}`",
    f"metrics.`{pooled('independent_n')}`",
    "tags.`provenance`",
    "tags.`rolls`",
)

WIDTH_OF_LETTER: Final = 6
WIDTH_OF_VALUE: Final = 104
MARGIN: Final = 26

CHARTS: Final = (
    pooled("skill_pinball"),
    pooled("skill_pinball_low"),
    pooled("skill_pinball", "regime"),
    pooled("skill_mae"),
    pooled("coverage_80"),
    pooled("independent_n"),
)

NOTE: Final = """\
Forecasts of soybean oil by horizon and model. Each pipeline run (tag `kind=pipeline`) holds one
child run per horizon and model (`kind=model`).

**Compare all models:** [table]({link}) · [charts]({link}&compareRunsMode=CHART). To keep to one
pipeline run, add ``and tags.`mlflow.parentRunId` = '<its id>'`` to the filter.

Metric keys of a child: `<scope>.<weighting>.<metric>[.<regime>]`

- scope: `fold` (step = fold number) or `pooled` (all scored rows)
- weighting: `uniform`, `regime` (regime weights), `macro` (mean over regimes), `worst`
  (worst regime)
- metric: `skill_pinball` (against `vol_cone`) and `skill_mae` (against `random_walk`), each with
  `_low` and `_high`, the bounds of its 90 % interval; above zero the model was better.
  `dm_p_pinball` and `dm_p_mae`: p-values of no skill; `detectable_pinball` and `detectable_mae`:
  the skill that such a test finds four times in five.
  `coverage_80` is right at 0.8. `independent_n` says how many independent labels that rests on.
- regime: only rows whose origin lies in that regime

All horizons share these keys, so their runs compare side by side; horizon, model and weighting
scheme are tags. `fold.train.*` and `fit.*` describe the fits. A metric that is missing is
unknown: tag `unknown_metrics`. Runs with other values of the tag `scored_rows_hash` were scored on
other rows: do not compare them. `provenance=synthetic` marks invented data,
`rolls=unknown` bars that name no contract: their returns hold the jumps between contracts.
"""


def view_link(experiment_id: str) -> str:
    """Link to the view, relative to the address of MLflow's server."""
    page = f"#/experiments/{experiment_id}/runs"
    return f"{page}?workflowType=machine_learning&viewStateShareKey={VIEW}"


def _width(column: str) -> int:
    """Width of a column in pixels, so that its name can be read."""
    key = column.split("`")[1]
    return MARGIN + max(WIDTH_OF_LETTER * len(key), WIDTH_OF_VALUE)


def _chart(metric: str) -> dict[str, Any]:
    return {
        "uuid": metric, "type": "BAR", "metricKey": metric, "metricSectionId": VIEW,
        "runsCountToCompare": 100, "deleted": False, "isGenerated": False,
    }  # fmt: skip


def view_state() -> dict[str, Any]:
    """The view: runs of models only, their scores as columns and as bars."""
    section = {
        "uuid": VIEW, "name": "Scores", "display": True, "isReordered": False, "deleted": False,
        "isGenerated": False, "columns": 2, "cardHeight": 640,
    }  # fmt: skip
    return {
        "searchFilter": "tags.kind = 'model'",
        "orderByKey": "tags.`horizon`",
        "orderByAsc": True,
        "selectedColumns": list(COLUMNS),
        "columnOrder": list(COLUMNS),
        "columnWidths": {column: _width(column) for column in COLUMNS},
        "runsHiddenMode": "SHOW_ALL",
        "compareRunCharts": [_chart(metric) for metric in CHARTS],
        "compareRunSections": [section],
    }


def experiment_tags() -> dict[str, str]:
    """Tags that make MLflow's pages fit the experiment; its description is `experiment_note`."""
    return {KIND_TAG: "custom_model_development", VIEW_TAG: json.dumps(view_state())}


def experiment_note(experiment_id: str) -> str:
    """Description of the experiment: what its keys mean and how to compare its runs."""
    return NOTE.format(link=view_link(experiment_id))
