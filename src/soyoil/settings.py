"""Kedro project settings."""

import os
import warnings
from pathlib import Path

from soyoil.catalog_hooks import CatalogHooks
from soyoil.config_loader import CheckedConfigLoader
from soyoil.data_folder import data_folder_name
from soyoil.hooks import TrackingHooks
from soyoil.lock_hooks import LockHooks
from soyoil.logging_hooks import LoggingHooks
from soyoil.market_hooks import MarketHooks
from soyoil.parameter_hooks import ParameterHooks
from soyoil.redact import redact_logs
from soyoil.stage_hooks import StageHooks

redact_logs()

_ROOT = Path(__file__).resolve().parents[2]

# A bare `mlflow ui` in the project's root reads this file; the working directory of the
# process must not decide where runs go.
os.environ.setdefault("MLFLOW_TRACKING_URI", f"sqlite:///{(_ROOT / 'mlflow.db').as_posix()}")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

# Warehouse tables are named dataset.table, as BigQuery names them.
warnings.filterwarnings("ignore", message="One or more dataset names contain '.' characters")

_PARAMETERS = ParameterHooks()
_STAGES = StageHooks()
HOOKS = (
    LockHooks(), CatalogHooks(), LoggingHooks(), _PARAMETERS, MarketHooks(_PARAMETERS), _STAGES,
    TrackingHooks(_STAGES),
)  # fmt: skip

CONFIG_LOADER_CLASS = CheckedConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "config_patterns": {"logging": ["logging*", "logging*/**", "**/logging*"]},
    "default_run_env": "local",
    # One key in conf/local/parameters.yml must not erase its neighbours in conf/base.
    "merge_strategy": {"parameters": "soft"},
    "custom_resolvers": {"data_folder": data_folder_name},
}
