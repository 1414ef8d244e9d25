"""From a point of the search space to a configuration that can be fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from pydantic import ValidationError

from soyoil.base.config import Config
from soyoil.base.errors import ConfigError
from soyoil.models.backends.machines import MACHINES
from soyoil.models.config import ALL_GROUPS, EngineConfig, FitConfig
from soyoil.regimes.weights import WeightsConfig
from soyoil.sweep.config import Choice, Dimension, FloatRange, IntRange, Value

if TYPE_CHECKING:
    from optuna import Trial

LOCAL: Final = (*sorted(MACHINES), "threads")
"""Keys of ``fit`` that belong to a machine, not to a configuration."""


@dataclass(frozen=True)
class TrialConfig:
    """Everything that a trial may vary.

    Attributes
    ----------
    model
        Engine.
    engine
        Its configuration.
    fit, weights
        As in the parameters.
    """

    model: str
    engine: EngineConfig
    fit: FitConfig
    weights: WeightsConfig

    def sections(self) -> dict[str, Config]:
        """Configurations by their section of the parameters."""
        return {self.model: self.engine, "fit": self.fit, "weights": self.weights}

    def with_values(self, values: Mapping[str, Value]) -> TrialConfig:
        """The configuration with some keys replaced.

        Parameters
        ----------
        values
            By dotted key of the parameters.

        Raises
        ------
        ConfigError
            If the values do not go together.
        """
        parts = {}
        for name, section in self.sections().items():
            own = {
                key.partition(".")[2]: value
                for key, value in values.items()
                if key.partition(".")[0] == name
            }
            try:
                parts[name] = type(section).model_validate({**section.model_dump(), **own})
            except ValidationError as error:
                reasons = "; ".join(
                    str(item["msg"]).removeprefix("Value error, ") for item in error.errors()
                )
                raise ConfigError(f"{name} does not take {own}: {reasons}") from None
        return TrialConfig(
            model=self.model,
            engine=parts[self.model],  # type: ignore[arg-type]
            fit=parts["fit"],  # type: ignore[arg-type]
            weights=parts["weights"],  # type: ignore[arg-type]
        )

    def value_of(self, key: str) -> Any:
        """Value of a dotted key, a list written as on the command line."""
        section, _, field = key.partition(".")
        value = getattr(self.sections()[section], field)
        if isinstance(value, tuple):
            return "+".join(value) or ALL_GROUPS
        return value

    def dump(self) -> dict[str, dict[str, Any]]:
        """Plain data by section, without what belongs to a machine."""
        out = {name: part.model_dump(mode="json") for name, part in self.sections().items()}
        for key in LOCAL:
            del out["fit"][key]
        return out

    def changed(self) -> dict[str, Value]:
        """Scalar values by dotted key that are not the defaults of their type."""
        out: dict[str, Value] = {}
        for name, section in self.sections().items():
            for field, info in type(section).model_fields.items():
                value = getattr(section, field)
                if value == info.default or (name == "fit" and field in LOCAL):
                    continue
                if isinstance(value, bool | int | float | str):
                    out[f"{name}.{field}"] = value
        return out


def suggest(trial: Trial, key: str, dimension: Dimension) -> Value:
    """Draw one value of a dimension."""
    if isinstance(dimension, IntRange):
        found = trial.suggest_int(
            key, dimension.low, dimension.high, log=dimension.log, step=dimension.step
        )
        return int(found)
    if isinstance(dimension, FloatRange):
        return float(trial.suggest_float(key, dimension.low, dimension.high, log=dimension.log))
    chosen = trial.suggest_categorical(key, dimension.values)
    return cast("Value", chosen)


def present_point(base: TrialConfig, dimensions: Mapping[str, Dimension]) -> dict[str, Value]:
    """The values that a configuration has now, where the search space holds them."""
    values = {key: base.value_of(key) for key in dimensions}
    return {key: value for key, value in values.items() if dimensions[key].contains(value)}


def command_text(value: Value) -> str:
    """A value as ``--params`` takes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def searches_groups(dimensions: Mapping[str, Dimension]) -> tuple[str, ...]:
    """Feature groups that some value of ``fit.feature_groups`` names."""
    dimension = dimensions.get("fit.feature_groups")
    if not isinstance(dimension, Choice):
        return ()
    named = (str(value).split("+") for value in dimension.values if value != ALL_GROUPS)
    return tuple(dict.fromkeys(group for groups in named for group in groups))
