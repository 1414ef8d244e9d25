"""What MLflow's own pages show: experiments, names, order, saved views, data sets."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.tracking.pages.dataset import DatasetUse, dataset_use
    from soyoil.tracking.pages.experiments import (
        KIND_TAG,
        NOTE_TAG,
        dress,
        show_models,
        show_study,
    )
    from soyoil.tracking.pages.names import (
        PIPELINE_TAG,
        key_in_mlflow,
        leading_metrics,
        pipelines_experiment,
        sweeps_experiment,
        title,
    )
    from soyoil.tracking.pages.views import models_link, run_link
else:
    __getattr__ = lazy_names(__name__)

__all__ = [
    "KIND_TAG", "NOTE_TAG", "PIPELINE_TAG", "DatasetUse", "dataset_use", "dress", "key_in_mlflow",
    "leading_metrics", "models_link", "pipelines_experiment", "run_link", "show_models",
    "show_study", "sweeps_experiment", "title",
]  # fmt: skip
