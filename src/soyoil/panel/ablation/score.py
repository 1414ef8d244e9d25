"""Fits an engine with and without each group on every root, and compares them date by date."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from soyoil.base.errors import ConfigError, ContractError
from soyoil.base.handover import text_hash
from soyoil.models.registry import CHAMPION
from soyoil.panel.ablation.config import roots_of
from soyoil.panel.ablation.result import AblationResult, holm, verdict
from soyoil.panel.ablation.trials import GroupTrial, TrialBook
from soyoil.panel.bootstrap import PanelSkill, align, panel_skill
from soyoil.panel.engines import Cut, EngineRules, PanelForecasts, fit_engines
from soyoil.panel.losses import REFERENCE, PanelRules, RootLosses, root_losses
from soyoil.panel.roots import RootSeries
from soyoil.panel.store import ResultStore, fit_facts
from soyoil.sources.identity import name_of_market
from soyoil.targets.horizons import HORIZONS, Horizon

Advance = Callable[[str, int, int], None]
Pair = tuple[RootLosses, RootLosses]
"""Losses of one root without and with a group."""

_BOUNDS: Final = ("", "_low", "_high")


@dataclass(frozen=True)
class Workshop:
    """What fits need.

    Attributes
    ----------
    cut
        Snapshot of a root.
    rules
        Rows that are scored.
    engines
        One engine.
    store
        Where finished forecasts are kept.
    book
        Where trials are written down.
    """

    cut: Cut
    rules: PanelRules
    engines: EngineRules
    store: ResultStore
    book: TrialBook

    @property
    def engine(self) -> str:
        """Name of the engine."""
        return next(iter(self.engines.configs))

    def fit(
        self, groups: tuple[str, ...], series: Sequence[RootSeries], advance: Advance
    ) -> PanelForecasts:
        """Forecasts with some feature groups."""
        fit = self.engines.fit.model_copy(update={"feature_groups": groups})
        rules = replace(self.engines, fit=fit)
        return fit_engines(self.cut, series, self.rules, rules, self.store, advance)


def valued(cut: Cut, symbols: Sequence[str], group: str) -> tuple[str, ...]:
    """Roots that a group is about and on whose rows it has a value."""
    found = []
    for symbol in roots_of(group, symbols):
        matrix = cut(symbol).matrix
        columns = [name for name in matrix.columns if name.partition(".")[0] == group]
        if matrix[columns].notna().any(axis=None):
            found.append(symbol)
    return tuple(found)


def plan_trials(
    workshop: Workshop, symbols: Sequence[str], base: tuple[str, ...], groups: Sequence[str]
) -> list[GroupTrial]:
    """Trials of an ablation.

    Parameters
    ----------
    workshop
        What fits need.
    symbols
        Roots of the panel.
    base
        Groups that the engine has in any case.
    groups
        Groups to try.

    Raises
    ------
    ConfigError
        A group has no value on any root that it is about.
    """
    engines = workshop.engines
    # The groups of a trial are its own, whatever models are given otherwise.
    fit = engines.fit.model_copy(update={"feature_groups": ()})
    facts = fit_facts(engines.profile, fit, workshop.engine, engines.configs[workshop.engine])
    snapshots = {symbol: workshop.cut(symbol) for symbol in symbols}
    hashes = {symbol: snapshot.content_hash for symbol, snapshot in snapshots.items()}
    first = snapshots[symbols[0]]
    trials = []
    for group in groups:
        roots = valued(workshop.cut, symbols, group)
        if not roots:
            raise ConfigError(
                f"Group {group!r} holds no value on any root that it is about "
                f"({', '.join(roots_of(group, symbols)) or 'none of the panel'}). Switch its "
                "source on (docs/sources.md) and run ingest and features, or leave it out of "
                "ablation.groups."
            )
        trials.append(
            GroupTrial(
                market=name_of_market(first.made_from, first.provenance),
                group=group,
                base=base,
                engine=workshop.engine,
                roots=roots,
                inputs=text_hash({symbol: hashes[symbol] for symbol in roots}),
                facts=text_hash(facts),
            )
        )
    return trials


def ablate(
    workshop: Workshop,
    series: Sequence[RootSeries],
    trials: Sequence[GroupTrial],
    provenance: str,
    advance: Advance | None = None,
) -> AblationResult:
    """Register all trials, fit them, and say what each group adds.

    Parameters
    ----------
    workshop
        What fits need.
    series
        Sessions of the roots.
    trials
        As `plan_trials` gives them.
    provenance
        Of the sessions.
    advance
        Told of (what is fitted, steps done, steps in all).
    """
    now = pd.Timestamp.now("UTC")
    workshop.book.register(trials, now)
    by_symbol = {root.symbol: root for root in series}
    wanted = [root for root in series if any(root.symbol in trial.roots for trial in trials)]
    steps = len(trials) + 1

    def told(step: int, name: str) -> Advance:
        def tell(_: str, done: int, of: int) -> None:
            if advance is not None:
                advance(name, step * of + done, steps * of)

        return tell

    base = trials[0].base
    plain = workshop.fit(base, wanted, told(0, "base"))
    rows, tables = [], []
    for number, trial in enumerate(trials, start=1):
        own = [by_symbol[symbol] for symbol in trial.roots]
        added = workshop.fit((*base, trial.group), own, told(number, trial.group))
        for horizon in HORIZONS.values():
            pairs = _pairs(workshop, own, horizon, plain, added)
            row, table = _compare(trial.group, horizon, pairs, workshop.engine)
            rows.append(row)
            tables.append(table)
    table = _judged(pd.DataFrame(rows), workshop.book.count(trials[0].market) * len(HORIZONS))
    for trial in trials:
        found = table.loc[table["group"] == trial.group, ["horizon", "gain", "p_value", "verdict"]]
        workshop.book.record(trial, found.astype("object").to_dict("records"), now)  # type: ignore[arg-type]
    return AblationResult(
        table=table,
        roots=pd.concat(tables, ignore_index=True),
        engine=workshop.engine,
        base=base,
        trials=workshop.book.count(trials[0].market),
        provenance=provenance,
        unfitted=dict(plain.short),
    )


def _judged(table: pd.DataFrame, trials: int) -> pd.DataFrame:
    adjusted = holm(table["p_value"], trials)
    words = [
        verdict(float(gain), float(p), float(n))
        for gain, p, n in zip(table["gain"], adjusted, table["independent_n"], strict=True)
    ]
    return table.assign(p_adjusted=adjusted, verdict=words)


def _pairs(
    workshop: Workshop,
    series: Sequence[RootSeries],
    horizon: Horizon,
    plain: PanelForecasts,
    added: PanelForecasts,
) -> list[Pair]:
    """Losses of the roots that have both forecasts, on the same rows."""
    pairs = []
    for root in series:
        both = [f.of(root.symbol, horizon.name) for f in (plain, added)]
        if not all(both):
            continue
        without, with_group = (root_losses(root, horizon, workshop.rules, q) for q in both)
        own = [losses.of(workshop.engine) for losses in (without, with_group)]
        if not np.array_equal(own[0].dates, own[1].dates):
            raise ContractError(
                f"{root.symbol}, {horizon.name}: the fits with and without a group have forecast "
                "different rows."
            )
        if own[0].status == "scored":
            pairs.append((without, with_group))
    return pairs


def _gain(pairs: Sequence[Pair], model: str, reference: str | None, side: int = 1) -> PanelSkill:
    """Skill of a model with the group against itself without it, or against a reference."""
    losses = [pair[side].of(model) for pair in pairs]
    against = [
        pair[0].of(model).pinball[model] if reference is None else own.pinball[reference]
        for pair, own in zip(pairs, losses, strict=True)
    ]
    dated = align([own.dates for own in losses], [own.pinball[model] for own in losses], against)
    sessions = pairs[0][0].horizon.sessions
    return panel_skill(dated, np.ones(len(pairs), dtype=bool), sessions)


def _bounds(name: str, skill: PanelSkill) -> dict[str, float]:
    values = (skill.mean, skill.interval.low, skill.interval.high)
    return {f"{name}{end}": value for end, value in zip(_BOUNDS, values, strict=True)}


def _compare(
    group: str, horizon: Horizon, pairs: Sequence[Pair], engine: str
) -> tuple[dict[str, Any], pd.DataFrame]:
    """One group at one horizon: a row over the roots, and one per root."""
    row: dict[str, Any] = {"group": group, "horizon": horizon.name, "sessions": horizon.sessions}
    row["roots"] = len(pairs)
    if not pairs:
        names = [f"{name}{end}" for name in ("gain", "champion_gain") for end in _BOUNDS]
        names += ["gain_without_best", "skill_with", "p_value"]
        empty = dict.fromkeys(names, float("nan"))
        return {**row, "independent_n": 0.0, "positive": 0, "best_root": "", **empty}, (
            pd.DataFrame()
        )
    gain = _gain(pairs, engine, None)
    champion = _gain(pairs, CHAMPION, None)
    skill = [_gain(pairs, engine, REFERENCE, side) for side in (0, 1)]
    symbols = [pair[0].symbol for pair in pairs]
    dates = np.unique(np.concatenate([pair[1].of(engine).dates for pair in pairs]))
    best = int(np.argmax(gain.skill))
    others = np.delete(gain.skill, best)
    row |= {
        "independent_n": len(dates) / horizon.sessions,
        **_bounds("gain", gain),
        "positive": int((gain.skill > 0).sum()),
        "best_root": symbols[best],
        "gain_without_best": float(others.mean()) if len(others) else float("nan"),
        **_bounds("champion_gain", champion),
        "skill_with": skill[1].mean,
        "p_value": gain.p_value,
    }
    table = pd.DataFrame(
        {
            "group": group,
            "horizon": horizon.name,
            "symbol": symbols,
            "n": [len(pair[1].of(engine).dates) for pair in pairs],
            "gain": gain.skill,
            "gain_low": [interval.low for interval in gain.intervals],
            "gain_high": [interval.high for interval in gain.intervals],
            "skill_base": skill[0].skill,
            "skill_with": skill[1].skill,
            "champion_gain": champion.skill,
        }
    )
    return row, table


def metrics_of(table: pd.DataFrame) -> Mapping[str, float]:
    """Figures of a tracked run, ``ablation.<group>.<horizon>.<metric>``."""
    names = ("gain", "gain_low", "gain_high", "champion_gain", "p_adjusted")
    return {
        f"ablation.{row['group']}.{row['horizon']}.{name}": float(row[name])
        for row in table.to_dict("records")
        for name in names
    }
