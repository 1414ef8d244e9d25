"""The HTML report of a training run."""

from soyoil.pipelines.report.pipeline import create_pipeline

__all__ = ["create_pipeline"]
