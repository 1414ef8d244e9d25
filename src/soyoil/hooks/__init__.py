"""What Kedro calls while a session runs."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.hooks.catalog import CatalogHooks
    from soyoil.hooks.closing import ClosingHooks
    from soyoil.hooks.config_loader import CheckedConfigLoader
    from soyoil.hooks.lock import LockHooks
    from soyoil.hooks.logging import LoggingHooks
    from soyoil.hooks.market import MarketHooks
    from soyoil.hooks.parameters import ParameterHooks
    from soyoil.hooks.skipping import SkipHooks
    from soyoil.hooks.stages import StageHooks
    from soyoil.hooks.tracking import TrackingHooks
    from soyoil.hooks.workers import WorkerHooks
else:
    __getattr__ = lazy_names(__name__)

__all__ = [
    "CatalogHooks", "CheckedConfigLoader", "ClosingHooks", "LockHooks", "LoggingHooks",
    "MarketHooks", "ParameterHooks", "SkipHooks", "StageHooks", "TrackingHooks", "WorkerHooks",
]  # fmt: skip
