"""Models for use: judged, registered, given out under aliases."""

from soyoil.pipelines.register.pipeline import create_pipeline

__all__ = ["create_pipeline"]
