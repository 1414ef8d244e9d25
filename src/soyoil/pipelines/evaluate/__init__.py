"""Scores, tracked runs and the summary."""

from soyoil.pipelines.evaluate.pipeline import create_pipeline

__all__ = ["create_pipeline"]
