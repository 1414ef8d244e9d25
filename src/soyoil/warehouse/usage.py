"""What the warehouse has cost this process: requests, bytes, dollars."""

from __future__ import annotations

import threading
from dataclasses import dataclass, fields, replace
from typing import Final

TIB: Final = 2**40
QUERY_USD_PER_TIB: Final = 6.25
"""On-demand price of queries in us-central1, from https://cloud.google.com/bigquery/pricing; the
first TiB of a month is free, which is not taken off here."""
STORAGE_READ_USD_PER_TIB: Final = 1.10
"""Price of reads by the Storage Read API in us-central1, from the same page."""


@dataclass(frozen=True)
class Usage:
    """Use of BigQuery; all zero for other warehouses.

    Attributes
    ----------
    requests
        Requests that reached a server, repeated ones included.
    bytes_processed, bytes_billed
        Of queries and scripts, as BigQuery reports them.
    storage_bytes
        Bytes read by the Storage Read API.
    loaded_bytes
        Bytes sent by load jobs, which are free.
    """

    requests: int = 0
    bytes_processed: int = 0
    bytes_billed: int = 0
    storage_bytes: int = 0
    loaded_bytes: int = 0

    @property
    def cost_usd(self) -> float:
        """Estimate at on-demand prices, without free tiers."""
        queries = self.bytes_billed / TIB * QUERY_USD_PER_TIB
        return queries + self.storage_bytes / TIB * STORAGE_READ_USD_PER_TIB

    def __str__(self) -> str:
        """Short text for logs."""
        mib = 2**20
        return (
            f"{self.requests} requests, {self.bytes_billed / mib:.1f} MiB billed by queries, "
            f"{self.storage_bytes / mib:.1f} MiB read, {self.loaded_bytes / mib:.1f} MiB loaded, "
            f"about ${self.cost_usd:.4f}"
        )


# Counted by whatever thread talks to the server, read by the thread that ends the run; so this
# is one number per process and not a context variable.
_lock: Final = threading.Lock()
_total = Usage()


def record(**counts: int) -> None:
    """Add to the fields of `Usage` by name."""
    global _total
    with _lock:
        _total = replace(_total, **{k: getattr(_total, k) + v for k, v in counts.items()})


def current() -> Usage:
    """Use since the process began or `reset`."""
    return _total


def reset() -> None:
    """Begin at zero: a run starts."""
    global _total
    with _lock:
        _total = Usage()


def as_metrics(usage: Usage) -> dict[str, float]:
    """Fields and cost by name, for a tracking store."""
    counted = {f"warehouse.{f.name}": float(getattr(usage, f.name)) for f in fields(usage)}
    return {**counted, "warehouse.cost_usd": usage.cost_usd}
