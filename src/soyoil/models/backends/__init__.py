"""Fits on clusters: the folds of this machine's walk-forward as tasks of Dask or Ray."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.models.backends.ahead import in_order
    from soyoil.models.backends.fleet import spread
    from soyoil.models.backends.machines import MACHINES, check_installed
    from soyoil.models.backends.versions import library_versions, models_hash
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["MACHINES", "check_installed", "in_order", "library_versions", "models_hash", "spread"]
