"""Splits the change between two runs by fitting every mix of their settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import FloatArray
from soyoil.base.errors import ConfigError, ModelError, SplitError
from soyoil.compare.boards import RowIndex, ScoredRun, TrackedRun
from soyoil.compare.diff import FORECAST, seed_half_width
from soyoil.explain.config import ExplainConfig
from soyoil.explain.fits import Fitter
from soyoil.explain.result import CODE, Explained, Repeats
from soyoil.explain.settings import TITLES, Cause, Settings, Sides, experts_of
from soyoil.explain.shapley import Coalition, coalitions, shapley
from soyoil.metrics.evaluate import LOSS_COLUMNS, scored_rows_hash
from soyoil.metrics.losses import row_losses
from soyoil.models.engines import is_ablation
from soyoil.models.registry import CHAMPION
from soyoil.splits.forecasts import on_dates
from soyoil.targets.horizons import HORIZONS

NOTHING: Final[Coalition] = frozenset()

CODE_TAGS: Final = ("git_sha", "soyoil_version", "python", "platform")
"""Tags that are equal where the code, and what runs it, is the same."""

Pair = tuple[TrackedRun, TrackedRun]
Fit = tuple[str, str, bool, Coalition, int]
"""Horizon, engine, whether with equal weights, what of it is B's, seed: one fit."""


@dataclass(frozen=True)
class Planned:
    """What one horizon and model needs.

    Attributes
    ----------
    pair
        Both runs.
    causes
        What differs between them, as far as the model uses it.
    fits
        Fits of engines, with those that other models need too.
    """

    pair: Pair
    causes: tuple[Cause, ...]
    fits: frozenset[Fit]


def check_pair(a: TrackedRun, b: TrackedRun) -> None:
    """Refuse runs that forecast different things.

    Raises
    ------
    ConfigError
        They are of another symbol, target, provenance, or model.
    """
    if a.model != b.model:
        raise ConfigError(
            f"explain.runs: {a.label} is of model {a.model}, {b.label} of {b.model}. What a change "
            "comes from is told of one model; compare.runs sets two beside each other."
        )
    if a.group != b.group:
        raise ConfigError(
            f"explain.runs: {a.label} forecasts {' '.join(a.group)}, {b.label} "
            f"{' '.join(b.group)}. Their losses do not compare."
        )


def further_seeds(seed: int, count: int) -> list[int]:
    """Seeds beside one, for the band of noise."""
    return [(seed + step) % 2**32 for step in range(1, count + 1)]


def plan_pair(pair: Pair, sides: Sides, config: ExplainConfig) -> Planned:
    """Which fits a pair needs: one per mix of the causes that differ, and one per further seed."""
    model, horizon = pair[0].model, pair[0].horizon
    causes = sides.differing(model)
    wanted: set[Fit] = set()
    for name in experts_of(model):
        equal = is_ablation(model)
        own = frozenset(sides.differing(model if model != CHAMPION else name))
        seed = sides.a.fit.seed
        wanted |= {(horizon, name, equal, mixed & own, seed) for mixed in coalitions(causes)}
        seeds = further_seeds(seed, config.seeds) if causes else ()
        wanted |= {(horizon, name, equal, NOTHING, other) for other in seeds}
    return Planned(pair, causes, frozenset(wanted))


def expected_seconds(
    plans: Sequence[Planned], seconds: Mapping[tuple[str, str], float]
) -> float | None:
    """Time of all fits, from what the tracked runs took.

    Parameters
    ----------
    plans
        What is fitted.
    seconds
        Of one fit, by horizon and engine.

    Returns
    -------
    float or None
        None if a time is not known.
    """
    wanted = {fit for plan in plans for fit in plan.fits}
    if any(fit[:2] not in seconds for fit in wanted):
        return None
    return sum(seconds[fit[:2]] for fit in wanted)


def repeats(same: tuple[bool, bool], pair: Pair, now: Mapping[str, str]) -> Repeats:
    """What a refit says of the code.

    Parameters
    ----------
    same
        Whether A and B, fitted again, gave their own forecasts to the bit.
    pair
        Both runs.
    now
        Tags of the run that fits.
    """
    if all(same):
        return "to the bit"
    tags = [run.tags for run in pair]
    # A run that repeats was made with what is as good as the code of now.
    doubtful = [own for own, repeated in zip(tags, same, strict=True) if not repeated]
    for own in doubtful:
        if any(side.get("git_dirty") != "false" for side in (own, now)):
            return "unknown code"
        if any(own.get(name) != now.get(name) for name in CODE_TAGS):
            return "other code"
    return "no"


@dataclass(frozen=True, eq=False)
class _Scorer:
    """Common rows of all fits, and the loss on them."""

    rows: pd.DataFrame
    metric: str

    def quantiles(self, forecasts: pd.DataFrame) -> FloatArray:
        return on_dates(forecasts, self.rows["data_date"])

    def score(self, forecasts: pd.DataFrame) -> float:
        frame = self.rows[["y"]].copy()
        frame[list(FORECAST)] = self.quantiles(forecasts)
        return float(row_losses(frame)[LOSS_COLUMNS[self.metric]].mean())


def _forecasts(fitter: Fitter, settings: Settings, run: TrackedRun, what: str) -> pd.DataFrame:
    try:
        return fitter.forecasts(settings, HORIZONS[run.horizon], run.model)
    except (SplitError, ModelError, ConfigError) as error:
        raise ConfigError(
            f"explain.runs: {run.horizon} {run.model} cannot be fitted with {what}: {error}"
        ) from error


def _in_words(from_b: Coalition) -> str:
    if not from_b:
        return "the settings of A"
    return f"{' and '.join(TITLES[c] for c in TITLES if c in from_b)} of B and the rest of A"


def _common(
    a: ScoredRun, b: ScoredRun, found: Mapping[Coalition, pd.DataFrame], config: ExplainConfig
) -> pd.DataFrame:
    """Rows of A that B and every fit have forecast too."""
    index = RowIndex([a, b])
    rows = index.cut(0, a, index.common()).rows
    keep = np.ones(len(rows), dtype=bool)
    for forecasts in found.values():
        keep &= np.isfinite(on_dates(forecasts, rows["data_date"])).all(axis=1)
    rows = rows[keep].reset_index(drop=True)
    if len(rows) < config.min_rows:
        raise ConfigError(
            f"explain.runs: {a.run.label} and {b.run.label} and all mixes of their settings have "
            f"{len(rows)} scored rows with one outcome in common, fewer than "
            f"explain.min_rows={config.min_rows}: too few to say what a change comes from."
        )
    return rows


def _band(
    fitter: Fitter, sides: Sides, run: TrackedRun, scorer: _Scorer, config: ExplainConfig
) -> tuple[float, int]:
    """Noise band of the seed with the settings of A, and the number of seeds behind it."""
    if not config.seeds:
        return float("nan"), 0
    if not experts_of(run.model):
        return 0.0, 0
    settings = sides.swapped(NOTHING)
    scores = [scorer.score(_forecasts(fitter, settings, run, "the settings of A"))]
    for seed in further_seeds(settings.fit.seed, config.seeds):
        fit = settings.fit.model_copy(update={"seed": seed})
        other = replace(settings, fit=fit)
        scores.append(scorer.score(_forecasts(fitter, other, run, f"the seed {seed}")))
    return seed_half_width(np.array(scores)), len(scores)


def explain_pair(
    scored: tuple[ScoredRun, ScoredRun],
    sides: Sides,
    fitter: Fitter,
    config: ExplainConfig,
    now: Mapping[str, str],
) -> Explained:
    """Fit every mix of the causes that differ, and split the change over them.

    Parameters
    ----------
    scored
        A and B with their tracked forecasts.
    sides
        What they were made with.
    fitter
        Makes the forecasts.
    config
        Metric, seeds, fewest rows.
    now
        Tags of the run that fits, to tell whether the code is theirs.

    Raises
    ------
    ConfigError
        The runs do not compare, a mix cannot be fitted, or too few rows are common to all.
    """
    a, b = scored
    check_pair(a.run, b.run)
    causes = sides.differing(a.run.model)
    found = {
        mixed: _forecasts(fitter, sides.swapped(mixed), a.run, _in_words(mixed))
        for mixed in coalitions(causes)
    }
    rows = _common(a, b, found, config)
    scorer = _Scorer(rows, config.metric)
    scores = {mixed: scorer.score(forecasts) for mixed, forecasts in found.items()}
    tracked = (scorer.score(a.rows), scorer.score(b.rows))
    everything = frozenset(causes)
    same = tuple(
        np.array_equal(scorer.quantiles(own.rows), scorer.quantiles(found[mixed]))
        for own, mixed in ((a, NOTHING), (b, everything))
    )
    parts = {**dict.fromkeys(TITLES, Fraction(0)), **shapley(causes, scores)}
    change = Fraction(tracked[1]) - Fraction(tracked[0])
    parts[CODE] = change - (Fraction(scores[everything]) - Fraction(scores[NOTHING]))
    band, seeds = _band(fitter, sides, a.run, scorer, config) if causes else (float("nan"), 0)
    return Explained(
        a=a.run,
        b=b.run,
        causes=causes,
        n=len(rows),
        rows_a=len(a.rows),
        rows_b=len(b.rows),
        first=rows["data_date"].iloc[0],
        last=rows["data_date"].iloc[-1],
        scored_rows_hash=scored_rows_hash(rows["data_date"]),
        score_a=tracked[0],
        score_b=tracked[1],
        scores=scores,
        parts=parts,
        band=band,
        seeds=seeds,
        repeats=repeats((same[0], same[1]), (a.run, b.run), now),
    )
