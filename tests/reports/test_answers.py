"""What a run says of each horizon in words."""

import datetime as dt
import math

import pytest

from soyoil.forecast.outlook import Outlook, Record
from soyoil.reports.answers import answer, answers, coverage_judgement
from soyoil.reports.result import About, result_text, table_text
from soyoil.targets.horizons import HORIZONS

Row = dict[str, object]


def row(
    model: str, verdict: str, *, skill: float = -0.01, coverage: float = 0.8, labels: float = 80.0
) -> Row:
    metrics = {
        **{f"skill_{m}{end}": skill for m in ("mae", "pinball") for end in ("", "_low", "_high")},
        "coverage_80": coverage,
        "independent_n": labels,
    }
    pooled = {f"pooled.uniform.{name}": value for name, value in metrics.items()}
    return {"horizon": "1m", "model": model, "verdict": verdict, "seconds": 1.0, **pooled}


def horizon(*models: Row) -> list[Row]:
    """Rows of a horizon with both references, whose verdicts say nothing."""
    return [row("random_walk", "skill", skill=0.9), row("vol_cone", "no skill"), *models]


def outlook(name: str = "1m", spread: float = 0.0845) -> Outlook:
    return Outlook(
        horizon=HORIZONS[name],
        origin=dt.date(2024, 5, 31),
        target_date=dt.date(2024, 7, 1),
        close=45.0,
        quantiles=(-spread, 0.0, spread),
        vol_cone=(-0.1, 0.0, 0.1),
        hourly_cone=(-0.1, 0.0, 0.1),
        weights={"vol_cone": 1.0},
        record=Record(210, 10.0, 0.79, 0.001, -0.01, 0.012, "no skill"),
    )


CASES = {
    "nothing does": (
        horizon(row("champion", "no skill"), row("tft", "unprovable")),
        "nothing beats the cone; 80 % between -8.1 and +8.8 %",
    ),
    "one does": (
        horizon(row("champion", "no skill"), row("lightgbm", "skill", skill=0.0213)),
        "lightgbm beats the cone by 2.1 %; 80 % between -8.1 and +8.8 %",
    ),
    "several do": (
        horizon(row("champion", "skill", skill=0.03), row("tft", "skill", skill=0.01)),
        "champion and 1 other beat the cone by 3.0 %; 80 % between -8.1 and +8.8 %",
    ),
    "too few folds": (
        horizon(row("champion", "unprovable", labels=7.3), row("tft", "unprovable", labels=1.2)),
        "too few labels to tell (7 of 20 needed); 80 % between -8.1 and +8.8 %",
    ),
    "too few rows for a test": (
        horizon(row("champion", "unprovable", labels=21.0)),
        "too few scored days to tell; 80 % between -8.1 and +8.8 %",
    ),
    "no champion": (
        horizon(row("lightgbm", "no skill")),
        "nothing beats the cone; no champion was scored; 80 % between -8.1 and +8.8 %",
    ),
    "nothing but references": (
        horizon(),
        "no model was scored; no champion was scored; 80 % between -8.1 and +8.8 %",
    ),
    "too narrow": (
        horizon(row("champion", "no skill", coverage=0.61)),
        "nothing beats the cone; 80 % between -8.1 and +8.8 %, too narrow so far: held 61 %",
    ),
    "too wide": (
        horizon(row("champion", "no skill", coverage=0.97)),
        "nothing beats the cone; 80 % between -8.1 and +8.8 %, too wide so far: held 97 %",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_horizon_is_a_line_in_words(case: str) -> None:
    rows, said = CASES[case]
    assert answer(rows, outlook()) == said


def test_without_a_forecast_the_line_is_about_the_past_alone() -> None:
    rows = horizon(row("champion", "no skill", coverage=0.61))
    assert answer(rows) == "nothing beats the cone; 80 % interval too narrow so far: held 61 %"
    assert answer(horizon(row("champion", "no skill"))) == "nothing beats the cone"


def test_coverage_is_judged_by_how_many_labels_there_are() -> None:
    assert coverage_judgement(0.61, 80 * 21, 21) == "too narrow"
    assert coverage_judgement(0.61, 7 * 252, 252) == "", "seven labels cannot tell"
    assert coverage_judgement(math.nan, 100, 5) == coverage_judgement(0.1, 0, 5) == ""


def test_the_words_come_first_and_all_of_it_fits_80_columns() -> None:
    scores = [
        {**found, "horizon": name}
        for name in HORIZONS
        for found in horizon(row("champion", "no skill"), row("lightgbm", "no skill"))
    ]
    made = [outlook(name, spread=0.4) for name in HORIZONS]
    about = About("ZL", "synthetic", "known", made)
    text = result_text(scores, about)
    lines = text.splitlines()
    assert lines[1] == "Result for ZL, synthetic data, from 2024-05-31 at 45.00 US cents/lb"
    assert [line.split(":")[0].strip() for line in lines[2:7]] == list(HORIZONS)
    assert lines[3] == "  1m:  nothing beats the cone; 80 % between -33.0 and +49.2 %"
    assert text.index("nothing beats") < text.index("Champion and best engine")
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 30, "one screen"
    assert sum("lightgbm" in line for line in lines) == len(HORIZONS)
    whole = table_text(scores, about).splitlines()
    assert max(map(len, whole)) <= 80
    of_references = [line for line in whole if "random_walk" in line or "vol_cone" in line]
    assert len(of_references) == 10
    assert all("reference" in line and "no skill" not in line for line in of_references)
    assert "Rolls unknown" in result_text(scores, About("ZL", "observed", "unknown"))
    assert list(answers(scores, made)) == list(HORIZONS)
