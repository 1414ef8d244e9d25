"""Audit of the warehouse."""

from soyoil.pipelines.audit.pipeline import create_pipeline

__all__ = ["create_pipeline"]
