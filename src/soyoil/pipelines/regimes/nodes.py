"""Nodes of the regimes stage."""

from __future__ import annotations

from typing import Any

import pandas as pd

from soyoil.regimes.table import RegimeConfig, regime_frame


def make_regime_table(regimes: list[dict[str, Any]]) -> pd.DataFrame:
    """Validated rows of ``training.regime_weights``."""
    return regime_frame([RegimeConfig.model_validate(item) for item in regimes])
