"""Kedro project settings."""

import os
import warnings

from soyoil.base.data_folder import data_folder_name
from soyoil.base.redact import redact_logs
from soyoil.hooks.catalog import CatalogHooks
from soyoil.hooks.closing import ClosingHooks
from soyoil.hooks.config_loader import CheckedConfigLoader
from soyoil.hooks.lock import LockHooks
from soyoil.hooks.logging import LoggingHooks
from soyoil.hooks.market import MarketHooks
from soyoil.hooks.parameters import ParameterHooks
from soyoil.hooks.replay import ReplayHooks
from soyoil.hooks.skipping import SkipHooks
from soyoil.hooks.stages import StageHooks
from soyoil.hooks.tracking import TrackingHooks
from soyoil.hooks.workers import WorkerHooks

redact_logs()

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

# The nodes across horizons read what the namespaces of the cells made (1m.lightgbm.scores).
warnings.filterwarnings("ignore", message="One or more dataset names contain '.' characters")

_PARAMETERS = ParameterHooks()
_STAGES = StageHooks()
HOOKS = (
    LockHooks(), CatalogHooks(), LoggingHooks(), _PARAMETERS, MarketHooks(_PARAMETERS), _STAGES,
    ReplayHooks(_PARAMETERS), TrackingHooks(_STAGES), WorkerHooks(),
    SkipHooks(_PARAMETERS, _STAGES), ClosingHooks(_PARAMETERS),
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
