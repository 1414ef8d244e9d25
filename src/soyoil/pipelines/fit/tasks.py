"""From the results of an engine's folds to a report."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from soyoil.models.base import FoldResult, FoldTask
from soyoil.models.report import FitReport, pool_importance


def fit_report(
    tasks: Sequence[FoldTask], results: Sequence[FoldResult], seconds: float
) -> FitReport:
    """What the fits of all folds took and gave."""
    folds = pd.DataFrame(
        {
            "fold": [r.fold for r in results],
            "train_rows": [len(t.train) for t in tasks],
            "valid_rows": [len(t.valid) for t in tasks],
            "test_rows": [len(t.test) for t in tasks],
            "rounds": [r.rounds for r in results],
            "shrink_location": [r.shrink.location for r in results],
            "shrink_spread": [r.shrink.spread for r in results],
            "device": [r.device for r in results],
            "libraries": [" ".join(r.libraries) for r in results],
            "seconds": [r.seconds for r in results],
            "peak_rss_mb": [r.peak_rss_mb for r in results],
        }
    )
    return FitReport(
        folds=folds,
        importance=pool_importance(results),
        models={name: content for r in results for name, content in r.models.items()},
        seconds=seconds,
    )
