"""Saved views of MLflow's list of runs: their columns, order and charts, and links to them.

MLflow keeps chosen columns and charts in the browser, unless they are shared: then they stand as
JSON in a tag of the experiment. Whoever opens its runs with the key of that tag sees them, and a
view with a name is listed under *Views*.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from soyoil.metrics.keys import pooled
from soyoil.tracking.pages.names import LEADING, ORDER, PIPELINE_TAG, key_in_mlflow

VIEW_TAG: Final = "mlflow.sharedViewState."
WORKFLOW: Final = "workflowType=machine_learning"
"""Without it a new browser opens an experiment as one of language models, which lists no runs."""

LABELS: Final = "independent_n"
MODELS: Final = "tags.kind = 'model'"
TRIALS: Final = "tags.kind = 'trial'"

# What is furthest left is seen without scrolling, also beside the panel of MLflow's assistant.
SCORES: Final = (
    *(f"metrics.`{name}`" for name in LEADING if name != LABELS),
    "tags.`verdict`",
    f"metrics.`{LABELS}`",
    f"metrics.`{key_in_mlflow(pooled('skill_mae'))}`",
    f"metrics.`{key_in_mlflow(pooled('skill_pinball', 'regime'))}`",
    f"metrics.`{key_in_mlflow(pooled('skill_pinball', 'worst'))}`",
    "tags.`horizon`",
    "tags.`model`",
    "tags.`provenance`",
    "tags.`rolls`",
    "attributes.`Dataset`",
    "attributes.`Models`",
)

NARROW: Final = {
    "metrics.`skill`": 66,
    "metrics.`skill_low`": 76,
    "metrics.`skill_high`": 78,
    "metrics.`coverage_80`": 92,
    "tags.`verdict`": 90,
}
"""Widths in pixels of the columns that have to fit a screen; others are as wide as their name."""
LETTER: Final = 6
VALUE: Final = 104
MARGIN: Final = 26

BARS: Final = (
    "skill",
    "skill_low",
    key_in_mlflow(pooled("skill_pinball", "regime")),
    key_in_mlflow(pooled("skill_mae")),
    "coverage_80",
    "independent_n",
)


@dataclass(frozen=True)
class View:
    """A saved view.

    Attributes
    ----------
    key
        Key, part of its link.
    name
        Name under *Views*.
    query
        Filter of runs.
    order_by
        Column to sort by.
    columns
        Columns from left to right.
    charts
        What MLflow keeps of its charts.
    ascending
        Direction.
    across
        Charts side by side.
    """

    key: str
    name: str
    query: str
    order_by: str
    columns: tuple[str, ...]
    charts: tuple[dict[str, Any], ...]
    ascending: bool = True
    across: int = 2

    def tag(self, now_ms: int) -> tuple[str, str]:
        """Tag of an experiment that holds it: name and JSON."""
        state = {
            "searchFilter": self.query,
            "orderByKey": self.order_by,
            "orderByAsc": self.ascending,
            "selectedColumns": list(self.columns),
            "columnOrder": list(self.columns),
            "columnWidths": {column: _width(column) for column in self.columns},
            "runsHiddenMode": "SHOW_ALL",
            "compareRunCharts": list(self.charts),
            "compareRunSections": [_section(self.key, self.across)],
            # Else MLflow sorts the sections that it adds for other metrics above this one.
            "isAccordionReordered": True,
        }
        found = {"name": self.name, "createdAt": now_ms, "updatedAt": now_ms}
        return VIEW_TAG + self.key, json.dumps({**found, "state": json.dumps(state)})


def _width(column: str) -> int:
    """Width of a column in pixels, so that its name can be read."""
    key = column.split("`")[1]
    return NARROW.get(column, MARGIN + max(LETTER * len(key), VALUE))


def _section(key: str, across: int) -> dict[str, Any]:
    return {
        "uuid": key, "name": "Scores", "display": True, "isReordered": True, "deleted": False,
        "isGenerated": False, "columns": across, "cardHeight": 380,
    }  # fmt: skip


def _card(key: str, uuid: str, **fields: Any) -> dict[str, Any]:
    kept = {"runsCountToCompare": 100, "deleted": False, "isGenerated": False}
    return {"uuid": uuid, "metricSectionId": key, **kept, **fields}


def _bars(key: str) -> tuple[dict[str, Any], ...]:
    return tuple(_card(key, metric, type="BAR", metricKey=metric) for metric in BARS)


def models_view(key: str, name: str, query: str = "") -> View:
    """Runs of models by horizon, the best first in each, with their scores.

    Parameters
    ----------
    key
        Key of the view.
    name
        Its name.
    query
        What more the runs are filtered by.
    """
    both = " and ".join(part for part in (MODELS, query) if part)
    return View(key, name, both, f"metrics.`{ORDER}`", SCORES, _bars(key))


def study_view(study: str, params: Sequence[str]) -> View:
    """Trials of one study, the best first, with parallel coordinates.

    Parameters
    ----------
    study
        Name of the study.
    params
        What was searched.
    """
    columns = (
        "metrics.`skill`",
        "tags.`trial_state`",
        *(f"params.`{name}`" for name in params),
        "metrics.`fit/seconds`",
    )
    lines = _card(
        "best", "parallel", type="PARALLEL", selectedParams=list(params), selectedMetrics=["skill"],
        showAllRuns=False,
    )  # fmt: skip
    bars = _card("best", "objective", type="BAR", metricKey="skill")
    query = f"{TRIALS} and tags.study = '{study}'"
    name = f"Best study of the last sweep: {study}"
    return View("best", name, query, "metrics.`skill`", columns, (lines, bars), False, 1)


def view_link(experiment_id: str, key: str, *, charts: bool = False) -> str:
    """Link to a view, relative to the address of MLflow's server."""
    page = f"#/experiments/{experiment_id}/runs?{WORKFLOW}&viewStateShareKey={key}"
    return f"{page}&compareRunsMode=CHART" if charts else page


def models_link(experiment_id: str, run_id: str) -> str:
    """Link to the list of models of one pipeline run."""
    query = quote(f"tags.{PIPELINE_TAG} = '{run_id}'")
    order = quote(f"metrics.`{ORDER}`")
    page = f"#/experiments/{experiment_id}/runs?{WORKFLOW}"
    return f"{page}&searchFilter={query}&orderByKey={order}&orderByAsc=true"


def run_link(experiment_id: str, run_id: str) -> str:
    """Link to the page of a run."""
    return f"#/experiments/{experiment_id}/runs/{run_id}"
