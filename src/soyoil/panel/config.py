"""Configuration of the panel."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BeforeValidator, model_validator

from soyoil.base.config import SESSIONS, Config, bounded
from soyoil.base.errors import ConfigError
from soyoil.base.suggest import did_you_mean
from soyoil.market.instruments import check_roots
from soyoil.models.engines import ENGINES


def _split(value: object) -> object:
    # `--params=panel.symbols=ZL+CL`: Kedro's own list separator on the command line.
    return tuple(value.split("+")) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_split)]


class PanelConfig(Config):
    """Which roots make the panel, and which of them count.

    Attributes
    ----------
    symbols
        Roots that are forecast, each on its own session index; empty: those of
        ``source.symbols``.
    exclude
        Roots that are scored and shown, but count neither in the mean nor in the gate: the root
        that a method was developed on.
    engines
        Engines that are fitted on every root, one more expert of the champion each; none by
        default.
    min_rows
        Fewer scored rows are too short a history, as is less than one independent label.
    """

    symbols: Names = ()
    exclude: Names = ()
    engines: Names = ()
    min_rows: int = bounded(100, ge=2, **SESSIONS)

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in ("symbols", "exclude", "engines"):
            roots: tuple[str, ...] = getattr(self, name)
            repeated = sorted({root for root in roots if roots.count(root) > 1})
            if repeated:
                raise ValueError(f"panel.{name} names {', '.join(repeated)} more than once")
        return self

    def roots(self, available: tuple[str, ...]) -> tuple[str, ...]:
        """Roots of the panel in order; `available` are those of the source."""
        return self.symbols or available

    def check(self, available: tuple[str, ...]) -> None:
        """Check roots and engines against the registries, and roots against each other.

        Parameters
        ----------
        available
            Roots of the source.

        Raises
        ------
        ConfigError
            A root or an engine is not known.
        ValueError
            A root is left out that is not in the panel, or all of them are.
        """
        check_roots(self.symbols, "panel.symbols")
        check_roots(self.exclude, "panel.exclude")
        for engine in self.engines:
            if engine not in ENGINES:
                raise ConfigError(
                    f"Unknown engine {engine!r} in panel.engines.{did_you_mean(engine, ENGINES)} "
                    f"Known engines: {', '.join(ENGINES)}."
                )
        roots = self.roots(available)
        named = "+".join(roots)
        foreign = [root for root in self.exclude if root not in roots]
        if foreign:
            raise ValueError(
                f"panel.exclude names {foreign[0]}, which is no root of the panel: {named}"
            )
        if set(self.exclude) >= set(roots):
            raise ValueError(
                f"panel.exclude leaves none of the roots of the panel ({named}) for the mean"
            )
