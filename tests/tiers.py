"""Cases of a test that are left to a slower tier."""

from __future__ import annotations

from typing import Any

import pytest


def ci(*values: Any) -> Any:
    """A case of a parametrised test for `make test-ci`."""
    return pytest.param(*values, marks=pytest.mark.ci)


def slow(*values: Any) -> Any:
    """A case of a parametrised test for `make test-slow`."""
    return pytest.param(*values, marks=pytest.mark.slow)
