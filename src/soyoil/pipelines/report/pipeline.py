"""Wiring of the report stage."""

from kedro.pipeline import Node, Pipeline

from soyoil.models.registry import CHAMPION
from soyoil.pipelines.grid import FITTED, cells, stage
from soyoil.pipelines.report.nodes import make_report
from soyoil.targets.horizons import HORIZONS


def create_pipeline() -> Pipeline:
    """The report over all horizons and models; without tags, so a filtered run skips it."""
    names = ["snapshot", "skill_table", "quarantine", "tracked_run"]
    names += [f"{h}.{table}" for h in HORIZONS for table in ("split_plan", "weight_report")]
    names += [f"{h}.{m}.predictions" for h, m in cells()]
    names += [f"{h}.{m}.fit_report" for h, m in cells() if m in FITTED]
    names += [f"{h}.{CHAMPION}.experts" for h in HORIZONS]
    inputs = {name: name for name in names} | {
        name: f"params:{name}" for name in ("profile", "split", "champion")
    }
    return stage("report", [Node(make_report, inputs, "report", name="make_report")])
