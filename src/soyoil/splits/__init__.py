"""Split plans and the content-addressed snapshot."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.splits.build import make_plan
    from soyoil.splits.plan import Fold, SplitConfig, SplitPlan, check_purged, plan_from_frame
    from soyoil.splits.snapshot import Snapshot, read_snapshot, take_snapshot, write_snapshot
    from soyoil.splits.walkforward import walk_forward
    from soyoil.splits.weights import weigh_plan
else:
    __getattr__ = lazy_names(__name__)

__all__ = [
    "Fold", "Snapshot", "SplitConfig", "SplitPlan", "check_purged", "make_plan",
    "plan_from_frame", "read_snapshot", "take_snapshot", "walk_forward", "weigh_plan",
    "write_snapshot",
]  # fmt: skip
