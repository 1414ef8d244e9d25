"""Wiring of the forecast."""

from kedro.pipeline import Node, Pipeline

from soyoil.pipelines.forecast.nodes import challenge, forecast_node, publish, record
from soyoil.pipelines.grid import stage
from soyoil.targets.horizons import HORIZONS


def create_pipeline(*, strict: bool = True) -> Pipeline:
    """Forecast from the newest session, add it to the ledger, grade what has come due.

    Parameters
    ----------
    strict
        Refuse stale data; a training run shows what it would have said.
    """
    return stage(
        "forecast",
        [
            Node(
                forecast_node(strict=strict),
                ["snapshot", "params:split", "params:champion", "params:forecast"],
                "forecast",
                name="make",
            ),
            Node(record, ["forecast", "forecast_ledger"], "forecast_ledger_rows", name="record"),
            Node(
                challenge,
                {"forecast": "forecast"} | {name: f"{name}.served_models" for name in HORIZONS},
                "challengers",
                name="challenge",
            ),
            Node(
                publish,
                [
                    "forecast",
                    "forecast_ledger_rows",
                    "snapshot",
                    "challengers",
                    "params:forecast",
                ],
                ["forecast_files", "forecast_rows", "forecast_grades"],
                name="publish",
            ),
        ],
    )
