"""What every room stands on: configuration, errors, processes, files of a run."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.base.arrays import BoolArray, DayArray, FloatArray, IntArray
    from soyoil.base.config import Config, bounded
    from soyoil.base.errors import (
        AuditError,
        ConfigError,
        ContractError,
        MissingTableError,
        ModelError,
        RegimeError,
        SourceError,
        SoyoilError,
        SplitError,
        TrackingError,
        WarehouseBusyError,
        WarehouseError,
    )
    from soyoil.base.suggest import did_you_mean, nearest
else:
    __getattr__ = lazy_names(__name__)

__all__ = [
    "AuditError", "BoolArray", "Config", "ConfigError", "ContractError", "DayArray",
    "FloatArray", "IntArray", "MissingTableError", "ModelError", "RegimeError", "SourceError",
    "SoyoilError", "SplitError", "TrackingError", "WarehouseBusyError", "WarehouseError",
    "bounded", "did_you_mean", "nearest",
]  # fmt: skip
