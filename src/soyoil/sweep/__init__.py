"""Searches over configurations of one horizon, and what luck alone would give."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.sweep.config import SweepConfig
    from soyoil.sweep.ledger import StudyKey, Trial, TrialKey
    from soyoil.sweep.space import TrialConfig
    from soyoil.sweep.study import StudySpec
    from soyoil.sweep.summary import StudySummary, summarise_study
    from soyoil.sweep.worker import run_studies
else:
    __getattr__ = lazy_names(__name__)

__all__ = [
    "StudyKey", "StudySpec", "StudySummary", "SweepConfig", "Trial", "TrialConfig", "TrialKey",
    "run_studies", "summarise_study",
]  # fmt: skip
