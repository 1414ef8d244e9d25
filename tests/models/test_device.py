"""Choice of a device, with every case a machine can present."""

import math

import pytest

from soyoil.base.errors import ModelError
from soyoil.models.device import TOLERANCE, Probe, choose_device


def raising() -> float:
    raise RuntimeError("no kernel image")


ABSENT = Probe(lambda: False, raising)
RIGHT = Probe(lambda: True, lambda: TOLERANCE / 10)
WRONG = Probe(lambda: True, lambda: 0.3)
NOT_A_NUMBER = Probe(lambda: True, lambda: math.nan)
RAISING = Probe(lambda: True, raising)
RAISING_EARLY = Probe(lambda: bool(raising()), raising)


@pytest.mark.parametrize(
    ("mps", "cuda", "name", "reason"),
    [
        (RIGHT, RIGHT, "mps", "mps agrees with the CPU"),
        (ABSENT, RIGHT, "cuda", "mps is not there"),
        (WRONG, RIGHT, "cuda", "mps differs from the CPU by 0.3"),
        (NOT_A_NUMBER, ABSENT, "cpu", "mps differs from the CPU by nan"),
        (RAISING, ABSENT, "cpu", "mps raised RuntimeError: no kernel image"),
        (RAISING_EARLY, WRONG, "cpu", "cuda differs"),
        (ABSENT, ABSENT, "cpu", "mps is not there; cuda is not there"),
    ],
)
def test_auto_takes_the_first_that_is_right(
    mps: Probe, cuda: Probe, name: str, reason: str
) -> None:
    choice = choose_device("auto", {"mps": mps, "cuda": cuda})
    assert choice.name == name
    assert reason in choice.reason


def test_cpu_asks_nobody() -> None:
    assert choose_device("cpu", {}).name == "cpu"


@pytest.mark.parametrize("probe", [ABSENT, WRONG, NOT_A_NUMBER, RAISING])
def test_a_device_asked_for_by_name_must_be_right(probe: Probe) -> None:
    with pytest.raises(ModelError, match=r"tft\.device=mps cannot be used: mps .*auto or cpu"):
        choose_device("mps", {"mps": probe})
    assert choose_device("mps", {"mps": RIGHT}).name == "mps"
