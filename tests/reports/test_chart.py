"""Charts: axes, layout and what is drawn."""

import io
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from soyoil.reports.canvas import Canvas, packed, text_width
from soyoil.reports.chart import (
    Area,
    Axis,
    Chart,
    Line,
    Panel,
    boxes,
    date_axis,
    days,
    log_axis,
    number_axis,
)


@pytest.mark.parametrize(
    ("low", "high", "first", "last"),
    [
        (40, 103, "40", "100"),
        (0.0, 0.0604, "0.00", "0.06"),
        (78.3, 264.1, "100", "250"),
        (0.0, 0.000061, "0.00000", "0.00006"),
        (-3.0, 103.0, "0", "100"),
        (9_000, 61_000, "10000", "60000"),
        (0.0, 0.0, "-0.4", "0.4"),
    ],
)
def test_ticks_are_round_numbers(low: float, high: float, first: str, last: str) -> None:
    axis = number_axis(low, high)
    values = [value for value, _ in axis.ticks]
    assert (axis.ticks[0][1], axis.ticks[-1][1]) == (first, last)
    assert 3 <= len(values) <= 12
    assert axis.low <= values[0] + 1e-9
    assert values[-1] - 1e-9 <= axis.high
    names = [name for _, name in axis.ticks]
    assert len(set(names)) == len(names)
    for value, name in axis.ticks:
        assert float(name) == pytest.approx(value, abs=1e-9)


def test_a_step_of_two_and_a_half_keeps_its_digit() -> None:
    names = [name for _, name in number_axis(0.0, 0.147, most=6).ticks]
    assert names == ["0.000", "0.025", "0.050", "0.075", "0.100", "0.125"]


@pytest.mark.parametrize(
    ("first", "last", "names"),
    [
        ("2016-02-01", "2026-01-01", [str(year) for year in range(2016, 2027)]),
        ("2011-06-01", "2026-01-01", [str(year) for year in range(2012, 2027, 2)]),
        ("2023-01-03", "2023-06-30", [f"2023-{month:02d}" for month in range(1, 8)]),
    ],
)
def test_dates_are_named_at_the_beginning_of_months_or_years(
    first: str, last: str, names: list[str]
) -> None:
    axis = date_axis(*(float(days(np.array(day, "datetime64[us]"))) for day in (first, last)))
    assert [name for _, name in axis.ticks] == names
    for value, name in axis.ticks:
        assert float(days(np.array(f"{name}-01-01"[:10], "datetime64[D]"))) == value


def test_one_day_is_an_axis_too() -> None:
    axis = date_axis(19_000.0, 19_000.0)
    assert axis.low < 19_000.0 < axis.high


def test_powers_of_ten() -> None:
    assert [name for _, name in log_axis(42.0, 3200.0).ticks] == ["100", "1,000"]
    assert log_axis(20.0, 60.0).ticks == ((20.0, "20"),), "an axis has a tick"
    assert log_axis(10.0, 1000.0).share(np.array([100.0])) == pytest.approx([0.5])


def _pixels(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))


def _hex(pixel: np.ndarray) -> str:
    return "#" + "".join(f"{value:02x}" for value in pixel)


def test_shapes_stand_where_their_coordinates_are() -> None:
    canvas = Canvas(1, 1)
    canvas.areas(list(boxes(*(np.array([v]) for v in (10.0, 30.0, 20.0, 60.0)))), "#c8502d")
    canvas.dots(np.array([(80.0, 80.0)]), "#1f5f8b", 6)
    canvas.line(np.array([(0.0, 5.0), (110.0, 5.0)]), "#7aa6c2", 2.0)
    image = _pixels(canvas.png())
    assert image.shape == (110, 110, 3)
    assert _hex(image[109 - 40, 20]) == "#c8502d"
    assert _hex(image[109 - 80, 80]) == "#1f5f8b"
    assert _hex(image[109 - 4, 55]) == "#7aa6c2"
    assert _hex(image[109 - 90, 20]) == "#ffffff"


def test_packed_pixels_come_back() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    np.testing.assert_array_equal(_pixels(packed(pixels)), pixels)


def test_a_dashed_line_has_gaps_and_a_faint_one_is_lighter() -> None:
    canvas = Canvas(1, 1)
    canvas.line(np.array([(0.0, 20.5), (110.0, 20.5)]), "#000000", 0.9, dashed=True)
    canvas.line(np.array([(0.0, 60.5), (110.0, 60.5)]), "#000000", 2.0, alpha=0.3)
    image = _pixels(canvas.png())
    dashed, faint = (image[107 - y : 112 - y, :, 0].min(axis=0) for y in (20, 60))
    assert dashed.min() < 60
    assert dashed.max() == 255
    assert 150 < faint.min() < 200


def test_texts_end_at_their_anchor() -> None:
    canvas = Canvas(2, 1)
    canvas.text(150.0, 55.0, "a name", 8.0, "#000000", "rm")
    dark = np.flatnonzero(np.any(_pixels(canvas.png()) < 128, axis=(0, 2)))
    assert 144 <= dark.max() <= 150
    assert 150 - dark.min() == pytest.approx(text_width("a name", 8.0), abs=3)


def test_a_title_of_the_axis_is_read_from_below() -> None:
    canvas = Canvas(1, 1)
    canvas.text(20.0, 55.0, "upward", 8.0, "#000000", "upward")
    dark = np.any(_pixels(canvas.png()) < 128, axis=2)
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    assert np.ptp(rows) > 2 * np.ptp(columns)
    assert (rows.min() + rows.max()) / 2 == pytest.approx(55, abs=3)


def test_long_names_have_room_and_marks_stay_in_their_panel() -> None:
    names = ((0.0, "a"), (1.0, "a regime with a very long name"))
    bar = Area(boxes(*(np.array([v]) for v in (0.0, 1.0, -0.5, 1.5))), "#c8502d", "bars")
    panel = Panel(number_axis(0, 1), Axis(-0.5, 1.5, names, size=7), (bar,))
    image = _pixels(Chart("chart", 4, 3, (panel,)).png())
    red = np.flatnonzero((image == (0xC8, 0x50, 0x2D)).all(axis=2).any(axis=0))
    assert red.min() > text_width(names[1][1], 7)
    text = np.any(image[:, : red.min() - 12] < 128, axis=2)
    assert text.any()
    assert not text[:, :2].any(), "nothing is cut off"


def test_panels_and_legends_do_not_meet() -> None:
    names = ((0.0, "0\n2015"), (1.0, "1\n2016"))
    x = Axis(-0.5, 1.5, names, "fold", 6.5)
    colours = ("#4e79a7", "#f28e2b")
    upper = Area(boxes(*(np.array([v]) for v in (-0.5, 1.5, 0.0, 1.0))), colours[0], "upper")
    line = Line(np.array([0.0, 1.0]), np.array([1.0, 100.0]), colours[1], "lower", dot=3)
    panels = (
        Panel(x, number_axis(0, 1), (upper,)),
        Panel(x, log_axis(1, 100), (line,), "inside"),
    )
    image = _pixels(Chart("chart", 5, 4, panels, shares=(2, 1), legend="right").png())
    found = [(image == tuple(bytes.fromhex(c[1:]))).all(axis=2) for c in colours]
    rows = [np.flatnonzero(mask.any(axis=1)) for mask in found]
    assert rows[0].max() < rows[1].min()
    gaps = np.diff(np.flatnonzero(found[0].any(axis=0)))
    assert (gaps > 1).sum() == 1, "the swatch of the legend stands beside the panel"


def test_columns_of_a_legend_are_aligned() -> None:
    axis = number_axis(0, 1)
    colours = ("#4e79a7", "#f28e2b", "#b6514f", "#76b7b2")
    box = boxes(*(np.array([v]) for v in (0.0, 0.1, 0.0, 0.1)))
    marks = tuple(Area(box, c, "a long label" * (n + 1)) for n, c in enumerate(colours))
    image = _pixels(Chart("chart", 8, 3, (Panel(axis, axis, marks),), columns=2).png())
    below = image[286:]
    starts = [
        int(np.flatnonzero((below == tuple(bytes.fromhex(c[1:]))).all(axis=2).any(axis=0)).min())
        for c in colours
    ]
    assert starts[0] == starts[2]
    assert starts[1] == starts[3]
    assert all(a < b for a, b in pairwise(starts[:2]))
