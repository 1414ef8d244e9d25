"""Names of metrics: ``<scope>.<weighting>.<metric>[.<regime>]``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, cast

Scope = Literal["fold", "pooled"]
Weighting = Literal["uniform", "regime", "macro", "worst"]

SCOPES: Final[tuple[Scope, ...]] = ("fold", "pooled")
WEIGHTINGS: Final[tuple[Weighting, ...]] = ("uniform", "regime", "macro", "worst")

_KEY: Final = re.compile(
    rf"({'|'.join(SCOPES)})\.({'|'.join(WEIGHTINGS)})\.([a-z0-9_]+)(?:\.(.+))?"
)


@dataclass(frozen=True)
class MetricKey:
    """Which score a number is.

    Attributes
    ----------
    metric
        Name of the metric, such as ``skill_pinball``.
    weighting
        ``uniform`` or ``regime`` weights of rows, or ``macro``, the mean over regimes, or
        ``worst``, the worst of them.
    scope
        ``pooled``: over all scored rows; ``fold``: over those of one fold.
    regime
        Regime at the origin, if the score is over its rows only.

    Examples
    --------
    >>> str(MetricKey("mae"))
    'pooled.uniform.mae'
    >>> MetricKey.parse("pooled.uniform.mae.covid").regime
    'covid'
    """

    metric: str
    weighting: Weighting = "uniform"
    scope: Scope = "pooled"
    regime: str | None = None

    def __str__(self) -> str:
        """The key."""
        end = "" if self.regime is None else f".{self.regime}"
        return f"{self.scope}.{self.weighting}.{self.metric}{end}"

    @classmethod
    def parse(cls, key: str) -> MetricKey:
        """The parts of a key.

        Raises
        ------
        ValueError
            If it is none.
        """
        match = _KEY.fullmatch(key)
        if match is None:
            raise ValueError(
                f"{key!r} is no metric key <scope>.<weighting>.<metric>[.<regime>] with scope "
                f"{' or '.join(SCOPES)} and weighting {', '.join(WEIGHTINGS)}"
            )
        scope, weighting, metric, regime = match.groups()
        return cls(metric, cast("Weighting", weighting), cast("Scope", scope), regime)


def pooled(metric: str, weighting: Weighting = "uniform", regime: str | None = None) -> str:
    """Key of a metric over all scored rows, or those of one regime.

    Examples
    --------
    >>> pooled("skill_mae", "worst")
    'pooled.worst.skill_mae'
    """
    return str(MetricKey(metric, weighting, regime=regime))


def is_over_all_rows(key: str) -> bool:
    """Whether a key of a run's metrics is over all its scored rows, not those of a regime."""
    return key.startswith("pooled.") and MetricKey.parse(key).regime is None
