"""Configuration of sweeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal, Self

from pydantic import Field, TypeAdapter, ValidationError, field_validator, model_validator

from soyoil.base.config import SESSIONS, Config, bounded
from soyoil.base.suggest import did_you_mean
from soyoil.models.config import FitConfig
from soyoil.models.engines import ENGINES
from soyoil.regimes.weights import WeightsConfig
from soyoil.sweep.storage import check_address
from soyoil.targets.horizons import HORIZONS

Value = bool | int | float | str
"""A value that a search dimension takes."""

ALL: Final = "all"

NOT_SEARCHED: Final[Mapping[str, str]] = {
    "fit.seed": "choosing a seed is choosing noise",
    "fit.workers": "it does not change a forecast",
    "fit.threads": "it does not change a forecast",
}
"""Keys that no search space may hold, and why."""


class IntRange(Config):
    """Whole numbers from `low` to `high`, both included.

    Attributes
    ----------
    low, high
        Bounds.
    log
        Whether the logarithm is drawn evenly.
    step
        Distance of neighbouring values; 1 if `log`.
    """

    kind: Literal["int"]
    low: int
    high: int
    log: bool = False
    step: int = bounded(1, ge=1, le=1_000_000, why="no range is longer")

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_bounds(self.low, self.high, log=self.log)
        if self.log and self.step != 1:
            raise ValueError("log and step exclude each other")
        if (self.high - self.low) % self.step:
            raise ValueError(f"high={self.high} is no multiple of step={self.step} above low")
        return self

    @property
    def samples(self) -> tuple[Value, ...]:
        """Values to check a key's own limits with."""
        return (self.low, self.high)

    def contains(self, value: object) -> bool:
        """Whether the dimension can take a value."""
        if isinstance(value, bool) or not isinstance(value, int):
            return False
        return self.low <= value <= self.high and (value - self.low) % self.step == 0


class FloatRange(Config):
    """Numbers from `low` to `high`.

    Attributes
    ----------
    low, high
        Bounds.
    log
        Whether the logarithm is drawn evenly.
    """

    kind: Literal["float"]
    low: float
    high: float
    log: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_bounds(self.low, self.high, log=self.log)
        return self

    @property
    def samples(self) -> tuple[Value, ...]:
        """Values to check a key's own limits with."""
        return (self.low, self.high)

    def contains(self, value: object) -> bool:
        """Whether the dimension can take a value."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return self.low <= value <= self.high


class Choice(Config):
    """One of some values.

    Attributes
    ----------
    values
        Scalars; a list is written with plus signs, as on the command line.
    """

    kind: Literal["choice"]
    values: tuple[Value, ...] = Field(min_length=1)

    @field_validator("values", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(value.split("+")) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len({(type(v), v) for v in self.values}) < len(self.values):
            raise ValueError("a value stands twice")
        return self

    @property
    def samples(self) -> tuple[Value, ...]:
        """Values to check a key's own limits with."""
        return self.values

    def contains(self, value: object) -> bool:
        """Whether the dimension can take a value."""
        return any(type(value) is type(v) and value == v for v in self.values)


Dimension = Annotated[IntRange | FloatRange | Choice, Field(discriminator="kind")]

Section = dict[str, Dimension]


def _check_bounds(low: float, high: float, *, log: bool) -> None:
    if low > high:
        raise ValueError(f"low={low} is above high={high}")
    if log and low <= 0:
        raise ValueError(f"low={low} has no logarithm")


def section_classes(model: str) -> dict[str, type[Config]]:
    """Sections of the parameters that a search space of a model may hold, and their types."""
    return {model: ENGINES[model].config, "fit": FitConfig, "weights": WeightsConfig}


def _unknown(what: str, name: str, known: Sequence[str]) -> str:
    hint = did_you_mean(name, known, cutoff=0.5)
    return f"unknown {what} {name!r} in a search space.{hint} Known: {', '.join(known)}"


def _check_dimension(section: type[Config], key: str, dimension: Dimension) -> None:
    """A key must exist and take every value; rules over several keys are left to the trial."""
    name, _, field = key.partition(".")
    if field not in section.model_fields:
        raise ValueError(
            _unknown("key", key, [f"{name}.{known}" for known in section.model_fields])
        )
    if key in NOT_SEARCHED:
        raise ValueError(f"{key} cannot be searched: {NOT_SEARCHED[key]}")
    for value in dimension.samples:
        try:
            section.model_validate({field: value})
        except ValidationError as error:
            own = [item for item in error.errors() if item["loc"][:1] == (field,)]
            if own:
                raise ValueError(f"{key} cannot be {value!r}: {own[0]['msg']}") from None


def check_space(model: str, space: Mapping[str, Section]) -> None:
    """Refuse keys that the parameters do not have and values that they cannot take.

    Parameters
    ----------
    model
        Engine.
    space
        Dimensions by section and key.

    Raises
    ------
    ValueError
        Naming the key and what is allowed.
    """
    classes = section_classes(model)
    for name, section in space.items():
        if name not in classes:
            raise ValueError(_unknown("section", name, list(classes)))
        for field, dimension in section.items():
            _check_dimension(classes[name], f"{name}.{field}", dimension)


class InnerConfig(Config):
    """Folds inside the training span, by which trials are scored.

    Attributes
    ----------
    folds
        Test blocks, of equal length.
    min_train_rows
        Training rows of the first block at least; the blocks start where there are so many.
    valid_sessions
        Early-stopping block in sessions; None takes ``split.valid_sessions`` and leaves the
        block out where it would leave less than one horizon to test on.
    """

    folds: int = bounded(4, ge=1, le=100, why="each fold is a fit")
    min_train_rows: int = bounded(250, ge=1, le=1_000_000, why="no training set has more rows")
    valid_sessions: int | None = bounded(None, ge=0, **SESSIONS)


class SweepConfig(Config):
    """A search over configurations.

    Attributes
    ----------
    horizon
        Name of a horizon, several joined by plus signs, or ``all``.
    model
        Engine that is searched.
    trials
        Trials of each study in all; those of an earlier run count.
    timeout_s
        No trial starts later than this many seconds after the sweep; None for no limit.
    objective
        ``skill_pinball`` against the vol cone, or ``skill_mae`` against the random walk.
    weighting
        ``uniform``, ``regime`` (weights of the regime table) or ``macro`` (mean over regimes).
    pruner
        ``median`` stops a trial that is worse after some folds than the median of the earlier
        ones, ``wilcoxon`` one that a signed-rank test over folds finds worse than the best,
        ``none`` none.
    startup_trials
        Trials drawn at random before the sampler learns, and before trials are pruned.
    seed
        Root of every trial's seed.
    inner
        Folds that score a trial.
    shared_workers
        Processes that search one study together; 1 keeps it reproducible.
    storage
        Address of a database that workers on several machines share, for example
        ``postgresql+psycopg://user@host/name``, without a password; None keeps a journal file.
        Not reproducible.
    space
        Dimensions by model, section of the parameters, and key.
    """

    horizon: str = "1m"
    model: str = "lightgbm"
    trials: int = bounded(40, ge=1, le=100_000, why="every trial is a run of the whole inner plan")
    timeout_s: float | None = bounded(None, gt=0, le=31_536_000, why="that is a year")
    objective: Literal["skill_pinball", "skill_mae"] = "skill_pinball"
    weighting: Literal["uniform", "regime", "macro"] = "uniform"
    pruner: Literal["median", "wilcoxon", "none"] = "median"
    startup_trials: int = bounded(10, ge=1, le=100_000, why="there are no more trials")
    seed: int = bounded(0, ge=0, le=2**32 - 1, why="the sampler takes seeds of 32 bits")
    inner: InnerConfig = InnerConfig()
    shared_workers: int = bounded(1, ge=1, le=1_024, why="each worker is a process")
    storage: str | None = None
    space: dict[str, dict[str, Section]] = Field(default_factory=dict)

    @field_validator("horizon")
    @classmethod
    def _known_horizons(cls, value: str) -> str:
        names = [] if value == ALL else value.split("+")
        for name in names:
            if name not in HORIZONS:
                raise ValueError(
                    f"must be {', '.join(HORIZONS)}, several joined by + (1w+1m), or {ALL}"
                )
        if len(set(names)) < len(names):
            raise ValueError("names a horizon twice")
        return value

    @field_validator("model")
    @classmethod
    def _known_model(cls, value: str) -> str:
        if value not in ENGINES:
            names = [repr(name) for name in ENGINES]
            raise ValueError(f"Input should be {', '.join(names[:-1])} or {names[-1]}")
        return value

    @field_validator("storage")
    @classmethod
    def _no_password(cls, value: str | None) -> str | None:
        # Parameters are logged with every run.
        if value is not None:
            check_address(value)
        return value

    @model_validator(mode="after")
    def _check(self) -> Self:
        for model, space in self.space.items():
            if model not in ENGINES:
                raise ValueError(_unknown("model", model, list(ENGINES)))
            check_space(model, space)
        return self

    @property
    def horizons(self) -> tuple[str, ...]:
        """Names of the horizons that are searched, ascending."""
        names = list(HORIZONS) if self.horizon == ALL else self.horizon.split("+")
        return tuple(name for name in HORIZONS if name in names)

    @property
    def reproducible(self) -> bool:
        """Whether the same sweep gives the same trials."""
        return self.shared_workers == 1 and self.storage is None

    def _default_space(self) -> dict[str, Section]:
        given = ENGINES[self.model].space
        found: dict[str, Section] = TypeAdapter(dict[str, Section]).validate_python(given)
        check_space(self.model, found)
        return found

    @property
    def dimensions(self) -> dict[str, Dimension]:
        """Search space of the model by dotted key of the parameters, in key order."""
        sections = self.space.get(self.model, self._default_space())
        flat = {
            f"{section}.{key}": dimension
            for section, keys in sections.items()
            for key, dimension in keys.items()
        }
        return dict(sorted(flat.items()))
