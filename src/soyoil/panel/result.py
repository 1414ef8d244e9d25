"""From the sessions of many roots to tables of skill and a verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd

from soyoil.base.errors import ContractError
from soyoil.models.registry import CHAMPION
from soyoil.panel.bootstrap import align, panel_skill
from soyoil.panel.engines import PanelForecasts
from soyoil.panel.gate import Gate, judge
from soyoil.panel.losses import (
    ALONE,
    MODELS,
    REFERENCE,
    PanelRules,
    RootLosses,
    root_losses,
)
from soyoil.panel.roots import RootSeries, root_series
from soyoil.targets.horizons import HORIZONS, Horizon

Advance = Callable[[int, int], None]

SKILL: Final = ("skill_pinball", "skill_pinball_low", "skill_pinball_high")
MEAN_COLUMNS: Final = (
    "horizon", "sessions", "model", "roots", "dates", *SKILL, "positive", "share_positive",
    "worst_symbol", "worst_skill", "coverage_80",
)  # fmt: skip
ROUNDING: Final = 1e-9
"""A smaller skill is a tie: the mean of two equal cones is not equal to them to the last bit."""

_NAN: Final = float("nan")


@dataclass(frozen=True)
class PanelResult:
    """What a panel has shown.

    Attributes
    ----------
    roots
        One row per horizon, root and model: ``horizon``, ``sessions``, ``symbol``, ``model``,
        ``status``, ``counted`` (in the mean and the gate), ``n``, ``independent_n``, ``first``,
        ``last`` (scored origins), ``hourly_share``, ``pinball`` (log return), ``coverage_80``,
        ``skill_pinball`` against the vol cone with ``_low`` and ``_high``; NaN where there is none.
    means
        One row per horizon and model over the counted roots: ``roots``, ``dates``,
        ``skill_pinball`` (mean) with ``_low`` and ``_high``, ``positive`` (roots above zero),
        ``share_positive``, ``worst_symbol``, ``worst_skill``, ``coverage_80``.
        With engines both hold a column ``feature_groups``: what each of them was given.
    gate
        Verdict on the champion.
    provenance
        ``observed`` or ``synthetic``.
    rolls_unknown
        Roots whose bars name no contract.
    engines
        Verdict on each engine; they take part in the champion.
    feature_groups
        Groups of matrix columns that each engine was given, in words.
    engines_add
        One row per horizon, over the counted roots with an engine: ``horizon``, ``roots``, mean
        ``skill_pinball`` of the champion against the cones mixed alone with ``_low`` and
        ``_high``, ``positive``. Empty without engines.
    unfitted
        Why no engine was fitted, by root and horizon.
    """

    roots: pd.DataFrame
    means: pd.DataFrame
    gate: Gate
    provenance: str
    rolls_unknown: tuple[str, ...] = ()
    engines: Mapping[str, Gate] = field(default_factory=dict)
    feature_groups: Mapping[str, str] = field(default_factory=dict)
    engines_add: pd.DataFrame = field(default_factory=pd.DataFrame)
    unfitted: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @property
    def models(self) -> tuple[str, ...]:
        """All models, the champion first."""
        return (*MODELS, *self.engines)


def make_panel(
    sessions: pd.DataFrame,
    symbols: Sequence[str],
    exclude: Sequence[str],
    rules: PanelRules,
    advance: Advance | None = None,
    forecasts: PanelForecasts | None = None,
) -> PanelResult:
    """Score the baselines, the champion and engines with every root as target.

    Parameters
    ----------
    sessions
        Session bars with `soyoil.panel.roots.COLUMNS`.
    symbols
        Roots of the panel.
    exclude
        Those of them that are shown but do not count.
    rules
        Rows that are scored, and the champion's rates.
    advance
        Told of (roots and horizons done, in all).
    forecasts
        What engines forecast on these sessions; none by default.

    Raises
    ------
    SourceError
        A root has no session.
    ContractError
        Observed and synthetic rows are mixed, or a root has two sessions on one date.
    """
    series, provenance = panel_series(sessions, symbols)
    unknown = sessions.loc[
        sessions["symbol"].isin(symbols) & (sessions["rolls"] == "unknown"), "symbol"
    ]
    found = forecasts or PanelForecasts()
    models = (*MODELS, *found.engines)
    counted = frozenset(symbols) - frozenset(exclude)
    roots, means, adds = [], [], []
    for number, horizon in enumerate(HORIZONS.values()):
        losses = []
        for place, root in enumerate(series, start=1):
            of_engines = found.of(root.symbol, horizon.name)
            losses.append(root_losses(root, horizon, rules, of_engines))
            if advance is not None:
                advance(number * len(series) + place, len(HORIZONS) * len(series))
        if found.engines:
            adds.append({"horizon": horizon.name, **_added(horizon, losses, counted)})
        for model in models:
            own = [root.of(model) for root in losses]
            table, mean = _tables(horizon, model, own, counted)
            roots.append(table)
            means.append({"horizon": horizon.name, "sessions": horizon.sessions, **mean})
    roots_table = pd.concat(roots, ignore_index=True)
    means_table = pd.DataFrame(means).reindex(columns=list(MEAN_COLUMNS))
    if found.engines:
        for table in (roots_table, means_table):
            table["feature_groups"] = table["model"].map(found.feature_groups).fillna("")
    gates = {model: _gate(model, roots_table, means_table) for model in (CHAMPION, *found.engines)}
    return PanelResult(
        roots=roots_table,
        means=means_table,
        gate=gates[CHAMPION],
        provenance=provenance,
        rolls_unknown=tuple(sorted(unknown.unique())),
        engines={name: gates[name] for name in found.engines},
        feature_groups=found.feature_groups,
        engines_add=pd.DataFrame(adds),
        unfitted=found.short,
    )


def panel_series(
    sessions: pd.DataFrame, symbols: Sequence[str]
) -> tuple[tuple[RootSeries, ...], str]:
    """Sessions of the roots of a panel, and their provenance.

    Parameters
    ----------
    sessions, symbols
        As in `make_panel`.
    """
    chosen = sessions[sessions["symbol"].isin(symbols)]
    series = root_series(chosen, symbols)
    provenances = sorted(chosen["provenance"].unique())
    if len(provenances) > 1:
        raise ContractError(f"The roots of the panel mix provenances {' and '.join(provenances)}.")
    return series, str(provenances[0])


def _gate(model: str, roots: pd.DataFrame, means: pd.DataFrame) -> Gate:
    return judge(
        means[means["model"] == model], roots[(roots["model"] == model) & roots["counted"]]
    )


def _added(
    horizon: Horizon, losses: Sequence[RootLosses], counted: frozenset[str]
) -> dict[str, object]:
    """What the engines add to the champion at one horizon."""
    own = [root for root in losses if root.symbol in counted and ALONE in root.pinball]
    if not own:
        return {"roots": 0, **dict.fromkeys(SKILL, _NAN), "positive": 0}
    dated = align(
        [root.dates for root in own],
        [root.pinball[CHAMPION] for root in own],
        [root.pinball[ALONE] for root in own],
    )
    skill = panel_skill(dated, np.ones(len(own), dtype=bool), horizon.sessions)
    values = (skill.mean, skill.interval.low, skill.interval.high)
    positive = int((skill.skill > ROUNDING).sum())
    return {"roots": len(own), **dict(zip(SKILL, values, strict=True)), "positive": positive}


def _tables(
    horizon: Horizon, model: str, losses: Sequence[RootLosses], counted: frozenset[str]
) -> tuple[pd.DataFrame, dict[str, object]]:
    """One model and horizon: a row per root, and one over the counted roots."""
    table = pd.DataFrame([_root_row(root, model, counted) for root in losses])
    scored = [root for root in losses if root.status == "scored"]
    mean: dict[str, object] = {"model": model, "roots": 0, "dates": 0, "positive": 0}
    if not scored:
        return table.assign(**dict.fromkeys(SKILL, _NAN)), mean
    dated = align(
        [root.dates for root in scored],
        [root.pinball[model] for root in scored],
        [root.pinball[REFERENCE] for root in scored],
    )
    at = (table["status"] == "scored").to_numpy()
    inside = table["counted"].to_numpy()[at]
    found = panel_skill(dated, inside, horizon.sessions)
    bounds = np.array([(interval.low, interval.high) for interval in found.intervals])
    table[list(SKILL)] = _NAN
    table.loc[at, list(SKILL)] = np.column_stack([found.skill, bounds])
    if inside.any():
        own = table[at & table["counted"]]
        worst = own.loc[own[SKILL[0]].idxmin()]
        positive = int((own[SKILL[0]] > ROUNDING).sum())
        mean |= {
            "roots": len(own),
            "dates": len(dated.dates),
            SKILL[0]: found.mean,
            SKILL[1]: found.interval.low,
            SKILL[2]: found.interval.high,
            "positive": positive,
            "share_positive": positive / len(own),
            "worst_symbol": worst["symbol"],
            "worst_skill": float(worst[SKILL[0]]),
            "coverage_80": float(own["coverage_80"].mean()),
        }
    return table, mean


def _root_row(root: RootLosses, model: str, counted: frozenset[str]) -> dict[str, object]:
    n = len(root.dates)
    loss, covered = root.pinball.get(model), root.covered.get(model)
    return {
        "horizon": root.horizon.name,
        "sessions": root.horizon.sessions,
        "symbol": root.symbol,
        "model": model,
        "status": root.status,
        "counted": root.symbol in counted,
        "n": n,
        "independent_n": n / root.horizon.sessions,
        "first": root.dates[0] if n else np.datetime64("NaT", "us"),
        "last": root.dates[-1] if n else np.datetime64("NaT", "us"),
        "hourly_share": root.hourly_share,
        "pinball": _NAN if loss is None else float(loss.mean()),
        "coverage_80": _NAN if covered is None else float(covered.mean()),
    }
