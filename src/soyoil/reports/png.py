"""Figures as images."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from soyoil.base.handover import content_hash

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from matplotlib.figure import Figure

DPI: Final = 110
KEPT: Final = 32
"""Images of a horizon that are kept: two for each, and some to spare."""


def png(figure: Figure) -> bytes:
    """The figure as PNG.

    ``Figure.savefig`` draws a figure that has a layout twice, and packs it as small as it can,
    which takes as long again.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(DPI)
    image = BytesIO()
    canvas: Any = FigureCanvasAgg(figure)
    canvas.print_png(image, pil_kwargs={"compress_level": 1})
    return image.getvalue()


_drawn: dict[tuple[str, ...], bytes] = {}


def png_once(draw: Callable[..., Figure], title: str, *frames: pd.DataFrame) -> bytes:
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
    if key not in _drawn:
        if len(_drawn) >= KEPT:
            _drawn.clear()
        _drawn[key] = png(draw(*frames, title))
    return _drawn[key]
