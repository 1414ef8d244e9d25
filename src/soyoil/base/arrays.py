"""Names of the kinds of arrays that pass between modules."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
"""NaN where there is no value."""

IntArray = npt.NDArray[np.int64]
"""Counts and positions."""

BoolArray = npt.NDArray[np.bool_]
"""Flags and masks."""

DayArray = npt.NDArray[np.datetime64]
"""``datetime64[D]``, sessions."""
