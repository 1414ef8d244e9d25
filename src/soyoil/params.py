"""The typed schema of all parameters and its check before any node runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, Self, get_args
from urllib.parse import unquote

from pydantic import Field, ValidationError, create_model, model_validator

from soyoil.audit.config import AuditConfig
from soyoil.base.config import OTHER_KIND, Config, reason_of_bound
from soyoil.base.errors import ConfigError
from soyoil.base.redact import HIDDEN, is_secret_name, redact
from soyoil.base.suggest import nearest
from soyoil.compare.config import CompareConfig
from soyoil.contracts.contract import load_contract
from soyoil.explain.config import ExplainConfig
from soyoil.export.config import ExportConfig
from soyoil.external.config import ExternalConfig
from soyoil.features.config import FeaturesConfig
from soyoil.forecast.config import ForecastConfig
from soyoil.leakage.config import LeakcheckConfig, ReplayConfig
from soyoil.market.instruments import check_roots
from soyoil.models.backends.machines import check_installed
from soyoil.models.champion import ChampionConfig
from soyoil.models.config import EngineConfig, FitConfig
from soyoil.models.engines import ENGINES
from soyoil.models.selection import check_columns, check_groups, group_of
from soyoil.panel.ablation.config import AblationConfig
from soyoil.panel.config import PanelConfig
from soyoil.regimes.table import RegimeConfig, regime_frame
from soyoil.regimes.weights import WeightsConfig as WeightsConfig
from soyoil.sources.base import SourceConfig
from soyoil.splits.plan import SplitConfig
from soyoil.sweep.config import SweepConfig

Profile = Literal["quick", "full"]


_NEVER_SHOWN: Final = ("storage",)
"""Parameters whose wrong values may be a secret in whatever form."""
_GROUP: Final = "a group of parameters: write its keys as `key: value` lines below it"
_MESSAGES: Final = {
    "model_type": _GROUP,
    "model_attributes_type": _GROUP,
    "dict_type": _GROUP,
    "tuple_type": "write a list, or A+B",
    "list_type": "write a list, each entry behind a hyphen",
    "string_pattern_mismatch": "letters, digits and _ only",
}
"""What pydantic says in terms of Python, by the type of its error."""


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


class Sections(Config):
    """Every parameter of the project but those of engines."""

    profile: Profile
    source: SourceConfig
    external: ExternalConfig = ExternalConfig()
    features: FeaturesConfig = FeaturesConfig()
    target: TargetConfig
    regimes: list[RegimeConfig]
    split: SplitConfig
    weights: WeightsConfig
    fit: FitConfig
    champion: ChampionConfig
    forecast: ForecastConfig = ForecastConfig()
    export: ExportConfig = ExportConfig()
    sweep: SweepConfig
    compare: CompareConfig
    explain: ExplainConfig = ExplainConfig()
    panel: PanelConfig = PanelConfig()
    ablation: AblationConfig = AblationConfig()
    tracking: TrackingConfig
    audit: AuditConfig = AuditConfig()
    replay: ReplayConfig = ReplayConfig()
    leakcheck: LeakcheckConfig = LeakcheckConfig()

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_roots(self.source.symbols)
        if self.target.symbol not in self.source.symbols:
            raise ValueError(
                f"target.symbol={self.target.symbol} is not among "
                f"source.symbols={'+'.join(self.source.symbols)}: the target needs bars"
            )
        self.panel.check(self.source.symbols)
        self.external.check(self.source.kind)
        check_installed(self.fit.backend)
        columns = load_contract("features.daily_ml_matrix").feature_columns()
        check_groups(columns, self.fit.feature_groups)
        self.ablation.check(columns)
        self.features.check(columns)
        self.features.check_given(self.fit.feature_groups, "fit.feature_groups")
        for name in ("groups", "base"):
            self.features.check_given(getattr(self.ablation, name), f"ablation.{name}")
        for name in ENGINES:
            config: EngineConfig = getattr(self, name)
            own = config.own_columns() or ()
            check_columns(columns, own, name)
            self.features.check_given([group_of(column) for column in own], f"{name}.features")
        regime_frame(self.regimes)
        return self


def _with_engines() -> type[Sections]:
    engines: dict[str, Any] = {name: (spec.config, ...) for name, spec in ENGINES.items()}
    return create_model("Parameters", __base__=Sections, **engines)


Parameters: Final = _with_engines()
"""Every parameter of the project, one section per engine; unknown keys are refused."""


def known_keys(model: type[Config], prefix: str = "") -> list[str]:
    """Dotted names of all keys below a config model."""
    names: list[str] = []
    for name, field in model.model_fields.items():
        names.append(f"{prefix}{name}")
        nested = next(iter(get_args(field.annotation)), field.annotation)
        if isinstance(nested, type) and issubclass(nested, Config):
            names += known_keys(nested, f"{prefix}{name}.")
    return names


def _explain(error: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        plain = ".".join(str(part) for part in error["loc"] if not isinstance(part, int))
        known = [k for k in known_keys(Parameters) if not plain.startswith(f"{k}.")]
        near = nearest(plain, known, cutoff=0.5)
        siblings = [k for k in known if k.rpartition(".")[0] == plain.rpartition(".")[0]]
        hint = f" Did you mean {near[0]!r}?" if near else ""
        allowed = f" Known keys there: {', '.join(siblings)}." if siblings else ""
        return f"unknown parameter {where!r}.{hint}{allowed}"
    if error["type"] == OTHER_KIND:
        key = str(error["ctx"]["key"])
        shown = _shown(key, error["ctx"]["value"])
        return f"parameter {f'{where}.{key}'.strip('.')!r} is {shown}: {error['ctx']['message']}"
    message = _MESSAGES.get(error["type"], str(error["msg"]).removeprefix("Value error, "))
    if not where:
        return message
    if isinstance(error["input"], Mapping) and error["type"] == "value_error":
        # A rule over several keys: its message names them, the values would only repeat them.
        return f"{where}: {message}"
    if error["type"] == "missing":
        return f"parameter {where!r} is missing"
    shown = _shown(str(error["loc"][-1]), error["input"])
    why = reason_of_bound(Parameters, error["loc"]) if error["type"] == "less_than_equal" else ""
    return f"parameter {where!r} is {shown}: {message}{why}"


def _shown(name: str, value: Any) -> str:
    """Value for a message: whole, or not at all if a part of it may be a secret."""
    text = repr(value)
    plain = unquote(unquote(text))
    secret = name in _NEVER_SHOWN or is_secret_name(name) or redact(plain) != plain
    return HIDDEN if secret else text


def check_parameters(raw: Mapping[str, Any]) -> Sections:
    """Validate raw parameters, run-time ones included.

    Raises
    ------
    ConfigError
        Naming each wrong key or value and what is allowed.
    RegimeError
        The regimes are no partition of time.
    """
    try:
        return Parameters.model_validate(dict(raw))
    except ValidationError as error:
        lines = [_explain(dict(item)) for item in error.errors(include_url=False)]
        raise ConfigError("Wrong parameters: " + "; ".join(lines)) from None
