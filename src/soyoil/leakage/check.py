"""The leak check: the product's own pipeline on its own data, with the future spoilt."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd

from soyoil.base.arrays import IntArray
from soyoil.external.registry import SOURCES
from soyoil.leakage.compare import KEYS, as_stored, differences, summary
from soyoil.leakage.config import LeakcheckConfig
from soyoil.leakage.folds import check_purge, check_shuffled
from soyoil.leakage.late import spoil_sessions
from soyoil.leakage.material import Material, Recipe, spoil_bars, spoil_rows
from soyoil.leakage.releases import check_sessions, check_source
from soyoil.leakage.result import Finding, LeakReport
from soyoil.splits.snapshot import Snapshot
from soyoil.targets.horizons import HORIZONS

WARM_UP: Final = 300
"""Sessions before the first evening that may be cut at: most features have values then."""
QUICK_CUTS: Final = 2
Advance = Callable[[str], None]
"""Called with what is looked at next."""


def quiet(what: str) -> None:
    """Tells nobody."""


@dataclass(frozen=True)
class Evening:
    """A cut: the session of the target that was last, and its decision.

    Attributes
    ----------
    day
        Trade date.
    moment
        Decision time, UTC.
    """

    day: pd.Timestamp
    moment: pd.Timestamp

    def __str__(self) -> str:
        """Day of the cut."""
        return f"{self.day:%Y-%m-%d}"


def evenings(rows: pd.DataFrame, rng: np.random.Generator, count: int) -> list[Evening]:
    """Random sessions of the target, in their order.

    Parameters
    ----------
    rows
        ``data_date`` and ``decision_time`` of the target's rows, ascending.
    rng
        Decides.
    count
        Evenings wanted; fewer where there are fewer rows.
    """
    return _evenings(rows, _candidates(len(rows)), rng, count)


def _candidates(rows: int) -> IntArray:
    """Positions to cut at: with history before, and at least a session after."""
    return np.arange(min(WARM_UP, rows // 2), max(rows - 1, 1))


def _evenings(
    rows: pd.DataFrame, among: IntArray, rng: np.random.Generator, count: int
) -> list[Evening]:
    picked = np.sort(rng.choice(among, min(count, len(among)), replace=False))
    days, moments = rows["data_date"].iloc[picked], rows["decision_time"].iloc[picked]
    return [Evening(day, moment) for day, moment in zip(days, moments, strict=True)]


def awaiting(rows: pd.DataFrame, raw: pd.DataFrame) -> IntArray:
    """Positions of sessions at whose decision a value is out of date but not out yet.

    Only there a look at what is to be published shows: between the reference day of a value and
    its release. All positions where there is none.

    Parameters
    ----------
    rows
        ``decision_time`` of the target's rows, ascending.
    raw
        Raw rows of a source.
    """
    moments, events, known = (
        values.dt.tz_convert(None).to_numpy(dtype="datetime64[us]")
        for values in (rows["decision_time"], raw["event_time"], raw["known_at"])
    )
    begun = np.searchsorted(np.sort(events), moments, side="right")
    out = np.searchsorted(np.sort(np.maximum(known, events)), moments, side="right")
    among = _candidates(len(rows))
    waiting = among[begun[among] > out[among]]
    return waiting if len(waiting) else among


def _timed(check: Callable[..., Finding], *given: Any) -> Finding:
    start = time.perf_counter()
    found = check(*given)
    return replace(found, seconds=time.perf_counter() - start)


def _future(
    scope: str, whole: pd.DataFrame, evening: Evening, build: Callable[[], pd.DataFrame]
) -> Finding:
    """Rows that were known at an evening, from a build whose future is spoilt.

    Parameters
    ----------
    whole
        Rows of a build from everything, or those of a snapshot.
    """
    known = whole[whole["known_at"] <= evening.moment]
    later = whole.loc[whole["known_at"] > evening.moment, list(KEYS)]
    # In one block: a matrix of many nullable columns is in many.
    made = build().copy()
    made = made[made["symbol"].isin(whole["symbol"].unique())]
    # Of a root that closes later, the session of the evening is no row yet.
    made = made.merge(later, on=list(KEYS), how="left", indicator=True)
    made = made[(made.pop("_merge") == "left_only") & (made["data_date"] <= evening.day)]
    found = differences(as_stored(known), as_stored(made))
    where = f"{scope} after {evening}"
    if len(found):
        detail = f"what came later changes rows that were known: {summary(found)}"
        return Finding("future", where, passed=False, detail=detail)
    detail = f"{len(known):,} rows, {len(known.columns)} columns, equal to the bit"
    return Finding("future", where, passed=True, detail=detail)


def _spoilt(
    recipe: Recipe, names: Sequence[str], evening: Evening, rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    return {
        name: spoil_rows(SOURCES[name], rows, evening.moment, rng) if name in names else rows
        for name, rows in recipe.tables.items()
    }


def quick_check(
    snapshot: Snapshot, recipe: Recipe, sessions: pd.DataFrame, config: LeakcheckConfig
) -> LeakReport:
    """What `train` looks at: later sessions and outside rows spoilt at two evenings; releases.

    Parameters
    ----------
    snapshot
        Rows of the target that models are made from: they must come out the same.
    recipe
        What its matrix was made from beside them.
    sessions
        Session bars of the configured roots, as they are stored.
    config
        Only the seed counts.
    """
    rng = np.random.default_rng([config.seed, 0])
    own = snapshot.matrix

    def both(evening: Evening) -> pd.DataFrame:
        spoilt = replace(recipe, tables=_spoilt(recipe, tuple(recipe.tables), evening, rng))
        return spoilt.matrix(spoil_sessions(sessions, evening.moment, rng))

    scope = "+".join(("sessions", *recipe.tables))
    findings = [_timed(check_sessions, sessions)]
    findings += [_timed(check_source, SOURCES[n], rows) for n, rows in recipe.tables.items()]
    for evening in evenings(own, rng, QUICK_CUTS):
        findings.append(_timed(_future, scope, own, evening, partial(both, evening)))
    if not all(finding.passed for finding in findings if finding.check == "future"):
        # A snapshot of other rows than the warehouse holds would look like a leak.
        findings.append(_timed(check_rebuilt, snapshot, recipe.matrix(sessions)))
    return LeakReport("quick", snapshot.content_hash, tuple(findings))


def check_rebuilt(snapshot: Snapshot, matrix: pd.DataFrame) -> Finding:
    """Whether the snapshot is what its material makes today."""
    own = matrix[matrix["symbol"] == snapshot.symbol]
    found = differences(snapshot.matrix, as_stored(own))
    if len(found):
        detail = (
            f"the snapshot is not what its sources make today ({summary(found)}): run `kedro run "
            "--pipelines=ingest,regimes,features,split`"
        )
        return Finding("rebuild", snapshot.symbol, passed=False, detail=detail)
    detail = f"{len(snapshot.matrix):,} rows of the snapshot come out the same"
    return Finding("rebuild", snapshot.symbol, passed=True, detail=detail)


def full_check(
    snapshot: Snapshot,
    material: Material,
    plans: Mapping[str, pd.DataFrame],
    config: LeakcheckConfig,
    advance: Advance = quiet,
) -> LeakReport:
    """Every check, from the vendor's bars on.

    Parameters
    ----------
    snapshot
        Rows of the target that models are made from.
    material
        What its matrix was made from.
    plans
        Fold table by horizon.
    config
        How much to look at.
    advance
        Called before each check.
    """
    findings = list(_all(snapshot, material, plans, config, advance))
    return LeakReport("full", snapshot.content_hash, tuple(findings))


def _all(
    snapshot: Snapshot,
    material: Material,
    plans: Mapping[str, pd.DataFrame],
    config: LeakcheckConfig,
    advance: Advance,
) -> Iterator[Finding]:
    advance("building the matrix from its bars")
    start = time.perf_counter()
    sessions = material.sessions()
    whole = material.matrix(sessions)
    rebuilt = check_rebuilt(snapshot, whole)
    yield replace(rebuilt, seconds=time.perf_counter() - start)
    yield _timed(check_sessions, sessions)
    for name, rows in material.tables.items():
        yield _timed(check_source, SOURCES[name], rows)
    own = whole[whole["symbol"] == snapshot.symbol]
    own = own.sort_values("data_date", kind="stable").reset_index(drop=True)
    for scope, among, build in _poisons(material, sessions, own):
        rng = np.random.default_rng([config.seed, *scope.encode()])
        for evening in _evenings(own, among, rng, config.cuts):
            advance(f"{scope} after {evening} spoilt")
            yield _timed(_future, scope, whole, evening, partial(build, evening, rng))
    for name, plan in plans.items():
        advance(f"folds of {name}")
        horizon = HORIZONS[name]
        dates = snapshot.matrix["data_date"]
        yield _timed(check_purge, plan, dates, name, horizon.sessions)
        given = (snapshot.matrix, plan, name, config.shuffles, config.seed)
        yield _timed(check_shuffled, *given)


Build = Callable[[Evening, np.random.Generator], pd.DataFrame]


def _poisons(
    material: Material, sessions: pd.DataFrame, own: pd.DataFrame
) -> Iterator[tuple[str, IntArray, Build]]:
    """What is spoilt, the positions to cut at, and the matrix of it."""

    def bars(evening: Evening, rng: np.random.Generator) -> pd.DataFrame:
        batch = material.batch
        spoilt = spoil_bars(batch.bars, batch.schema, evening.moment, rng)
        late = material.with_bars(spoilt)
        return late.matrix(late.sessions())

    yield "bars", _candidates(len(own)), bars
    for name, rows in material.tables.items():

        def outside(evening: Evening, rng: np.random.Generator, name: str = name) -> pd.DataFrame:
            tables = _spoilt(material, (name,), evening, rng)
            return replace(material, tables=tables).matrix(sessions)

        yield name, awaiting(own, rows), outside
