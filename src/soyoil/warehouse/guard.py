"""Stages that must not touch the warehouse.

After the split, fit, evaluate and sweep read the snapshot only; a result must not depend on
what the warehouse says today.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from soyoil.base.errors import WarehouseError

WAREHOUSE_FORBIDDEN: Final = "WAREHOUSE_FORBIDDEN"
"""Environment variable that forbids the warehouse to a worker process; its value is the reason."""

# A context variable and not a global: other nodes may save tables in other threads meanwhile.
_reason: ContextVar[str | None] = ContextVar("warehouse_forbidden", default=None)


@contextmanager
def forbid_warehouse(reason: str) -> Iterator[None]:
    """Make every use of the warehouse inside the block an error.

    Acts on the current thread. Worker processes are told by `WAREHOUSE_FORBIDDEN`.

    Parameters
    ----------
    reason
        What runs here and what it reads instead, for the message.
    """
    token = _reason.set(reason)
    try:
        yield
    finally:
        _reason.reset(token)


def check_allowed() -> None:
    """Raise if the warehouse is forbidden here.

    Raises
    ------
    WarehouseError
        Inside `forbid_warehouse`, or in a process with `WAREHOUSE_FORBIDDEN` set.
    """
    reason = _reason.get() or os.environ.get(WAREHOUSE_FORBIDDEN)
    if reason:
        raise WarehouseError(
            f"the warehouse may not be used here: {reason}. Read the snapshot instead."
        )
