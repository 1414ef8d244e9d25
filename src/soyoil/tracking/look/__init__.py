"""The tracking store looked at without a change."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.tracking.look.store import StoreLook, look_at_store
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["StoreLook", "look_at_store"]
