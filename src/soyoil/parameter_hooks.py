"""Kedro hook that checks all parameters before any node runs."""

from __future__ import annotations

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl

from soyoil.market.instruments import check_roots
from soyoil.params import check_parameters


class ParameterHooks:
    """Validate every parameter, run-time ones included, against the typed schema."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Refuse unknown keys and wrong values.

        Raises
        ------
        ConfigError
            Naming the key, the value and what is allowed.
        """
        # The context's own `params` builds every pipeline to validate against; the raw
        # parameters are all that is needed here.
        parameters = check_parameters(context.config_loader["parameters"])
        check_roots((*parameters.source.symbols, parameters.target.symbol))
