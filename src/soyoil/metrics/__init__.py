"""Scores of quantile forecasts, uniform and by regime."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.metrics.bootstrap import Interval, Verdict, skill_interval, verdict
    from soyoil.metrics.breakdown import coverage_table, regime_scores
    from soyoil.metrics.champion import champion_metrics
    from soyoil.metrics.evaluate import Evaluation, scored_rows_hash, skill
    from soyoil.metrics.events import event_scores, event_slices
    from soyoil.metrics.keys import MetricKey, pooled
    from soyoil.metrics.losses import row_losses
else:
    __getattr__ = lazy_names(__name__)

__all__ = [
    "Evaluation", "Interval", "MetricKey", "Verdict", "champion_metrics", "coverage_table",
    "event_scores", "event_slices", "pooled", "regime_scores", "row_losses", "scored_rows_hash",
    "skill", "skill_interval", "verdict",
]  # fmt: skip
