"""The typed schema of all parameters and its check before any node runs."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, Self
from urllib.parse import unquote

from pydantic import Field, ValidationError, model_validator

from soyoil.checks.config import AuditConfig
from soyoil.config import WHY, Config
from soyoil.errors import ConfigError
from soyoil.experiments.compare_config import CompareConfig
from soyoil.experiments.config import SweepConfig
from soyoil.models.config import FitConfig, LightGBMConfig, TFTConfig, XGBoostConfig
from soyoil.models.selection import check_groups
from soyoil.redact import HIDDEN, is_secret_name, redact
from soyoil.regimes.table import RegimeConfig
from soyoil.regimes.weights import WeightsConfig as WeightsConfig
from soyoil.sources.base import SourceConfig
from soyoil.splits.plan import SplitConfig
from soyoil.warehouse.contract import load_contract

Profile = Literal["quick", "full"]


_NEVER_SHOWN: Final = ("storage",)
"""Parameters whose wrong values may be a secret in whatever form."""


class TargetConfig(Config):
    """What is forecast.

    Attributes
    ----------
    symbol
        Root whose roll-free return is the label.
    """

    symbol: str = "ZL"


class TrackingConfig(Config):
    """Where runs are tracked.

    Attributes
    ----------
    experiment
        Name of the MLflow experiment.
    """

    experiment: str = Field(default="soyoil", min_length=1)


class Parameters(Config):
    """Every parameter of the project; unknown keys are refused."""

    profile: Profile
    source: SourceConfig
    target: TargetConfig
    regimes: list[RegimeConfig]
    split: SplitConfig
    weights: WeightsConfig
    fit: FitConfig
    lightgbm: LightGBMConfig
    xgboost: XGBoostConfig
    tft: TFTConfig
    sweep: SweepConfig
    compare: CompareConfig
    tracking: TrackingConfig
    audit: AuditConfig = AuditConfig()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.target.symbol not in self.source.symbols:
            raise ValueError(
                f"target.symbol={self.target.symbol} is not among "
                f"source.symbols={'+'.join(self.source.symbols)}: the target needs bars"
            )
        if self.fit.feature_groups:
            matrix = load_contract("features.daily_ml_matrix")
            check_groups(matrix.feature_columns(), self.fit.feature_groups)
        return self


def known_keys(model: type[Config], prefix: str = "") -> list[str]:
    """Dotted names of all keys below a config model."""
    names: list[str] = []
    for name, field in model.model_fields.items():
        names.append(f"{prefix}{name}")
        nested = field.annotation
        if isinstance(nested, type) and issubclass(nested, Config):
            names += known_keys(nested, f"{prefix}{name}.")
    return names


def _explain(error: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(where, known_keys(Parameters), n=1, cutoff=0.5)
        siblings = [
            key
            for key in known_keys(Parameters)
            if key.rpartition(".")[0] == where.rpartition(".")[0]
        ]
        hint = f" Did you mean {near[0]!r}?" if near else ""
        allowed = f" Known keys there: {', '.join(siblings)}." if siblings else ""
        return f"unknown parameter {where!r}.{hint}{allowed}"
    message = str(error["msg"]).removeprefix("Value error, ")
    if not where:
        return message
    if isinstance(error["input"], Mapping) and error["type"] == "value_error":
        # A rule over several keys: its message names them, the values would only repeat them.
        return f"{where}: {message}"
    if error["type"] == "missing":
        return f"parameter {where!r} is missing"
    shown = _shown(str(error["loc"][-1]), error["input"])
    why = _reason(error["loc"]) if error["type"] == "less_than_equal" else ""
    return f"parameter {where!r} is {shown}: {message}{why}"


def _reason(place: Sequence[str | int]) -> str:
    """Reason of a number's upper bound, as a clause after the message."""
    model: type[Config] | None = Parameters
    for name in place:
        field = None if model is None else model.model_fields.get(str(name))
        if field is None:
            return ""
        extra = field.json_schema_extra
        if isinstance(extra, dict) and WHY in extra:
            return f" ({extra[WHY]})"
        nested = field.annotation
        model = nested if isinstance(nested, type) and issubclass(nested, Config) else None
    return ""


def _shown(name: str, value: Any) -> str:
    """Value for a message: whole, or not at all if a part of it may be a secret."""
    text = repr(value)
    plain = unquote(unquote(text))
    secret = name in _NEVER_SHOWN or is_secret_name(name) or redact(plain) != plain
    return HIDDEN if secret else text


def check_parameters(raw: Mapping[str, Any]) -> Parameters:
    """Validate raw parameters, run-time ones included.

    Raises
    ------
    ConfigError
        Naming each wrong key or value and what is allowed.
    """
    try:
        return Parameters.model_validate(dict(raw))
    except ValidationError as error:
        lines = [_explain(dict(item)) for item in error.errors(include_url=False)]
        raise ConfigError("Wrong parameters: " + "; ".join(lines)) from None
