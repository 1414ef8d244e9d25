"""Out-of-sample predictions per horizon and model."""

from soyoil.pipelines.fit.pipeline import create_pipeline

__all__ = ["create_pipeline"]
