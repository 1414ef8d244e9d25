"""Changes that bring a warehouse to its contracts, as a plan that is read first."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.migrations.apply import ApplyError, ApplyRecord, apply_plan
    from soyoil.migrations.plan import Change, Plan, make_plan, read_plan, write_plan
    from soyoil.migrations.references import downstream
else:
    __getattr__ = lazy_names(__name__)

__all__ = [
    "ApplyError", "ApplyRecord", "Change", "Plan", "apply_plan", "downstream", "make_plan",
    "read_plan", "write_plan",
]  # fmt: skip
