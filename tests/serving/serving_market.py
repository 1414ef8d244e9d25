"""What the tests of this folder fit."""

from typing import Any

from soyoil.models.config import FitConfig, LightGBMConfig, XGBoostConfig
from soyoil.targets.horizons import HORIZONS

WEEK = HORIZONS["1w"]
FIT = FitConfig(rows_per_label=0, feature_groups=("market_data",))
CONFIGS: dict[str, Any] = {
    "lightgbm": LightGBMConfig(n_estimators=8, min_data_in_leaf=20),
    "xgboost": XGBoostConfig(n_estimators=8, min_child_weight=20),
}
