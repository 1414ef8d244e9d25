"""Tracking of runs in MLflow: what a run holds, and the store that keeps it."""

from soyoil.tracking.active import close_interrupted

__all__ = ["close_interrupted"]
