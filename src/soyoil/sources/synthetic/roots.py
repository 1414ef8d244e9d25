"""What sets the synthetic roots apart: level, volatility, loadings, delivery cycle, volume.

Figures are round numbers near the real markets of 2010 to 2025; none is fitted.
"""

from __future__ import annotations

from dataclasses import dataclass

from soyoil.market.instruments import get_instrument

MONTH_CODES = "FGHJKMNQUVXZ"
_EVERY_MONTH = MONTH_CODES
_QUARTERS = "HMUZ"


@dataclass(frozen=True)
class RootSpec:
    """Constants of one synthetic root.

    Attributes
    ----------
    level
        Price on the first session, quoted units.
    volatility
        Annual standard deviation of log returns.
    grain, energy, risk
        Loadings on the common factors; their squares sum to less than one.
    listed, liquid
        Delivery months that exist, and those that lead by volume.
    roll_lead
        Calendar days before the first of the delivery month on which volume moves on, on
        average; negative where it moves within that month.
    roll_jitter
        Half-width of the uniform scatter about `roll_lead`, days.
    gap
        Mean absolute log difference between neighbouring liquid contracts.
    volume
        Median lots per session of the front contract.
    season
        Amplitude of the yearly cycle of log volatility, and its peak as day of the year.
    is_grain
        Whether the root keeps the CBOT grain calendar.
    """

    level: float
    volatility: float
    grain: float
    energy: float
    risk: float
    listed: str
    liquid: str
    roll_lead: int
    roll_jitter: int
    gap: float
    volume: int
    season: tuple[float, float] = (0.0, 0.0)
    is_grain: bool = False


def _grain(
    level: float,
    volatility: float,
    loadings: tuple[float, float, float],
    months: tuple[str, str],
    size: tuple[float, int],
) -> RootSpec:
    return RootSpec(
        level, volatility, *loadings, *months, 9, 4, *size, season=(0.22, 195.0), is_grain=True
    )


def _energy(
    level: float, volatility: float, loadings: tuple[float, float, float], gap: float, volume: int
) -> RootSpec:
    return RootSpec(
        level, volatility, *loadings, _EVERY_MONTH, _EVERY_MONTH, 15, 2, gap, volume, (0.08, 20.0)
    )


def _financial(
    level: float,
    volatility: float,
    loadings: tuple[float, float, float],
    lead: int,
    size: tuple[float, int],
) -> RootSpec:
    return RootSpec(level, volatility, *loadings, _QUARTERS, _QUARTERS, lead, 1, *size)


ROOT_SPECS: dict[str, RootSpec] = {
    "ZL": _grain(38.0, 0.235, (0.62, 0.38, 0.10), ("FHKNQUVZ", "FHKNQZ"), (0.010, 60_000)),
    "ZS": _grain(940.0, 0.21, (0.88, 0.12, 0.10), ("FHKNQUX", "FHKNX"), (0.011, 110_000)),
    "ZM": _grain(280.0, 0.26, (0.74, 0.00, 0.05), ("FHKNQUVZ", "FHKNZ"), (0.014, 55_000)),
    "ZC": _grain(350.0, 0.27, (0.68, 0.16, 0.08), ("HKNUZ", "HKNUZ"), (0.014, 160_000)),
    "ZW": _grain(440.0, 0.31, (0.62, 0.12, 0.08), ("HKNUZ", "HKNUZ"), (0.016, 70_000)),
    "CL": _energy(72.0, 0.36, (0.0, 0.92, 0.22), 0.008, 320_000),
    "HO": _energy(2.0, 0.32, (0.0, 0.92, 0.20), 0.008, 55_000),
    "RB": _energy(2.05, 0.35, (0.0, 0.88, 0.20), 0.012, 55_000),
    "NG": _energy(4.8, 0.50, (0.0, 0.25, 0.05), 0.022, 140_000),
    "GC": RootSpec(1240.0, 0.16, 0.1, 0.1, 0.1, "GJMQVZ", "GJMQZ", 4, 2, 0.004, 170_000),
    "HG": RootSpec(2.8, 0.22, 0.1, 0.25, 0.45, "HKNUZ", "HKNUZ", 4, 2, 0.004, 50_000),
    "ES": _financial(1060.0, 0.17, (0.0, 0.05, 0.90), -9, (0.003, 1_400_000)),
    "MES": _financial(1060.0, 0.17, (0.0, 0.05, 0.90), -9, (0.003, 900_000)),
    "ZN": _financial(120.0, 0.055, (0.0, -0.10, -0.35), 4, (0.006, 1_200_000)),
    "6E": _financial(1.2, 0.085, (0.05, 0.1, 0.25), -9, (0.003, 180_000)),
    "6L": RootSpec(0.54, 0.15, 0.1, 0.1, 0.45, _EVERY_MONTH, _EVERY_MONTH, 2, 1, 0.006, 4_000),
}


def root_spec(root: str) -> RootSpec:
    """Constants of a root; a known instrument without an entry gets a financial default.

    Raises
    ------
    ConfigError
        If the root is no known instrument.
    """
    get_instrument(root)
    return ROOT_SPECS.get(root) or _financial(100.0, 0.20, (0.1, 0.1, 0.3), 4, (0.005, 50_000))


def instrument_id(root: str, year: int, month: int) -> int:
    """Readable id of a delivery contract: the root in base 36, then year and month."""
    return int(root, 36) * 1_000_000 + year * 100 + month
