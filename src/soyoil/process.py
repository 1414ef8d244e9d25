"""Facts about the running process."""

from __future__ import annotations

import resource
import sys


def peak_memory_mb() -> float:
    """Largest resident set of this process so far, MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts KiB, macOS bytes.
    return float(peak) / (2**20 if sys.platform == "darwin" else 2**10)
