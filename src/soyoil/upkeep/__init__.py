"""Keeping a project in order: findings of the doctor, backup, restore, retention."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.upkeep.backup import BackupPlan, make_backup
    from soyoil.upkeep.finding import Finding, examine
    from soyoil.upkeep.places import Places
    from soyoil.upkeep.restore import restore_backup
    from soyoil.upkeep.retention import Keep, find_spent, remove_spent
    from soyoil.upkeep.swap import undo_broken_restore
else:
    __getattr__ = lazy_names(__name__)

__all__ = [
    "BackupPlan", "Finding", "Keep", "Places", "examine", "find_spent", "make_backup",
    "remove_spent", "restore_backup", "undo_broken_restore",
]  # fmt: skip
