"""What a change of scores between two tracked runs comes from."""

from soyoil.pipelines.explain.pipeline import create_pipeline

__all__ = ["create_pipeline"]
