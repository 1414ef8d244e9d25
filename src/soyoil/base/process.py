"""Facts about the running process."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path
from typing import Final

_STATUS: Final = Path("/proc/self/status")


def peak_memory_mb() -> float:
    """Largest resident set of this process so far, MiB."""
    if _STATUS.exists():
        # ru_maxrss of a started program begins with the size of the process that started it.
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return float(line.split()[1]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts KiB, macOS bytes.
    return float(peak) / (2**20 if sys.platform == "darwin" else 2**10)


def lives(pid: int) -> bool:
    """Whether there is a process of that number, of whatever user."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
