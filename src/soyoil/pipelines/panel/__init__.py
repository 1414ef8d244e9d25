"""Baselines and champion with every root as target."""

from soyoil.pipelines.panel.pipeline import create_pipeline

__all__ = ["create_pipeline"]
