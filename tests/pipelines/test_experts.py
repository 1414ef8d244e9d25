"""A champion is shown beside the forecasts that it was mixed from, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from soyoil.base.handover import HandoverError
from soyoil.pipelines.evaluate.nodes import MADE_FROM, _check_experts


def scores(model: str, predictions: str, **experts: str) -> dict[str, Any]:
    made_from = {"predictions": predictions, "snapshot": "s", "content": "c"}
    named = {f"{name}.predictions": content for name, content in experts.items()}
    return {"horizon": "1m", "model": model, MADE_FROM: {**made_from, **named}}


def test_the_experts_that_are_scored_are_those_that_were_mixed() -> None:
    _check_experts([scores("champion", "x", tft="b", vol_cone="a"), scores("vol_cone", "a"),
                    scores("tft", "b")])  # fmt: skip


def test_other_forecasts_of_an_expert_are_refused() -> None:
    found = [scores("champion", "x", tft="old", vol_cone="a"), scores("vol_cone", "a"),
             scores("tft", "b")]  # fmt: skip
    with pytest.raises(HandoverError, match=r"1m\.champion\.predictions.*other forecasts of tft"):
        _check_experts(found)
