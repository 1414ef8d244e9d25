"""Weather stations that are used where the parameters name no others."""

from __future__ import annotations

from typing import Final, Literal

Region = Literal["us", "brazil", "argentina"]

REGIONS: Final[tuple[Region, ...]] = ("us", "brazil", "argentina")
"""Growing regions of the features."""

STATIONS: Final[dict[str, tuple[Region, float]]] = {
    # Weights in the United States are rough shares of the state in its soybeans.
    "IOWA": ("us", 0.14),
    "USW00014933": ("us", 0.14),
    "725460": ("us", 0.14),
    "USW00094846": ("us", 0.15),
    "725300": ("us", 0.15),
    "INMET_A901": ("brazil", 1.0),
    "AR000875850": ("argentina", 1.0),
    "875850": ("argentina", 1.0),
}
"""Region and weight by station: Iowa as a whole, Des Moines and Chicago as GHCN-Daily and GSOD name
them, Cuiaba in Mato Grosso, Buenos Aires."""
