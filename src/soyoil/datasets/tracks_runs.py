"""Datasets that write to MLflow."""

from __future__ import annotations


class TracksRuns:
    """Mark of a dataset that writes below the tracked pipeline run; one is started for it."""
