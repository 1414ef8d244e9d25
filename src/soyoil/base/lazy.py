"""Public names of a package, each imported when it is first asked for.

``import soyoil.contracts.contract`` runs ``soyoil/contracts/__init__.py``. Were the public names of
all packages imported there, every process, workers included, would load what only some of them
need: DuckDB, Google's clients, Optuna, Plotly.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any


@cache
def _homes(package: str) -> dict[str, str]:
    """Module by the name that an ``__init__.py`` imports from it under ``TYPE_CHECKING``."""
    loader: Any = getattr(find_spec(package), "loader", None)
    blocks = [node for node in ast.parse(loader.get_source(package)).body if type(node) is ast.If]
    imports = [node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom)]
    return {name.name: str(node.module) for node in imports for name in node.names}


def lazy_names(package: str) -> Callable[[str], Any]:
    """``__getattr__`` of a package (PEP 562) for the names that it imports for types.

    The imports under ``if TYPE_CHECKING:`` say where each name is, to a type checker as they stand
    and here when a name is first asked for, so that no second list can differ from them.

    Parameters
    ----------
    package
        The package's ``__name__``.

    Examples
    --------
    >>> from soyoil.contracts import load_contract
    >>> load_contract.__module__
    'soyoil.contracts.contract'
    """

    def find(name: str) -> Any:
        # Python itself asks for names such as __path__.
        home = None if name.startswith("_") else _homes(package).get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(home), name)

    return find
