"""Scores after releases and events."""

import numpy as np
import pandas as pd
import pytest

from soyoil.metrics.evaluate import evaluate
from soyoil.metrics.events import SCORES, event_metrics, event_scores, event_slices
from soyoil.metrics.losses import row_losses

WASDE = "fundamentals.days_since_wasde"
POLICY = "policy.days_since_event"


def matrix(days: list[str], **since: list[float | None]) -> pd.DataFrame:
    frame = pd.DataFrame({"data_date": pd.to_datetime(days).as_unit("us")})
    for name, values in since.items():
        frame[{"wasde": WASDE, "policy": POLICY}[name]] = pd.array(values, dtype="Int64")
    return frame


def names(frame: pd.DataFrame) -> list[str]:
    slices = event_slices(frame)
    return ["+".join(n for n, mask in slices.items() if mask[i]) for i in range(len(frame))]


def test_the_first_decision_after_a_release_is_its_day() -> None:
    days = [f"2023-06-{d:02d}" for d in (7, 8, 9, 12, 13, 14, 15, 16, 20, 21)]
    # Out on the 9th, in time for that day's decision; the age before it is that of May's.
    since: list[float | None] = [26, 27, 0, 3, 4, 5, 6, 7, 11, 12]
    after = ["wasde_after"] * 5
    assert names(matrix(days, wasde=since)) == [
        "other", "other", "wasde_day", *after, "other", "other",
    ]  # fmt: skip
    # Out after the decision of the 9th, or on a day without a session: the next one knows it first.
    late: list[float | None] = [26, 27, 28, 3, 4, 5, 6, 7, 11, 12]
    assert names(matrix(days, wasde=late))[2:4] == ["other", "wasde_day"]
    # Nobody knows when the first one was new; one after a long silence is new.
    first: list[float | None] = [None, 5, 6, 9, None, None, 0, 1, 5, 6]
    assert names(matrix(days, wasde=first)) == ["other"] * 6 + ["wasde_day", *after[:3]]


def test_kinds_overlap_and_one_that_is_off_is_left_out() -> None:
    days = [f"2023-06-{d:02d}" for d in (7, 8, 9)]
    wasde: list[float | None] = [26, 0, 1]
    both = matrix(days, wasde=wasde, policy=[9, 10, 1])
    assert names(both) == ["other", "wasde_day", "wasde_after+policy_day"]
    off = matrix(days, wasde=wasde, policy=[None, None, None])
    assert names(off) == ["other", "wasde_day", "wasde_after"]
    assert event_slices(matrix(days)) == {}


def forecasts(days: pd.Series, seed: int) -> pd.DataFrame:
    middle = 0.01 * np.random.default_rng(seed).normal(size=len(days))
    return pd.DataFrame(
        {
            "data_date": days,
            "fold": 0,
            "q10": middle - 0.05,
            "q50": middle,
            "q90": middle + 0.05,
            "y": 0.05 * np.random.default_rng(1).normal(size=len(days)),
            "regime_name": "one",
            "regime_weight": 1.0,
        }
    )


@pytest.mark.parametrize("sessions", [5, 21])
def test_scores_are_those_of_the_rows_of_a_slice(sessions: int) -> None:
    days = pd.Series(pd.date_range("2020-01-01", periods=200)).dt.as_unit("us")
    since = np.arange(200) % 20
    frame = pd.DataFrame({"data_date": days, WASDE: since.astype("float64")})
    model = forecasts(days, 5).iloc[60:].sample(frac=1.0, random_state=1)
    references = {
        name: forecasts(days, seed) for name, seed in (("random_walk", 6), ("vol_cone", 7))
    }
    table = event_scores(model, references, frame, sessions).set_index("slice")
    assert list(table.index) == ["wasde_day", "wasde_after", "other"]
    scored = model.sort_values("data_date")
    position = np.arange(60, 200)
    for name, own in (
        ("wasde_day", position % 20 == 0),
        ("wasde_after", (position % 20 >= 1) & (position % 20 <= 5)),
    ):
        rows = scored[own]
        cone = references["vol_cone"].iloc[60:][own]
        loss = row_losses(rows)["pinball"].mean()
        assert table.loc[name, "n"] == own.sum()
        assert table.loc[name, "pinball"] == pytest.approx(loss)
        expected = 1 - loss / row_losses(cone)["pinball"].mean()
        assert table.loc[name, "skill_pinball"] == pytest.approx(expected)
        held = {s + k for s in position[own] for k in range(1, sessions + 1)}
        assert table.loc[name, "independent_n"] == pytest.approx(len(held) / sessions)
    assert table["n"].sum() == 140
    whole = evaluate(model, references, sessions).metrics["pooled.uniform.pinball"]
    assert (table["n"] * table["pinball"]).sum() / 140 == pytest.approx(whole)
    metrics = event_metrics(table.reset_index())
    assert metrics["event.wasde_day.n"] == 7
    assert len(metrics) == 3 * len(SCORES)
    plain = event_scores(model, references, frame[["data_date"]], sessions)
    assert plain.empty
    assert event_metrics(plain) == {}
