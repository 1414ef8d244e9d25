"""The horizon registry: the only place that says how long a horizon is."""

from __future__ import annotations

from dataclasses import dataclass

from soyoil.base.errors import ConfigError
from soyoil.base.suggest import did_you_mean


@dataclass(frozen=True)
class Horizon:
    """A forecast horizon.

    Attributes
    ----------
    name
        Short name, for example ``1m``.
    sessions
        Length in sessions of the target's index.
    """

    name: str
    sessions: int

    @property
    def target(self) -> str:
        """Name of the target column; it says horizon and kind."""
        return f"target_{self.name}_log_return"


HORIZONS: dict[str, Horizon] = {
    horizon.name: horizon
    for horizon in (
        Horizon("1w", 5),
        Horizon("1m", 21),
        Horizon("3m", 63),
        Horizon("6m", 126),
        Horizon("12m", 252),
    )
}
"""Every horizon by its name."""


def get_horizon(name: str) -> Horizon:
    """Return a horizon by name.

    Raises
    ------
    ConfigError
        If the horizon is unknown; the message lists the known ones.
    """
    try:
        return HORIZONS[name]
    except KeyError:
        hint = did_you_mean(name, HORIZONS, cutoff=0.3)
        raise ConfigError(
            f"Unknown horizon {name!r}.{hint} Known horizons: {', '.join(HORIZONS)}."
        ) from None
