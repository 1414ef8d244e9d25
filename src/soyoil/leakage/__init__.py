"""Does anything see what it could not know? Replays of past evenings and the leak check."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.leakage.check import full_check, quick_check
    from soyoil.leakage.material import Material, Recipe
    from soyoil.leakage.result import LeakReport
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["LeakReport", "Material", "Recipe", "full_check", "quick_check"]
