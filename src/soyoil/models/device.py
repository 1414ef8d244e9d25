"""Where a network runs: the first device that agrees with the CPU.

A device can be absent, present and right, present and wrong in its gradients, or raise in the
middle. What decides is therefore a small forward and backward pass on the device and on the
CPU. Probes are injectable, so that every case is tested without the hardware.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from soyoil.base.errors import ModelError

ORDER: Final = ("mps", "cuda")
"""Devices that are tried before the CPU."""

TOLERANCE: Final = 1e-3
"""Largest difference from the CPU, relative to the largest value, that float32 may show."""


@dataclass(frozen=True)
class Probe:
    """What is asked of one device.

    Attributes
    ----------
    available
        Whether it is there.
    difference
        Largest relative difference of losses and gradients from the CPU.
    """

    available: Callable[[], bool]
    difference: Callable[[], float]


@dataclass(frozen=True)
class DeviceChoice:
    """The device that is used.

    Attributes
    ----------
    name
        ``mps``, ``cuda`` or ``cpu``.
    reason
        Why it, and why none before it.
    """

    name: str
    reason: str

    def __str__(self) -> str:
        """For tags and logs."""
        return f"{self.name} ({self.reason})"


def _verdict(name: str, probe: Probe) -> tuple[bool, str]:
    try:
        if not probe.available():
            return False, f"{name} is not there"
        difference = probe.difference()
    except Exception as error:  # noqa: BLE001 (drivers raise anything)
        return False, f"{name} raised {type(error).__name__}: {error}"
    # A NaN compares as not smaller, and so fails.
    if not difference <= TOLERANCE:
        return False, f"{name} differs from the CPU by {difference:.2g}"
    return True, f"{name} agrees with the CPU to {difference:.1g}"


def choose_device(
    requested: str, probes: Mapping[str, Probe], order: Sequence[str] = ORDER
) -> DeviceChoice:
    """Choose a device.

    Parameters
    ----------
    requested
        ``auto``, ``cpu``, or the name of a device.
    probes
        One per name in `order`.
    order
        Names in the order in which ``auto`` tries them.

    Raises
    ------
    ModelError
        If a device that was asked for by name is not there or not right.
    """
    if requested == "cpu":
        return DeviceChoice("cpu", "as configured")
    if requested != "auto":
        good, reason = _verdict(requested, probes[requested])
        if not good:
            raise ModelError(
                f"tft.device={requested} cannot be used: {reason}. Use tft.device=auto or cpu."
            )
        return DeviceChoice(requested, reason)
    reasons: list[str] = []
    for name in order:
        good, reason = _verdict(name, probes[name])
        if good:
            return DeviceChoice(name, "; ".join([reason, *reasons]))
        reasons.append(reason)
    return DeviceChoice("cpu", "; ".join(reasons))


def difference_on(name: str) -> float:
    """Loss and gradients of a small LSTM with attention on a device against the CPU."""
    import torch
    from torch import nn

    generator = torch.Generator().manual_seed(11)
    values = torch.randn(16, 12, 8, generator=generator)
    target = torch.randn(16, 8, generator=generator)

    def run(device: str) -> list[torch.Tensor]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            lstm = nn.LSTM(8, 8, batch_first=True)
            attention = nn.MultiheadAttention(8, 2, batch_first=True)
            norm = nn.LayerNorm(8)
        for module in (lstm, attention, norm):
            module.to(device)
        encoded, _ = lstm(values.to(device))
        mixed, _ = attention(encoded[:, -1:], encoded, encoded)
        error = target.to(device) - norm(mixed[:, 0])
        loss = torch.maximum(0.9 * error, -0.1 * error).mean()
        parameters = [*lstm.parameters(), *attention.parameters(), *norm.parameters()]
        gradients = torch.autograd.grad(loss, parameters)
        return [loss.detach().cpu(), *(g.cpu() for g in gradients)]

    pairs = zip(run("cpu"), run(name), strict=True)
    return max(float((a - b).abs().max() / a.abs().max().clamp(min=1e-6)) for a, b in pairs)


def _torch_probes() -> dict[str, Probe]:
    import torch

    return {
        "mps": Probe(torch.backends.mps.is_available, lambda: difference_on("mps")),
        "cuda": Probe(torch.cuda.is_available, lambda: difference_on("cuda")),
    }


@cache
def torch_device(requested: str) -> DeviceChoice:
    """Device for torch in this process; checked once."""
    return choose_device(requested, _torch_probes())
