"""Shapes and texts in pixels, and the image of them.

Agg, which matplotlib brings, draws the shapes and Pillow the texts. A figure of matplotlib's own
takes ten times as long, most of it for ticks and texts.
"""

from __future__ import annotations

import functools
import struct
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from soyoil.base.arrays import FloatArray

if TYPE_CHECKING:
    from matplotlib.path import Path
    from PIL.ImageFont import FreeTypeFont

DPI: Final = 110
POINTS: Final = 72.0
DASH: Final = (3.7, 1.6)
"""Stroke and gap of a dashed line, in widths of the line."""
UPWARD: Final = "upward"
"""Anchor of a text that is read from below and centred."""


@functools.lru_cache(maxsize=32)
def _font(size: float) -> FreeTypeFont:
    from pathlib import Path

    import matplotlib as mpl
    from PIL import ImageFont

    file = Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
    return ImageFont.truetype(file, size * DPI / POINTS, layout_engine=ImageFont.Layout.BASIC)


def text_width(text: str, size: float) -> float:
    """Width of the longest line of a text, in pixels; the size of the font is in points."""
    return max((_font(size).getlength(line) for line in text.split("\n")), default=0.0)


def text_height(size: float) -> float:
    """Distance of two lines of text, in pixels."""
    return 1.2 * size * DPI / POINTS


class Canvas:
    """An image to draw on; (0, 0) is its lower left corner, in pixels.

    Parameters
    ----------
    width, height
        Inches.
    """

    def __init__(self, width: float, height: float) -> None:
        from matplotlib.backends.backend_agg import RendererAgg

        self._size = (round(width * DPI), round(height * DPI))
        renderer: Any = RendererAgg  # has no annotations
        self._agg = renderer(*self._size, DPI)
        self._texts: list[tuple[float, float, str, float, str, str]] = []
        right, top = self._size
        self.areas([np.array([(0, 0), (right, 0), (right, top), (0, top)], float)], "#ffffff")

    def areas(self, corners: Sequence[FloatArray], colour: str, alpha: float = 1.0) -> None:
        """Fill polygons, each given by its corners, shape ``(n, 2)``."""
        from matplotlib.path import Path

        if corners:
            shapes = [Path(np.vstack([part, part[:1]]), closed=True) for part in corners]
            self._stroke(Path.make_compound_path(*shapes), colour, 0.0, alpha, fill=True)

    def line(
        self,
        points: FloatArray,
        colour: str,
        width: float,
        *,
        dashed: bool = False,
        alpha: float = 1.0,
    ) -> None:
        """Draw a line through points, shape ``(n, 2)``; its width is in points."""
        from matplotlib.path import Path

        self._stroke(Path(points), colour, width, alpha, dashed=dashed)

    def _stroke(
        self,
        path: Path,
        colour: str,
        width: float,
        alpha: float,
        *,
        fill: bool = False,
        dashed: bool = False,
    ) -> None:
        from matplotlib.colors import to_rgb
        from matplotlib.transforms import IdentityTransform

        context = self._agg.new_gc()
        context.set_alpha(alpha)
        context.set_linewidth(width)
        context.set_foreground(to_rgb(colour), isRGBA=False)
        context.set_joinstyle("round")
        if dashed:
            context.set_dashes(0, [width * part for part in DASH])
        face = (*to_rgb(colour), alpha) if fill else None
        self._agg.draw_path(context, path, IdentityTransform(), face)

    def dots(self, points: FloatArray, colour: str, size: float) -> None:
        """Draw discs of a diameter in points around points, shape ``(n, 2)``."""
        angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        circle = size / 2 * DPI / POINTS * np.column_stack([np.cos(angle), np.sin(angle)])
        self.areas([centre + circle for centre in points], colour)

    def text(
        self, x: float, y: float, text: str, size: float, colour: str, anchor: str = "lm"
    ) -> None:
        """Write a text; its anchor is Pillow's, or `UPWARD`."""
        self._texts.append((x, y, text, size, colour, anchor))

    def png(self) -> bytes:
        """The image as PNG."""
        from PIL import Image, ImageDraw

        height = self._size[1]
        buffer = self._agg.buffer_rgba()
        image = Image.frombuffer("RGBA", self._size, buffer, "raw", "RGBA", 0, 1).convert("RGB")
        draw = ImageDraw.Draw(image)
        for x, y, text, size, colour, anchor in self._texts:
            font = _font(size)
            if anchor != UPWARD:
                draw.text((x, height - y), text, colour, font, anchor)
                continue
            box = (round(text_width(text, size)) + 2, round(1.4 * text_height(size)))
            mask = Image.new("L", box)
            ImageDraw.Draw(mask).text((1, box[1] / 2), text, 255, font, "lm")
            turned = mask.transpose(Image.Transpose.ROTATE_90)
            corner = (round(x - box[1] / 2), round(height - y - box[0] / 2))
            image.paste(colour, (*corner, corner[0] + box[1], corner[1] + box[0]), turned)
        return packed(np.asarray(image))


def packed(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Pixels, shape ``(height, width, 3)``, as PNG.

    Pillow looks for the best filter of every row, which takes longer than to pack them and makes
    images of plain areas no smaller.
    """
    height, width, channels = pixels.shape
    rows = np.zeros((height, 1 + channels * width), np.uint8)
    rows[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )  # fmt: skip
