"""Snapshot, labels, split plan and weights."""

from soyoil.pipelines.split.pipeline import create_pipeline

__all__ = ["create_pipeline"]
