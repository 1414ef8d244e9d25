"""Session bars and regimes to the daily matrix."""

from soyoil.pipelines.features.pipeline import create_pipeline

__all__ = ["create_pipeline"]
