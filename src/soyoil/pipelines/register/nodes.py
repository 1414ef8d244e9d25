"""Nodes that judge and pack the models of a horizon."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from soyoil.base.handover import MadeFrom, check_handover, parameter_differences, refusal, stamp_of
from soyoil.leakage.folds import check_purge
from soyoil.leakage.result import REMEDY, why_not_fresh
from soyoil.market.conventions import EXPERT_WEIGHT, QUANTILE_COLUMNS
from soyoil.models.baselines import vol_cone_sigma
from soyoil.models.champion import CONES, ChampionConfig, ExpertForecasts, in_order, mix
from soyoil.models.cones.implied import implied_quantiles, implied_vol
from soyoil.models.engines import ENGINES
from soyoil.models.registry import BASELINES, CHAMPION, REFERENCES
from soyoil.pipelines.grid import bound
from soyoil.pipelines.origins import FIT_AGAIN, SplitFrames, champion_parameters
from soyoil.serving.final import FinalModel
from soyoil.serving.gate import Check, aliases, judge
from soyoil.serving.served import ServedModel, history_of
from soyoil.splits.forecasts import on_dates
from soyoil.splits.plan import plan_from_frame
from soyoil.splits.snapshot import Snapshot
from soyoil.targets.horizons import Horizon
from soyoil.targets.labels import forward_sums
from soyoil.tracking.registered import Candidate, Registration

logger = logging.getLogger(__name__)

REMADE: Final = 3
"""Origins whose forecast is made anew from data that ends there."""


def _experts(
    snapshot: Snapshot, dates: pd.Series, rows: np.ndarray, y: np.ndarray,
    forecasts: Mapping[str, pd.DataFrame], horizon: Horizon,
) -> ExpertForecasts:  # fmt: skip
    quantiles = {name: on_dates(frame, dates) for name, frame in forecasts.items()}
    implied = implied_vol(snapshot.matrix, snapshot.symbol)[rows]
    quantiles |= implied_quantiles(implied, horizon.sessions, quantiles[CONES[0]])
    return ExpertForecasts(
        session=rows,
        y=y[rows],
        sigma=vol_cone_sigma(snapshot.returns, horizon.sessions)[rows],
        quantiles=in_order(quantiles),
    )


def _weights_today(
    snapshot: Snapshot,
    forecasts: Mapping[str, pd.DataFrame],
    horizon: Horizon,
    config: ChampionConfig,
) -> dict[str, float]:
    """Weights of the experts at the last session, by every label that has ended."""
    dates = snapshot.matrix["data_date"]
    scored = np.flatnonzero(dates.isin(forecasts[CONES[0]]["data_date"]))
    rows = np.append(scored, len(dates) - 1)
    cone = forecasts[CONES[0]].iloc[-1:].assign(data_date=dates.iloc[-1])
    with_today = {**forecasts, CONES[0]: pd.concat([forecasts[CONES[0]], cone])}
    y = forward_sums(snapshot.returns, horizon.sessions)
    given = _experts(snapshot, dates.iloc[rows], rows, y, with_today, horizon)
    last = mix(given, horizon.sessions, config).experts.iloc[-1]
    return {name: float(last[f"{EXPERT_WEIGHT}{name}"]) for name in given.quantiles}


def _leak_check(
    snapshot: Snapshot,
    champion: pd.DataFrame,
    forecasts: Mapping[str, pd.DataFrame],
    horizon: Horizon,
    config: ChampionConfig,
) -> Check:
    """Whether forecasts of some origins come out the same from data that ends at them."""
    dates = snapshot.matrix["data_date"]
    at = np.unique(np.linspace(len(champion) // 4, len(champion) - 1, REMADE).astype(int))
    differing = []
    for number in at:
        row = champion.iloc[number]
        last = int(dates.searchsorted(row["data_date"]))
        returns = snapshot.returns[: last + 1]
        rows = np.flatnonzero(dates.iloc[: last + 1].isin(champion["data_date"]))
        y = forward_sums(returns, horizon.sessions)
        given = _experts(snapshot, dates.iloc[rows], rows, y, forecasts, horizon)
        remade = mix(given, horizon.sessions, config).quantiles[-1]
        if not np.array_equal(remade, row[list(QUANTILE_COLUMNS)].to_numpy(dtype="float64")):
            differing.append(f"{row['data_date']:%Y-%m-%d}")
    if differing:
        said = f"made anew from data that ends there, forecasts differ: {', '.join(differing)}"
        return Check("leak", passed=False, reason=said)
    said = f"{len(at)} forecasts made anew from data that ends at their origin are equal"
    return Check("leak", passed=True, reason=f"no label meets a scored row; {said}")


def _check_finals(
    snapshot: Snapshot, horizon: Horizon, finals: Mapping[str, FinalModel],
    forecasts: Mapping[str, pd.DataFrame],
) -> None:  # fmt: skip
    for name, final in finals.items():
        problems = []
        if final.snapshot != snapshot.content_hash:
            problems.append("it was fitted on another snapshot")
        scored = stamp_of(forecasts[name]).get("parameters") or {}
        own = {key: final.parameters[key] for key in scored if key in final.parameters}
        problems += parameter_differences(own, scored)
        if problems:
            raise refusal(f"{horizon.name}.{name}.final_model", problems, FIT_AGAIN)


def register_models(
    snapshot: Snapshot,
    labels: pd.DataFrame,
    split_plan: pd.DataFrame,
    config: ChampionConfig,
    leakcheck: Mapping[str, Any] | None,
    *,
    horizon: Horizon,
    **made: Any,
) -> Registration:
    """Judge the champion and the engines of a horizon, and pack them for use.

    Parameters
    ----------
    leakcheck
        Record of the last leak check. Without a pass for this snapshot and this code models are
        registered, and no alias moves to them.
    **made
        ``<model>_predictions`` of the champion, the baselines and the engines, ``<engine>_final``
        of the engines, and ``experts`` of the champion.

    Raises
    ------
    HandoverError
        Forecasts or final fits are of other data or parameters.
    SplitError
        The split plan leaks.
    """
    hashes = SplitFrames(snapshot, labels, split_plan).check(horizon, {})
    plan_from_frame(split_plan, labels["data_date"], horizon.name, horizon.sessions)
    scored = {name: made[f"{name}_predictions"] for name in (CHAMPION, *BASELINES, *ENGINES)}
    finals: dict[str, FinalModel] = {name: made[f"{name}_final"] for name in ENGINES}
    parameters = {CHAMPION: champion_parameters(config)}
    for name, frame in scored.items():
        where = f"{horizon.name}.{name}.predictions"
        check_handover(frame, where, MadeFrom(hashes, parameters.get(name, {})), FIT_AGAIN)
    _check_finals(snapshot, horizon, finals, scored)
    experts = {name: scored[name] for name in (*CONES, *ENGINES)}
    weights = {CHAMPION: _weights_today(snapshot, experts, horizon, config)}
    weights |= {name: {name: 1.0} for name in ENGINES}
    # A plan that leaks was refused above.
    leaks = dict.fromkeys(ENGINES, Check("leak", passed=True, reason="no label meets a scored row"))
    leaks[CHAMPION] = _leak_check(snapshot, scored[CHAMPION], experts, horizon, config)
    references = {name: scored[name] for name in REFERENCES}
    reports = {
        name: judge(name, scored[name], references, horizon.sessions, leaks[name])
        for name in weights
    }
    if not reports[CHAMPION].passed:
        alone = scored[CHAMPION].assign(**{q: made["experts"][q] for q in QUANTILE_COLUMNS})
        cones = judge(CHAMPION, alone, references, horizon.sessions, leaks[CHAMPION])
        logger.warning(
            "%s: with the engines the champion does not pass the gate (%s); the cones alone %s",
            horizon.name,
            reports[CHAMPION].reason,
            "do" if cones.passed else f"do not either ({cones.reason})",
        )
        if cones.passed:
            given_cones = {name: scored[name] for name in CONES}
            weights[CHAMPION] = _weights_today(snapshot, given_cones, horizon, config)
            reports[CHAMPION] = cones
    given = aliases(list(reports.values()))
    example = snapshot.matrix.iloc[-1:].reset_index(drop=True)
    candidates = [
        Candidate(_served(snapshot, horizon, name, weights[name], finals), report, example)
        for name, report in reports.items()
    ]
    fresh = _leakcheck(leakcheck, snapshot, split_plan, horizon)
    if fresh.passed:
        challenger = given.get("challenger", "none, no engine passes the gate")
        logger.info("%s: challenger: %s", horizon.name, challenger)
    else:
        logger.warning(
            "%s: registered without an alias: %s. %s", horizon.name, fresh.reason, REMEDY
        )
    return Registration(candidates, given, fresh)


def _leakcheck(
    record: Mapping[str, Any] | None,
    snapshot: Snapshot,
    split_plan: pd.DataFrame,
    horizon: Horizon,
) -> Check:
    """Whether the leak check has passed for these rows and this code, and the folds are purged."""
    why = why_not_fresh(record, snapshot.content_hash)
    dates = snapshot.matrix["data_date"]
    purge = check_purge(split_plan, dates, horizon.name, horizon.sessions)
    if not why and not purge.passed:
        why = f"the folds are not purged ({purge.detail})"
    form = (record or {}).get("form")
    passed = f"the leak check ({form}) passed for this snapshot and code; {purge.detail}"
    return Check("leakcheck", passed=not why, reason=why or passed)


def _served(
    snapshot: Snapshot,
    horizon: Horizon,
    name: str,
    weights: Mapping[str, float],
    finals: Mapping[str, FinalModel],
) -> ServedModel:
    own = {engine: final for engine, final in finals.items() if engine in weights}
    return ServedModel(
        name=name,
        symbol=snapshot.symbol,
        horizon=horizon.name,
        sessions=horizon.sessions,
        cutoff=snapshot.matrix["data_date"].iloc[-1].date(),
        provenance=snapshot.provenance,
        snapshot=snapshot.content_hash,
        weights=weights,
        finals=own,
        history=history_of(snapshot.matrix, own),
    )


def registration_node(horizon: Horizon) -> Callable[..., Registration]:
    """Node function that judges and packs the models of a horizon."""
    return bound(register_models, horizon=horizon)
