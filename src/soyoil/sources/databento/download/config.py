"""What is pulled by API, and for how much."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import model_validator

from soyoil.base.config import Config, bounded

Kind = Literal["continuous", "contracts"]
"""Front months, or every contract of the target."""

FIRST_DAY: Final = dt.date(2010, 6, 6)
"""First day of the dataset GLBX.MDP3."""
BESIDE: Final = "-contracts"
"""What the name of the folder of contracts has more than that of the front months."""


class DownloadConfig(Config):
    """Pulls of bars that are missing in the folders that files are read from.

    Attributes
    ----------
    kind
        ``continuous``: front months, into ``source.path``. ``contracts``: single contracts of
        soybean oil, with their spreads, into `contracts_path`. ``both``: the two of them.
    contracts_path
        Folder of the contracts; None is the one beside ``source.path`` whose name is longer by
        ``-contracts``.
    mode
        None: nothing is pulled. ``range``: one request a file, at once. ``batch``: the vendor
        makes the files in jobs, which are waited for.
    start
        First day.
    end
        First day that is not pulled any more; None is up to the last whole UTC day that the vendor
        has.
    max_cost_usd
        A pull that costs more is refused before anything is pulled.
    wait_minutes
        How long the jobs of a batch are waited for; they are remembered, and a later run fetches
        what they have made.
    """

    kind: Literal["continuous", "contracts", "both"] = "continuous"
    contracts_path: str | None = None
    mode: Literal["range", "batch"] | None = None
    start: dt.date = FIRST_DAY
    end: dt.date | None = None
    max_cost_usd: float = bounded(
        10.0, ge=0.0, le=10_000.0, why="the hourly bars of 15 years cost some tens of dollars"
    )
    wait_minutes: int = bounded(60, ge=0, le=1_440, why="a day; a later run goes on waiting")

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What is pulled, in this order."""
        return ("continuous", "contracts") if self.kind == "both" else (self.kind,)

    def contracts_folder(self, source_path: str) -> Path:
        """Folder of the contracts.

        Parameters
        ----------
        source_path
            ``source.path``.
        """
        if self.contracts_path is not None:
            return Path(self.contracts_path).expanduser()
        path = Path(source_path).expanduser()
        return path.with_name(path.name + BESIDE)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.end is not None and self.end <= self.start:
            raise ValueError(
                f"source.download.end={self.end} is not after source.download.start={self.start}: "
                "there is no day to pull"
            )
        return self
