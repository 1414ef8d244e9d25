"""Images that are drawn once for all models that show them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pandas as pd

from soyoil.base.handover import content_hash
from soyoil.base.kept import Kept
from soyoil.reports.chart import Chart

KEPT: Final = 32
"""Images of a horizon that are kept: two for each, and some to spare."""

_drawn: Kept[bytes] = Kept(KEPT)


def png_once(draw: Callable[..., Chart], title: str, *frames: pd.DataFrame) -> bytes:
    """The image of some frames, drawn once for all models that show it.

    Parameters
    ----------
    draw
        Function of the frames and a title.
    title
        Title of the figure.
    frames
        What is drawn.
    """
    key = (draw.__name__, title, *(content_hash(frame) for frame in frames))
    return _drawn.get(key, lambda: draw(*frames, title).png())
