"""Vendor bars to session bars in the warehouse."""

from soyoil.pipelines.ingest.pipeline import create_pipeline

__all__ = ["create_pipeline"]
