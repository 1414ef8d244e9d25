"""Configuration of the ablation by feature group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Self

from pydantic import model_validator

from soyoil.base.config import Config
from soyoil.base.errors import ConfigError
from soyoil.base.suggest import did_you_mean
from soyoil.external.registry import GROUPS as OUTSIDE_GROUPS
from soyoil.features.outside import ON_REQUEST
from soyoil.models.engines import ENGINES
from soyoil.models.selection import group_of
from soyoil.panel.config import Names

SOY: Final = ("ZL", "ZS", "ZM")
CROPS: Final = (*SOY, "ZC", "ZW")

APPLIES: Final[dict[str, tuple[str, ...]]] = {
    "fundamentals": SOY,
    "export_sales": SOY,
    "weather": CROPS,
    "energy_biofuel": ("ZL", "ZS", "ZM", "HO"),
    "vegoils": SOY,
    "policy": CROPS,
}
"""Roots that a group is about; one that is not here is about every root where it has values."""


class AblationConfig(Config):
    """Which groups are tried, and beside what.

    Attributes
    ----------
    engine
        Engine that is given the groups; one that takes its columns from ``fit.feature_groups``.
    groups
        Groups to try, each on its own beside `base`; empty: every group of an outside source that
        has values.
    base
        Groups that the engine always has; empty: every group that is made from bars and that
        models are given unasked.
    """

    engine: str = "lightgbm"
    groups: Names = ()
    base: Names = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in ("groups", "base"):
            values: tuple[str, ...] = getattr(self, name)
            repeated = sorted({value for value in values if values.count(value) > 1})
            if repeated:
                raise ValueError(f"ablation.{name} names {', '.join(repeated)} more than once")
        both = [group for group in self.groups if group in self.base]
        if both:
            raise ValueError(
                f"ablation.groups and ablation.base both name {', '.join(both)}: what a group adds "
                "is asked of a base without it"
            )
        return self

    def check(self, columns: Sequence[str]) -> None:
        """Check engine and groups against the registries.

        Parameters
        ----------
        columns
            Feature columns of the matrix, ``<group>.<field>``.

        Raises
        ------
        ConfigError
            Naming what is unknown, and what is allowed.
        """
        allowed = [name for name, spec in ENGINES.items() if spec.config().own_columns() is None]
        if self.engine not in allowed:
            raise ConfigError(
                f"ablation.engine={self.engine} takes no feature groups or is no engine."
                f"{did_you_mean(self.engine, allowed)} Allowed: {', '.join(allowed)}."
            )
        known = list(dict.fromkeys(map(group_of, columns)))
        for name in ("groups", "base"):
            for group in getattr(self, name):
                if group not in known:
                    raise ConfigError(
                        f"Unknown group {group!r} in ablation.{name}.{did_you_mean(group, known)} "
                        f"Known groups: {', '.join(known)}."
                    )

    def base_of(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Groups that the engine always has.

        Parameters
        ----------
        columns
            Feature columns of the matrix.
        """
        known = dict.fromkeys(map(group_of, columns))
        tried = {*OUTSIDE_GROUPS, *ON_REQUEST, *self.groups}
        return self.base or tuple(group for group in known if group not in tried)


def roots_of(group: str, symbols: Sequence[str]) -> tuple[str, ...]:
    """Roots of a panel that a group is about, in their order."""
    about = APPLIES.get(group)
    return tuple(symbol for symbol in symbols if about is None or symbol in about)
