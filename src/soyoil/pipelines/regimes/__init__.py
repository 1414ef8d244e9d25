"""The regime table."""

from soyoil.pipelines.regimes.pipeline import create_pipeline

__all__ = ["create_pipeline"]
