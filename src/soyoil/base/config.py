"""Base of the typed configuration objects."""

from __future__ import annotations

import datetime as dt
import re
import types
from collections.abc import Mapping, Sequence
from typing import Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

WHY: Final = "why"
"""Key in a field's extra schema: reason of its upper bound, for messages."""
OTHER_KIND: Final = "other_kind"
"""Type of the error about a value of another kind; its context has key, value and message."""
SESSIONS: Final[dict[str, Any]] = {"le": 20_000, "why": "a year has about 250 sessions"}
"""Bound of a number of sessions, for `bounded`."""


class Config(BaseModel):
    """Immutable configuration that refuses unknown keys.

    Strings are not coerced to numbers silently beyond what pydantic's lax mode allows for
    command-line input (``"5"`` to ``5``); anything else is a validation error that names
    the key, the value and what is allowed. ``true`` and ``false`` are no numbers, nor are
    infinities; numbers are no dates (pydantic would count seconds from 1970); only ``true`` and
    ``false`` are truth values, not 1, ``"no"`` or ``"t"``.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False
    )

    # For the whole model: a validator of every field may not stand before a discriminator's.
    @model_validator(mode="before")
    @classmethod
    def _refuse_other_kinds(cls, values: Any) -> Any:
        for name, value in values.items() if isinstance(values, Mapping) else ():
            if name not in cls.model_fields:
                continue
            members = _members(cls.model_fields[name].annotation)
            if isinstance(value, bool) and members & {int, float} and bool not in members:
                raise _other_kind(name, value, "no number", "write digits")
            if dt.date in members and _is_number(value):
                raise _other_kind(name, value, "no date", "write YYYY-MM-DD")
            if members == {bool} and not isinstance(value, bool):
                raise _other_kind(name, value, "no truth value", "write true or false")
        return values


def _other_kind(name: str, value: object, problem: str, remedy: str) -> PydanticCustomError:
    # The value is shown by whoever makes the message, for it may be a secret.
    return PydanticCustomError(
        OTHER_KIND,
        "{key}: {message}",
        {"key": name, "value": value, "message": f"{problem}; {remedy}"},
    )


def _is_number(value: object) -> bool:
    if isinstance(value, str):
        return re.fullmatch(r"\s*[-+]?[0-9_.]+\s*", value) is not None
    return isinstance(value, (int, float))


def _members(annotation: Any) -> set[Any]:
    if get_origin(annotation) in (Union, types.UnionType):
        return {m for part in get_args(annotation) for m in _members(part)}
    return {annotation}


def bounded(default: Any, *, le: float, why: str, **limits: Any) -> Any:
    """Field of a number with an upper bound whose reason stands in the message of a refusal.

    Parameters
    ----------
    default
        Default value.
    le
        Greatest value.
    why
        Reason of the bound, a clause.
    **limits
        Further arguments of `pydantic.Field`, such as ``ge``.
    """
    return Field(default=default, le=le, json_schema_extra={WHY: why}, **limits)


def reason_of_bound(model: Any, place: Sequence[str | int]) -> str:
    """Reason of a number's upper bound, as a clause after the message; empty if there is none.

    Parameters
    ----------
    model
        Class at which the place begins.
    place
        Names of fields and positions in lists, as in an error of pydantic.
    """
    for name in place:
        if isinstance(name, int):
            continue
        field = model.model_fields.get(name) if _is_config(model) else None
        if field is None:
            return ""
        extra = field.json_schema_extra
        if isinstance(extra, dict) and WHY in extra:
            return f" ({extra[WHY]})"
        inner = get_args(field.annotation) if get_origin(field.annotation) is list else ()
        model = inner[0] if inner else field.annotation
    return ""


def _is_config(model: Any) -> bool:
    return isinstance(model, type) and issubclass(model, Config)
