"""Kedro hook that sets up what is logged, from the checked configuration."""

from __future__ import annotations

import os
from typing import Any, Final

from kedro.config import MissingConfigException
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.project import LOGGING

from soyoil.base.errors import ConfigError
from soyoil.base.redact import redact

OWN: Final = "KEDRO_LOGGING_CONFIG"
"""Environment variable of Kedro's that names another file, which then stands."""
PACKAGE: Final = "soyoil"
"""Where log handlers may come from, beside Kedro's own."""


class LoggingHooks:
    """Take ``logging.yml`` from the configuration's environments.

    Kedro reads ``conf/logging.yml`` while it is imported, and tells of a mistake in it in a
    traceback; so that file only keeps Kedro quiet until this hook runs.
    """

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Apply the configuration of the environment.

        Raises
        ------
        ConfigError
            Naming what cannot be made of it.
        """
        if os.environ.get(OWN):
            return
        try:
            wanted = context.config_loader["logging"]
        except MissingConfigException:
            return
        configure(wanted)


def configure(wanted: dict[str, Any]) -> None:
    """Apply a configuration in the form of `logging.config.dictConfig`.

    Raises
    ------
    ConfigError
        Naming what cannot be made of it.
    """
    if PACKAGE not in LOGGING._logging_module_allowlist:
        # Kedro reads its variable for this before any code of ours runs.
        LOGGING._logging_module_allowlist += (PACKAGE,)
    try:
        LOGGING.configure(wanted)
    except (ValueError, TypeError, AttributeError, KeyError, ImportError, OSError) as error:
        # The logging package wraps the reason.
        reasons = [str(e) for e in (error, error.__cause__) if e is not None and str(e)]
        raise ConfigError(
            f"conf/base/logging.yml cannot be used: {redact(': '.join(reasons))}. Correct it; its "
            "form is that of Python's logging.config, `version: 1` first."
        ) from None
