"""Today's forecast and its ledger."""

from soyoil.pipelines.forecast.pipeline import create_pipeline

__all__ = ["create_pipeline"]
