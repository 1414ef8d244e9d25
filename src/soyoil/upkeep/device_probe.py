"""What torch can do on this machine, for a process that says it and ends."""

from __future__ import annotations

import importlib.metadata
import json

from soyoil.models.device import difference_on, torch_device


def device_report(requested: str) -> str:
    """JSON with ``torch``, its version, and ``name`` and ``reason`` of the device.

    Parameters
    ----------
    requested
        ``tft.device``.

    Raises
    ------
    ModelError
        The device that was asked for is not right.
    """
    # The step has to run at all, where nothing is compared with the CPU.
    difference_on("cpu")
    choice = torch_device(requested)
    version = importlib.metadata.version("torch")
    return json.dumps({"torch": version, "name": choice.name, "reason": choice.reason})
