"""The leak check of the product's own pipeline."""

from soyoil.pipelines.leakcheck.pipeline import create_pipeline, create_quick

__all__ = ["create_pipeline", "create_quick"]
