"""Charts as plain data: panels with marks, axes and a legend, and how they are laid out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from soyoil.base.arrays import DayArray, FloatArray
from soyoil.reports.canvas import DPI, UPWARD, Canvas, text_height, text_width

INK: Final = "#1b1f24"
TITLE: Final = 11.0
SMALL: Final = 8.0
"""Font sizes, points."""
PAD: Final = 6.0
TICK: Final = 5.0
GAP: Final = 14.0
COLUMN_GAP: Final = 36.0
SWATCH: Final = 26.0
"""Pixels."""
MONTHS: Final = (1, 3, 6, 12, 24, 60, 120, 240)
"""Distances of two ticks of a date axis."""


@dataclass(frozen=True, eq=False)
class Line:
    """A line through points, and dots on them where `dot` is their diameter in points."""

    x: FloatArray
    y: FloatArray
    colour: str
    label: str = ""
    width: float = 0.9
    dashed: bool = False
    alpha: float = 1.0
    dot: float = 0.0


@dataclass(frozen=True, eq=False)
class Area:
    """Polygons by their corners, each of shape ``(n, 2)``."""

    corners: tuple[FloatArray, ...]
    colour: str
    label: str = ""
    alpha: float = 1.0


@dataclass(frozen=True)
class Word:
    """A text centred at a place of the panel."""

    x: float
    y: float
    text: str
    size: float


Mark = Line | Area | Word


@dataclass(frozen=True)
class Axis:
    """Bounds, ticks and name of an axis; it runs from `low` to `high`, which may be less."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    label: str = ""
    size: float = 9.0
    log: bool = False

    def share(self, values: FloatArray) -> FloatArray:
        """Place of values on the axis, 0 at `low` and 1 at `high`."""
        if self.log:
            low, high = math.log10(self.low), math.log10(self.high)
            return np.asarray((np.log10(values) - low) / (high - low))
        return np.asarray((values - self.low) / (self.high - self.low))


@dataclass(frozen=True)
class Panel:
    """Marks between two axes, drawn in their order.

    Attributes
    ----------
    legend
        Where the labels of its marks stand: in its upper left corner, or with the chart's.
    """

    x: Axis
    y: Axis
    marks: tuple[Mark, ...]
    legend: Literal["inside", "chart"] = "chart"

    def labelled(self) -> list[Line | Area]:
        """Marks of the legend."""
        return [mark for mark in self.marks if not isinstance(mark, Word) and mark.label]


@dataclass(frozen=True)
class Chart:
    """Panels side by side, which share the y axis, or one above another, which share the x axis.

    Attributes
    ----------
    title
        Above the panels, on the left.
    width, height
        Inches.
    panels
        From left to right or from top to bottom.
    shares
        Share of the height that each panel has; empty for panels side by side.
    legend
        Where the labels of the marks stand.
    columns
        Labels of a legend below the panels that stand in a row.
    """

    title: str
    width: float
    height: float
    panels: tuple[Panel, ...]
    shares: tuple[float, ...] = ()
    legend: Literal["below", "right"] = "below"
    columns: int = 1

    def png(self) -> bytes:
        """The image of the chart."""
        canvas = Canvas(self.width, self.height)
        boxes = list(self._boxes())
        for number, (panel, box) in enumerate(zip(self.panels, boxes, strict=True)):
            last = number == len(boxes) - 1
            _draw(canvas, panel, box, x_names=last or not self.shares, y_names=self._names(number))
            if panel.legend == "inside":
                _legend(canvas, panel.labelled(), box[0] + PAD, box[3] - PAD)
        left = boxes[0][0] if not self._many_columns() else 2 * PAD
        canvas.text(left, self.height * DPI - PAD, self.title, TITLE, INK, "la")
        marks = self._legend_marks()
        if marks and self.legend == "right":
            _legend(canvas, marks, boxes[0][2] + PAD, self.height * DPI - PAD)
        elif marks:
            width = sum(_columns(marks, self.columns))
            middle = (self.width * DPI - width) / 2
            _legend(canvas, marks, middle, self._legend_height(), self.columns)
        return canvas.png()

    def _many_columns(self) -> bool:
        return len(self.panels) > 1 and not self.shares

    def _names(self, number: int) -> bool:
        return number == 0 or bool(self.shares)

    def _legend_marks(self) -> list[Line | Area]:
        return [m for p in self.panels if p.legend == "chart" for m in p.labelled()]

    def _legend_height(self) -> float:
        rows = math.ceil(len(self._legend_marks()) / self.columns)
        return rows * _row_height() + PAD if rows and self.legend == "below" else 0.0

    def _boxes(self) -> Iterator[tuple[float, float, float, float]]:
        """Left, bottom, right and top of every panel, in pixels."""
        axes = [panel.y for n, panel in enumerate(self.panels) if self._names(n)]
        names = max(text_width(name, axis.size) for axis in axes for _, name in axis.ticks)
        named = any(axis.label for axis in axes)
        left = PAD + names + TICK + PAD + (text_height(SMALL) + PAD if named else 0.0)
        x = self.panels[-1].x
        lines = max(name.count("\n") + 1 for _, name in x.ticks) if x.ticks else 0
        bottom = self._legend_height() + PAD + TICK + lines * text_height(x.size) + PAD
        bottom += text_height(SMALL) if x.label else 0.0
        right = self.width * DPI - 2 * PAD
        if self.legend == "right" and self._legend_marks():
            right -= max(_columns(self._legend_marks(), 1))
        top = self.height * DPI - 2 * PAD - text_height(TITLE)
        if self.shares:
            free = top - bottom - GAP * (len(self.shares) - 1)
            for share in self.shares:
                height = free * share / sum(self.shares)
                yield left, top - height, right, top
                top -= height + GAP
            return
        wide = (right - left - COLUMN_GAP * (len(self.panels) - 1)) / len(self.panels)
        for _ in self.panels:
            yield left, bottom, left + wide, top
            left += wide + COLUMN_GAP


def _row_height() -> float:
    return 1.3 * text_height(SMALL)


def _columns(marks: Sequence[Line | Area], count: int) -> list[float]:
    """Width of each column of a legend, pixels."""
    return [
        max(SWATCH + PAD + text_width(mark.label, SMALL) + GAP for mark in marks[first::count])
        for first in range(min(count, len(marks)))
    ]


def _legend(
    canvas: Canvas, marks: Sequence[Line | Area], left: float, top: float, columns: int = 1
) -> None:
    widths = _columns(marks, columns)
    for number, mark in enumerate(marks):
        row, column = divmod(number, columns)
        x = left + sum(widths[:column])
        y = top - (row + 0.5) * _row_height()
        ends = np.array([(x, y), (x + SWATCH, y)])
        if isinstance(mark, Area):
            canvas.areas([_box(x, y - 4, x + SWATCH, y + 4)], mark.colour, mark.alpha)
        elif mark.width:
            canvas.line(ends, mark.colour, max(mark.width, 1.0), dashed=mark.dashed)
        if isinstance(mark, Line) and mark.dot:
            canvas.dots(ends.mean(axis=0, keepdims=True), mark.colour, mark.dot)
        canvas.text(x + SWATCH + PAD, y, mark.label, SMALL, INK, "lm")


def _box(left: float, bottom: float, right: float, top: float) -> FloatArray:
    return np.array([(left, bottom), (right, bottom), (right, top), (left, top)])


def _draw(
    canvas: Canvas,
    panel: Panel,
    box: tuple[float, float, float, float],
    *,
    x_names: bool,
    y_names: bool,
) -> None:
    left, bottom, right, top = box

    def place(x: FloatArray, y: FloatArray) -> FloatArray:
        return np.column_stack(
            [left + (right - left) * panel.x.share(x), bottom + (top - bottom) * panel.y.share(y)]
        )

    for mark in panel.marks:
        if isinstance(mark, Word):
            ((x, y),) = place(np.array([mark.x]), np.array([mark.y]))
            canvas.text(x, y, mark.text, mark.size, INK, "mm")
        elif isinstance(mark, Area):
            corners = [place(part[:, 0], part[:, 1]) for part in mark.corners]
            canvas.areas(corners, mark.colour, mark.alpha)
        else:
            points = place(mark.x, mark.y)
            if mark.width:
                canvas.line(points, mark.colour, mark.width, dashed=mark.dashed, alpha=mark.alpha)
            if mark.dot:
                canvas.dots(points, mark.colour, mark.dot)
    canvas.line(np.array([(left, top), (left, bottom), (right, bottom)]), INK, 0.8)
    for value, name in panel.x.ticks:
        x = left + (right - left) * float(panel.x.share(np.array([value]))[0])
        canvas.line(np.array([(x, bottom), (x, bottom - TICK)]), INK, 0.8)
        for number, line in enumerate(name.split("\n") if x_names else ()):
            down = bottom - TICK - 3 - number * text_height(panel.x.size)
            canvas.text(x, down, line, panel.x.size, INK, "ma")
    for value, name in panel.y.ticks:
        y = bottom + (top - bottom) * float(panel.y.share(np.array([value]))[0])
        canvas.line(np.array([(left, y), (left - TICK, y)]), INK, 0.8)
        if y_names:
            canvas.text(left - TICK - 4, y, name, panel.y.size, INK, "rm")
    if panel.x.label and x_names:
        lines = max(name.count("\n") + 1 for _, name in panel.x.ticks)
        down = bottom - TICK - PAD - lines * text_height(panel.x.size)
        canvas.text((left + right) / 2, down, panel.x.label, SMALL, INK, "ma")
    if panel.y.label and y_names:
        middle = (bottom + top) / 2
        canvas.text(PAD + text_height(SMALL) / 2, middle, panel.y.label, SMALL, INK, UPWARD)


def boxes(
    left: FloatArray, right: FloatArray, low: FloatArray, high: FloatArray
) -> tuple[FloatArray, ...]:
    """Corners of rectangles."""
    sides = np.broadcast_arrays(left, low, right, high)
    return tuple(_box(*corner) for corner in np.column_stack(sides).tolist())


def between(x: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Corners of the area between two lines."""
    return np.column_stack([np.append(x, x[::-1]), np.append(low, high[::-1])])


def days(dates: DayArray) -> FloatArray:
    """Dates as numbers of a date axis: days since 1970."""
    return dates.astype("datetime64[D]").astype("float64")


def number_axis(
    low: float, high: float, label: str = "", *, most: int = 9, size: float = 9.0
) -> Axis:
    """Axis with ticks at round numbers."""
    if not high > low:
        low, high = low - 0.5, high + 0.5
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1.0, 2.0, 2.5, 5.0, 10.0, 20.0) if power * m >= rough)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    digits += round(step / 10.0**-digits * 10) % 10 != 0
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    ticks = tuple((n * step, f"{n * step:.{digits}f}") for n in range(first, last + 1))
    return Axis(low, high, ticks, label, size)


def log_axis(low: float, high: float, label: str = "") -> Axis:
    """Axis of positive numbers with ticks at powers of ten, by their logarithm."""
    bottom, top = low / 1.3, high * 1.3
    whole = range(math.ceil(math.log10(bottom)), math.floor(math.log10(top)) + 1)
    ticks = tuple((10.0**n, f"{10**n:,}" if n >= 0 else f"{10.0**n:g}") for n in whole)
    return Axis(bottom, top, ticks or ((low, f"{low:,.3g}"),), label, log=True)


def date_axis(first: float, last: float, *, most: int = 13, margin: float = 0.045) -> Axis:
    """Axis of `days` with ticks at the beginning of months or years."""
    room = margin * max(last - first, 1.0)
    low, high = first - room, last + room
    start, end = (int(np.datetime64(int(day), "D").astype("datetime64[M]").astype(int))
                  for day in (low, high))  # fmt: skip
    apart = next((m for m in MONTHS if (end - start) / m < most), MONTHS[-1])
    months = np.arange(-(-start // apart) * apart, end + 1, apart).astype("datetime64[M]")
    unit = "Y" if apart % 12 == 0 else "M"
    ticks = [(float(days(month)), str(month.astype(f"datetime64[{unit}]"))) for month in months]
    return Axis(low, high, tuple(tick for tick in ticks if low <= tick[0] <= high))
