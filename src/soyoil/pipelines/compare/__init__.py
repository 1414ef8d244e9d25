"""Leaderboard over tracked runs, and the difference of two."""

from soyoil.pipelines.compare.pipeline import create_pipeline

__all__ = ["create_pipeline"]
