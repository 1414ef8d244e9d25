"""The joint bootstrap of dates against a slow loop, and how often it is wrong."""

import numpy as np
import pytest

from soyoil.base.arrays import DayArray, FloatArray
from soyoil.metrics.bootstrap import (
    RESAMPLES,
    SEED,
    mean_block,
    skill_interval,
    stationary_indices,
    widening,
)
from soyoil.panel.bootstrap import align, panel_skill, resampled_skills

DAYS = np.arange("2015-01-01", "2030-01-01", dtype="datetime64[D]").astype("datetime64[us]")

Losses = tuple[list[DayArray], list[FloatArray], list[FloatArray]]


def losses(seed: int = 1) -> Losses:
    """Four roots: whole, with holes, late, and of few rows."""
    rng = np.random.default_rng(seed)
    keep = [np.ones(160, bool), rng.random(160) > 0.2, np.arange(160) > 90, np.arange(160) < 12]
    dates = [DAYS[:160][mask] for mask in keep]
    reference = [rng.gamma(2.0, size=len(d)) for d in dates]
    model = [r * rng.uniform(0.7, 1.2, len(r)) for r in reference]
    return dates, model, reference


def test_dates_are_resampled_for_all_roots_together() -> None:
    """Resample by resample, date by date, root by root, with the plain definition."""
    dates, model, reference = losses()
    dated = align(dates, model, reference)
    h, counted = 5, np.array([True, True, False, True])
    union = sorted({day for days in dates for day in days.tolist()})
    assert dated.dates.tolist() == union
    rng = np.random.default_rng(SEED)
    drawn = stationary_indices(len(union), mean_block(h), RESAMPLES, rng)
    tables = [
        dict(zip(days.tolist(), zip(m, r, strict=True), strict=True))
        for days, m, r in zip(dates, model, reference, strict=True)
    ]
    want = np.full((RESAMPLES, 4), np.nan)
    for b in range(RESAMPLES):
        days = [union[i] for i in drawn[b]]
        for column, table in enumerate(tables):
            found = [table[day] for day in days if day in table]
            if found:
                want[b, column] = 1 - sum(m for m, _ in found) / sum(r for _, r in found)
    got = resampled_skills(dated, h)
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)
    assert np.isnan(got[:, 3]).any(), "some resamples hold none of the few rows"
    means = [np.nanmean(row[counted]) for row in want]
    points = [1 - m.sum() / r.sum() for m, r in zip(model, reference, strict=True)]
    point = np.mean([points[0], points[1], points[3]])
    low, high = np.quantile(means, [0.05, 0.95])
    factor = widening(len(union), h)
    skill = panel_skill(dated, counted, h)
    assert skill.mean == pytest.approx(point)
    assert skill.interval.low == pytest.approx(point - factor * (point - low))
    assert skill.interval.high == pytest.approx(point + factor * (high - point))


def test_of_a_single_root_it_is_the_interval_of_that_root() -> None:
    dates, model, reference = (part[:1] for part in losses(2))
    skill = panel_skill(align(dates, model, reference), np.array([True]), 21)
    alone = skill_interval(model[0], reference[0], np.ones(160), 21)
    assert (skill.interval.low, skill.interval.high) == pytest.approx(
        (alone.low, alone.high), abs=1e-5
    )
    assert skill.intervals == (skill.interval,)


def test_a_tie_is_exactly_zero_and_no_counted_root_gives_no_mean() -> None:
    dates, _, reference = losses()
    dated = align(dates, reference, reference)
    tie = panel_skill(dated, np.ones(4, bool), 5)
    assert tie.skill.tolist() == [0.0] * 4
    assert (tie.mean, tie.interval.low, tie.interval.high) == (0.0, 0.0, 0.0)
    none = panel_skill(dated, np.zeros(4, bool), 5)
    assert np.isnan([none.mean, none.interval.low, none.interval.high]).all()
    assert none.skill.tolist() == [0.0] * 4


def test_copies_of_one_market_are_one_sample() -> None:
    """The mean of ten equal roots is known no better than one of them."""
    rng = np.random.default_rng(5)
    reference = rng.gamma(2.0, size=900)
    model = reference * rng.uniform(0.6, 1.4, 900)

    def width(models: list[FloatArray]) -> float:
        dated = align([DAYS[:900]] * 10, models, [reference] * 10)
        interval = panel_skill(dated, np.ones(10, bool), 5).interval
        return interval.high - interval.low

    same = width([model] * 10)
    own = width([reference * rng.uniform(0.6, 1.4, 900) for _ in range(10)])
    dated = align([DAYS[:900]], [model], [reference])
    one = panel_skill(dated, np.array([True]), 5).interval
    assert same == pytest.approx(one.high - one.low, rel=1e-6)
    assert own < 0.5 * same


@pytest.mark.parametrize("sessions", [5, 21])
def test_skill_is_rarely_found_where_there_is_none(sessions: int) -> None:
    """Roots that share half of a loss difference which overlaps: 5 % of bounds may exceed zero."""
    n, roots, found = 1200, 8, 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        shocks = rng.normal(size=(n + sessions - 1, roots + 1))
        noise = np.array([np.convolve(s, np.ones(sessions), "valid") for s in shocks.T])
        noise /= np.sqrt(sessions)
        ones = [np.ones(n)] * roots
        models = [1 - 0.1 * (noise[0] + own) for own in noise[1:]]
        dated = align([DAYS[:n]] * roots, models, ones)
        found += panel_skill(dated, np.ones(roots, bool), sessions).interval.low > 0
    assert found <= 11, "5 expected; 11 or more of 100 come by chance once in a hundred"
