"""What became of a table that was copied, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator

from soyoil.base.config import Config


class SetAside(Config):
    """Rows that break the contract in one way.

    Attributes
    ----------
    column
        Of the contract; several are joined by `` + ``.
    rows
        Their number. A row may break it in several ways.
    examples
        Keys of up to three of them.
    """

    column: str
    reason: str
    rows: int
    examples: tuple[str, ...]


class AdoptionReport(Config):
    """Where rows came from, where they went, and what was left.

    Attributes
    ----------
    source, target
        Tables as the warehouse names them.
    contract, version
        Contract of the target.
    columns
        Column of the source by column of the contract, None where there is none.
    given
        Columns that were named and not guessed.
    not_copied
        Columns of the source without a place in the contract.
    rows
        Of the source.
    fitting
        Rows that satisfy the contract.
    set_aside
        Why the others do not.
    replaced
        Rows that the target holds before.
    rows_hash
        SHA-256 over the fitting rows as they are written, whatever their order.
    written
        Whether they were, or this was only a look.
    """

    source: str
    target: str
    location: str
    contract: str
    version: int
    columns: dict[str, str | None]
    given: tuple[str, ...]
    not_copied: tuple[str, ...]
    rows: int
    fitting: int
    set_aside: tuple[SetAside, ...]
    replaced: int
    rows_hash: str
    written: bool = False

    def lines(self) -> Iterator[str]:
        """Text for the screen."""
        yield f"{self.source} -> {self.target} ({self.contract} version {self.version})"
        width = max(map(len, self.columns))
        for name, theirs in self.columns.items():
            how = "given" if name in self.given else "guessed"
            yield f"  {name:<{width}}  {f'{theirs} ({how})' if theirs else 'no value'}"
        if self.not_copied:
            yield f"  not copied: {', '.join(self.not_copied)}"
        aside = self.rows - self.fitting
        yield f"{self.rows:,} rows, {self.fitting:,} satisfy the contract, {aside:,} set aside"
        for found in self.set_aside:
            keys = ", ".join(found.examples)
            yield f"  {found.rows:,} x {found.column}: {found.reason}, as in {keys}"
        if self.replaced:
            yield f"{self.target} holds {self.replaced:,} rows, which these take the place of"
