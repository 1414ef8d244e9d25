"""What a change of a score is put down to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal

import pandas as pd

from soyoil.compare.boards import TrackedRun
from soyoil.explain.settings import CAUSES, TITLES, Cause
from soyoil.explain.shapley import Coalition

Verdict = Literal["no part", "noise", "raises", "lowers", "no band"]
Repeats = Literal["to the bit", "other code", "unknown code", "no"]

SEED: Final[Cause] = "seed"
CODE: Final = "code"
"""What is left when all causes that can be swapped are B's."""

REPEATS: Final[dict[Repeats, str]] = {
    "to the bit": "both runs, fitted again, give their forecasts to the bit",
    "other code": "the runs were made with other code than this, which cannot be swapped",
    "unknown code": (
        "the code of a run is not known (outside Git, or uncommitted changes); it cannot be swapped"
    ),
    "no": (
        "the code is the same, yet a run fitted again gives other forecasts: a library or the "
        "machine differs, or a fit does not repeat"
    ),
}


def part_verdict(cause: str, part: Fraction, band: float) -> Verdict:
    """What can be said of a part; that of the seed is noise by what it is.

    Parameters
    ----------
    cause
        Whose part it is.
    part
        Change of the loss.
    band
        Half-width of what the seed alone does; NaN if it was not measured.
    """
    if part == 0:
        return "no part"
    if cause == SEED:
        return "noise"
    if math.isnan(band):
        return "no band"
    if abs(part) <= band:
        return "noise"
    return "raises" if part > 0 else "lowers"


@dataclass(frozen=True, eq=False)
class Explained:
    """The change from A to B for one horizon and model.

    Attributes
    ----------
    a, b
        The runs.
    causes
        What differs between them, as far as the model uses it.
    n, rows_a, rows_b
        Rows that all fits were scored on, and scored rows of each run.
    first, last
        First and last of the common origins.
    scored_rows_hash
        Of the common rows.
    score_a, score_b
        Mean loss of the tracked forecasts on the common rows.
    scores
        Mean loss of each fit by the causes that are B's.
    parts
        Part of each cause, and of `CODE`; they add up to ``score_b - score_a`` exactly.
    band
        Half-width of the noise band, NaN without seeds.
    seeds
        Fits behind the band, that of A among them; 0 without.
    repeats
        Whether both runs, fitted again, give their own forecasts.
    """

    a: TrackedRun
    b: TrackedRun
    causes: tuple[Cause, ...]
    n: int
    rows_a: int
    rows_b: int
    first: pd.Timestamp
    last: pd.Timestamp
    scored_rows_hash: str
    score_a: float
    score_b: float
    scores: Mapping[Coalition, float]
    parts: Mapping[str, Fraction]
    band: float
    seeds: int
    repeats: Repeats

    @property
    def change(self) -> Fraction:
        """Score of B less that of A."""
        return Fraction(self.score_b) - Fraction(self.score_a)

    @property
    def steps(self) -> tuple[Fraction, Fraction]:
        """What the code of now changes in A, and what the code of B changes in what it gives now.

        Their sum is the part of `CODE`.
        """
        now_a, now_b = (
            Fraction(self.scores[c]) for c in (frozenset[str](), frozenset(self.causes))
        )
        return now_a - Fraction(self.score_a), Fraction(self.score_b) - now_b

    @property
    def unchanged(self) -> bool:
        """Whether neither the score nor any part of it changed."""
        return self.change == 0 and not any(self.parts.values())

    def sentence(self) -> str:
        """The finding in a sentence."""
        where = f"{self.a.horizon} {self.a.model}"
        if self.unchanged:
            return f"{where}: nothing changed."
        told = {
            name: part
            for name, part in self.parts.items()
            if part_verdict(name, part, self.band) in ("raises", "lowers", "no band")
        }
        if not told:
            return f"{where}: every part of the change is within the noise of the seed."
        words = ", ".join(
            f"{TITLES[name]} {100 * float(part) / self.score_a:+.2f} %"
            for name, part in sorted(told.items(), key=lambda item: -abs(item[1]))
        )
        return f"{where}: {words} of the loss of A."


@dataclass(frozen=True, eq=False)
class ExplainResult:
    """All horizons and models of a pair of runs.

    Attributes
    ----------
    cells
        By horizon and model.
    metric
        Loss that was explained.
    fitted, kept
        Fits that were made and that were read.
    """

    cells: Sequence[Explained]
    metric: str
    fitted: int
    kept: int


def parts_table(cells: Sequence[Explained]) -> pd.DataFrame:
    """One row per horizon, model and cause; causes that are equal have no part.

    Returns
    -------
    DataFrame
        Runs, common rows, both scores, ``part`` in log returns, ``relative`` to the loss of A,
        ``band`` and ``verdict``.
    """
    return pd.DataFrame(
        [
            {
                "horizon": cell.a.horizon,
                "model": cell.a.model,
                "run_a": cell.a.run_id,
                "run_b": cell.b.run_id,
                "n": cell.n,
                "rows_a": cell.rows_a,
                "rows_b": cell.rows_b,
                "first": f"{cell.first:%Y-%m-%d}",
                "last": f"{cell.last:%Y-%m-%d}",
                "scored_rows_hash": cell.scored_rows_hash,
                "score_a": cell.score_a,
                "score_b": cell.score_b,
                "change": float(cell.change),
                "cause": cause,
                "differs": cause in cell.causes if cause != CODE else cell.repeats != "to the bit",
                "part": float(cell.parts[cause]),
                "relative": float(cell.parts[cause]) / cell.score_a,
                "band": cell.band,
                "seeds": cell.seeds,
                "verdict": part_verdict(cause, cell.parts[cause], cell.band),
                "repeats": cell.repeats,
            }
            for cell in cells
            for cause in (*CAUSES, CODE)
        ]
    )


def scores_table(cells: Sequence[Explained]) -> pd.DataFrame:
    """Score of every fit: ``horizon``, ``model``, ``from_b`` (causes that are B's), ``score``."""
    return pd.DataFrame(
        [
            {
                "horizon": cell.a.horizon,
                "model": cell.a.model,
                "from_b": "+".join(c for c in CAUSES if c in coalition) or "none",
                "score": score,
            }
            for cell in cells
            for coalition, score in cell.scores.items()
        ]
    )


def sentences(cells: Sequence[Explained]) -> list[str]:
    """The finding of every cell that changed, and in one line those that did not."""
    lines = [cell.sentence() for cell in cells if not cell.unchanged]
    same = [f"{cell.a.horizon} {cell.a.model}" for cell in cells if cell.unchanged]
    return [*lines, *([f"Nothing changed: {', '.join(same)}."] if same else [])]


def metrics_of(cells: Sequence[Explained]) -> dict[str, float]:
    """Figures of a tracked run, ``explain.<horizon>.<model>.<cause>`` relative to the loss of A."""
    found = {}
    for cell in cells:
        prefix = f"explain.{cell.a.horizon}.{cell.a.model}"
        found[f"{prefix}.change"] = float(cell.change) / cell.score_a
        found[f"{prefix}.band"] = cell.band / cell.score_a
        found |= {f"{prefix}.{c}": float(part) / cell.score_a for c, part in cell.parts.items()}
    return found
