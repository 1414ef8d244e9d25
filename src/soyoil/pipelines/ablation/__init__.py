"""What each group of features adds, over a panel of roots."""

from soyoil.pipelines.ablation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
