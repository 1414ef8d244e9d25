"""Which parts of a run would give what is there already, and are left out."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.skipping.active import current
    from soyoil.skipping.plan import Plan, Scene
    from soyoil.skipping.switch import forced, is_forced
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["Plan", "Scene", "current", "forced", "is_forced"]
