"""Which groups of features the matrix holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import field_validator

from soyoil.base.config import Config
from soyoil.base.suggest import did_you_mean

ALWAYS: Final = "market_data"
"""Group that cannot be switched off: labels and scales are made of it."""
FIXED: Final = "regime"
"""Group that is there whether it is named or not: it holds the regime of every row."""
ALL: Final = "all"


def group_of(column: str) -> str:
    """Feature group of a matrix column: the STRUCT that holds it."""
    return column.partition(".")[0]


class FeaturesConfig(Config):
    """Which groups of features the matrix holds.

    Attributes
    ----------
    groups
        Groups that are computed; the columns of the others are NULL, and no model gets them. None
        (or ``all``) computes every group.
    """

    groups: tuple[str, ...] | None = None

    @field_validator("groups", mode="before")
    @classmethod
    def _split_groups(cls, value: object) -> object:
        # `--params=features.groups=market_data+pivots`: Kedro's own list separator.
        if isinstance(value, str):
            return None if value == ALL else tuple(value.split("+"))
        return value

    def has(self, group: str) -> bool:
        """Whether a group is computed."""
        return self.groups is None or group in self.groups or group == FIXED

    def check(self, columns: Sequence[str]) -> None:
        """Refuse groups that the matrix does not know, and a matrix without `ALWAYS`.

        Parameters
        ----------
        columns
            Feature columns of the matrix, ``<group>.<field>``.

        Raises
        ------
        ValueError
            Naming the group, and all known ones.
        """
        known = list(dict.fromkeys(group_of(name) for name in columns))
        for group in self.groups or ():
            if group not in known:
                raise ValueError(
                    f"Unknown group {group!r} in features.groups.{did_you_mean(group, known)} "
                    f"Known groups: {', '.join(known)}"
                )
        if not self.has(ALWAYS):
            raise ValueError(
                f"features.groups lacks {ALWAYS}, of which labels and scales are made: add it"
            )

    def check_given(self, groups: Sequence[str], where: str) -> None:
        """Refuse a model that is to get groups which are not computed.

        Parameters
        ----------
        groups
            Groups that the model names.
        where
            Parameter that names them.

        Raises
        ------
        ValueError
            Naming both parameters.
        """
        off = [group for group in dict.fromkeys(groups) if not self.has(group)]
        if off:
            raise ValueError(
                f"{where} names the groups {', '.join(off)}, which features.groups leaves out: add "
                f"them there, or name none of them in {where}"
            )


EVERY_GROUP: Final = FeaturesConfig()
"""A matrix with all groups."""
