"""Base of the typed configuration objects."""

from pydantic import BaseModel, ConfigDict


class Config(BaseModel):
    """Immutable configuration that refuses unknown keys.

    Strings are not coerced to numbers silently beyond what pydantic's lax mode allows for
    command-line input (``"5"`` to ``5``); anything else is a validation error that names
    the key, the value and what is allowed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
