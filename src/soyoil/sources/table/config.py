"""Which columns of a user's table hold what."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from soyoil.base.config import Config

LEFT_OUT: Final = "none"
"""Value of an optional column that is not to be looked for."""


class TableColumns(Config):
    """Columns of the table behind ``source.kind=warehouse``; None is guessed.

    Attributes
    ----------
    date
        UTC day or trade date of the bar.
    symbol
        Contract code (ZLZ24), continuous symbol (ZL.v.0) or root (ZL).
    root
        Futures root, where it stands apart from the symbol.
    open, high, low, close
        Prices in the quoted unit of the exchange.
    volume
        Lots.
    is_spread
        Whether a row is of a calendar spread; such rows are left out.
    contract
        Contract behind a continuous symbol, a number or a text: what tells rolls.
    """

    date: str | None = Field(default=None, min_length=1)
    symbol: str | None = Field(default=None, min_length=1)
    root: str | None = Field(default=None, min_length=1)
    open: str | None = Field(default=None, min_length=1)
    high: str | None = Field(default=None, min_length=1)
    low: str | None = Field(default=None, min_length=1)
    close: str | None = Field(default=None, min_length=1)
    volume: str | None = Field(default=None, min_length=1)
    is_spread: str | None = Field(default=None, min_length=1)
    contract: str | None = Field(default=None, min_length=1)

    def given(self) -> dict[str, str]:
        """Columns that were named, by role."""
        return {role: name for role, name in self.model_dump().items() if name is not None}
