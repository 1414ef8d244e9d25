"""Search over configurations inside the outer training span."""

from soyoil.pipelines.sweep.pipeline import create_pipeline

__all__ = ["create_pipeline"]
