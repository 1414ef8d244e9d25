"""The report of a training run."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.reports.train.report import HorizonResults, RunResults, training_report
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["HorizonResults", "RunResults", "training_report"]
