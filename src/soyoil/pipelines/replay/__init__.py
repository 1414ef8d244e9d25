"""Past evenings again, from what was known then."""

from soyoil.pipelines.replay.pipeline import create_pipeline

__all__ = ["create_pipeline"]
