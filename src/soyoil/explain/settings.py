"""What two runs were made with, cause by cause, and what each model uses of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final, Literal

from pydantic import ValidationError

from soyoil.base.errors import ConfigError
from soyoil.base.handover import content_hash, text_hash
from soyoil.explain.shapley import Coalition
from soyoil.models.champion import ChampionConfig
from soyoil.models.config import EngineConfig, FitConfig
from soyoil.models.engines import ENGINES, engine_of, is_ablation
from soyoil.models.registry import BASELINES, CHAMPION
from soyoil.regimes.weights import WeightsConfig
from soyoil.splits.plan import SplitConfig
from soyoil.splits.snapshot import Snapshot

Cause = Literal["data", "split", "weights", "params", "seed"]

CAUSES: Final[tuple[Cause, ...]] = ("data", "split", "weights", "params", "seed")
"""What can be taken from one run or from the other. Code cannot."""

TITLES: Final = {
    "data": "data snapshot",
    "split": "split plan",
    "weights": "weights",
    "params": "parameters",
    "seed": "seed",
    "code": "code and the rest",
}

REGIME: Final = ("regime.name", "regime.weight")
"""Columns of the matrix that repeat the regime table; no model is given them."""


def experts_of(model: str) -> tuple[str, ...]:
    """Engines that are fitted for a model, with those of a champion; none for a baseline."""
    if model in BASELINES:
        return ()
    return tuple(ENGINES) if model == CHAMPION else (engine_of(model),)


@dataclass(frozen=True, eq=False)
class Settings:
    """What decides the forecasts of a run.

    Attributes
    ----------
    snapshot
        Matrix rows, and the regime table that weights are made with.
    split
        Plan with the refits of the profile filled in.
    profile
        ``quick`` or ``full``: how many folds a network fits. Goes with the split plan.
    weights
        Weights of the training rows.
    fit
        Seed, target, shrinkage and feature groups of every engine.
    engines
        Configuration by engine.
    champion
        How the champion weighs its experts.
    """

    snapshot: Snapshot
    split: SplitConfig
    profile: str
    weights: WeightsConfig
    fit: FitConfig
    engines: Mapping[str, EngineConfig]
    champion: ChampionConfig

    @cached_property
    def _data(self) -> str:
        matrix = self.snapshot.matrix
        return content_hash(matrix.drop(columns=[c for c in REGIME if c in matrix]))

    @cached_property
    def regimes(self) -> str:
        """Content hash of the regime table."""
        return content_hash(self.snapshot.regimes)

    def used(self, cause: Cause, model: str) -> str:
        """Hash of what a model uses of a cause; equal hashes, equal forecasts.

        A baseline has no weights, parameters or seed; an ablation weighs all rows alike.
        """
        engines = experts_of(model)
        if cause == "data":
            return self._data
        if cause == "split":
            # Beside the refits, which stand in the plan, a profile decides what a network fits.
            some = any(self.engines[name].last_folds("quick") is not None for name in engines)
            profile = self.profile if some else ""
            return text_hash([self.split.model_dump(mode="json"), profile])
        if not engines:
            return ""
        if cause == "seed":
            return str(self.fit.seed)
        if cause == "weights":
            if is_ablation(model):
                return ""
            return text_hash([self.weights.model_dump(mode="json"), self.regimes])
        found: list[Any] = [self.fit.model_dump(mode="json", exclude={"seed", "workers"})]
        found += [self.engines[name].model_dump(mode="json") for name in engines]
        if model == CHAMPION:
            found.append(self.champion.model_dump(mode="json"))
        return text_hash(found)


def read_settings(raw: Mapping[str, Any], snapshot: Snapshot, run: str) -> Settings:
    """Settings of a tracked run out of its ``parameters.json``.

    Parameters
    ----------
    raw
        Nested plain configuration of the pipeline run.
    snapshot
        Its snapshot.
    run
        How messages name it.

    Raises
    ------
    ConfigError
        A section is missing, or is not what this version of soyoil understands.
    """
    names = ("profile", "split", "weights", "fit", "champion", *ENGINES)
    missing = [name for name in names if name not in raw]
    if missing:
        raise ConfigError(
            f"explain.runs: the parameters of {run} hold no {', '.join(missing)}, as those of an "
            "earlier version. It cannot be fitted again; run it anew with this version."
        )
    try:
        profile = str(raw["profile"])
        return Settings(
            snapshot=snapshot,
            split=SplitConfig.model_validate(raw["split"]).for_profile(profile),
            profile=profile,
            weights=WeightsConfig.model_validate(raw["weights"]),
            fit=FitConfig.model_validate(raw["fit"]),
            engines={name: spec.config.model_validate(raw[name]) for name, spec in ENGINES.items()},
            champion=ChampionConfig.model_validate(raw["champion"]),
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"explain.runs: the parameters of {run} are not understood by this version "
            f"({error.title}{f'.{where}' if where else ''}: {first['msg']}). It cannot be fitted "
            "again; run it anew with this version."
        ) from None


@dataclass(frozen=True, eq=False)
class Sides:
    """Both runs of a pair.

    Attributes
    ----------
    a, b
        Settings of A and of B.
    """

    a: Settings
    b: Settings
    _mixed: dict[tuple[bool, bool], Snapshot] = field(default_factory=dict)

    def differing(self, model: str) -> tuple[Cause, ...]:
        """Causes in which both runs differ, as far as a model uses them."""
        return tuple(c for c in CAUSES if self.a.used(c, model) != self.b.used(c, model))

    def swapped(self, from_b: Coalition) -> Settings:
        """Settings of A with those of B for some causes."""

        def side(cause: Cause) -> Settings:
            return self.b if cause in from_b else self.a

        fit = side("params").fit.model_copy(update={"seed": side("seed").fit.seed})
        return Settings(
            snapshot=self._snapshot("data" in from_b, "weights" in from_b),
            split=side("split").split,
            profile=side("split").profile,
            weights=side("weights").weights,
            fit=fit,
            engines=side("params").engines,
            champion=side("params").champion,
        )

    def _snapshot(self, data_of_b: bool, regimes_of_b: bool) -> Snapshot:
        """Matrix of one run with the regime table of one; weights alone are made from the table."""
        key = (data_of_b, regimes_of_b)
        if key not in self._mixed:
            data, table = (self.b if from_b else self.a for from_b in key)
            same = data.regimes == table.regimes
            whole = (
                data.snapshot if same else replace(data.snapshot, regimes=table.snapshot.regimes)
            )
            self._mixed[key] = whole
        return self._mixed[key]
