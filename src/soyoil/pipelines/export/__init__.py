"""Files for training somewhere else."""

from soyoil.pipelines.export.pipeline import create_pipeline

__all__ = ["create_pipeline"]
