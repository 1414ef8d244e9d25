"""Self-contained HTML pages: one file, no request to anywhere.

A page carries its style, its figures as JSON and one copy of plotly.js, which is compiled only
when the first figure comes into view. A content security policy forbids every request.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from soyoil.market.rolls import ROLLS_UNKNOWN

if TYPE_CHECKING:
    from jinja2 import Environment
    from plotly.graph_objects import Figure

POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
)
DIGITS: Final = 6
"""Significant digits of the numbers in a figure; more are not to be seen."""


Html = Markup
"""Text that is markup already; everything else is escaped."""
EMPTY: Final = Html()


@lru_cache(maxsize=1)
def _environment() -> Environment:
    # Imported here because most commands write no page.
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    return Environment(autoescape=True, loader=FunctionLoader(_asset), undefined=StrictUndefined)


def _part(name: str, *values: object) -> Html:
    """Markup of one of the macros in ``assets/parts.html``."""
    macros: Any = _environment().get_template("parts.html").module
    return Html(getattr(macros, name)(*values))


def join(parts: Sequence[Html], between: str = "\n") -> Html:
    """Markup one after the other."""
    return Html(between).join(parts)


def paragraph(text: object, kind: str = "") -> Html:
    """A paragraph; `kind` is its CSS class."""
    return _part("paragraph", text, kind)


def breakable(name: object) -> Html:
    """A name that may be broken after its underscores."""
    return _part("breakable", str(name))


def heading(text: object) -> Html:
    """Heading of a part of a section."""
    return _part("heading", text)


def facts(items: Sequence[tuple[str, object]]) -> Html:
    """Terms with their values."""
    return _part("facts", items)


def origin_line(name: str, run_id: str, link: str, command: str, made_again: bool) -> Html:
    """Run, command and link of a page; the link may be empty."""
    return _part("origin_line", name, run_id, link, command, made_again)


def listed(items: Sequence[object]) -> Html:
    """Items one below the other."""
    return _part("listed", items)


def badge(text: str, kind: str) -> Html:
    """A short word in a coloured frame; the word itself says what the colour does."""
    return _part("badge", text, kind)


@dataclass(frozen=True)
class Table:
    """A table for people.

    Attributes
    ----------
    caption
        What it shows; also its name for screen readers.
    header
        Names of the columns.
    groups
        Heading and rows of each group of rows; an empty heading for none.
    text_columns
        Columns that hold words: set left, the others right.
    extra_columns
        Columns that a narrow screen leaves out.
    """

    caption: str
    header: Sequence[str]
    groups: Sequence[tuple[str, Sequence[Sequence[object]]]]
    text_columns: frozenset[int] = frozenset({0})
    extra_columns: frozenset[int] = frozenset()

    def css(self, column: int) -> str:
        """Classes of the cells of a column."""
        kinds = {"text": self.text_columns, "extra": self.extra_columns}
        return " ".join(name for name, columns in kinds.items() if column in columns)

    def render(self) -> Html:
        """The table as markup; the first cell of each row is its heading."""
        return _part("table", self)


def details(summary: str, content: Html) -> Html:
    """Content that is folded away until it is asked for; printed in full, unless in a workshop."""
    return _part("details", summary, content)


def data_banners(provenance: str, rolls: str) -> list[Html]:
    """What must be known of the data before any number is read."""
    texts = []
    if provenance == "synthetic":
        texts.append(
            "Synthetic data: the market is invented. Nothing here says anything about a real one."
        )
    if rolls == "unknown":
        texts.append(ROLLS_UNKNOWN)
    return [paragraph(text, "banner") for text in texts]


def grid(parts: Sequence[Html], kind: str = "") -> Html:
    """Figures side by side where there is room; `kind` is a further CSS class."""
    return _part("grid", parts, kind)


@dataclass
class Page:
    """A page that is being put together.

    Attributes
    ----------
    title
        Heading of the page.
    lead
        Markup below the heading.
    sections
        Identifier, heading and content, in order.
    workshop
        The same for what is folded away behind them, and is left out of a print.
    """

    title: str
    lead: Html = EMPTY
    sections: list[tuple[str, str, Html]] = field(default_factory=list)
    workshop: list[tuple[str, str, Html]] = field(default_factory=list)
    _figures: list[str] = field(default_factory=list)

    _folding: bool = False

    def fold_rest(self) -> None:
        """Fold away the sections that are appended from now on."""
        self._folding = True

    def add(self, name: str, heading: str, *content: Html) -> None:
        """Append a section."""
        of = self.workshop if self._folding else self.sections
        of.append((name, heading, join(content)))

    def figure(self, views: Figure | Sequence[tuple[str, Figure]], caption: str) -> Html:
        """Markup of a figure, drawn when it comes into view.

        Parameters
        ----------
        views
            A plotly figure, or several with their names among which a reader may choose; the
            first is shown at first. Text takes the colour of the page.
        caption
            What it shows; also its description for screen readers.
        """
        named = views if isinstance(views, Sequence) else [("", views)]
        number = len(self._figures)
        plain = [_plain(figure) for _, figure in named]
        self._figures.append(_as_script(plain))
        names = [name for name, _ in named]
        return _part("figure", number, names, caption, int(plain[0]["layout"]["height"]))

    def render(self) -> str:
        """The whole file."""
        figures = self._figures
        # Script and style are not text: what is in them was made safe where it was made.
        return (
            _environment()
            .get_template("page.html")
            .render(
                page=self,
                policy=POLICY,
                style=Html(_asset("page.css")),
                figures=[Html(text) for text in figures],
                plotly=Html(_plotly_source() if figures else ""),
                script=Html(_asset("page.js") if figures else ""),
            )
            + "\n"
        )


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if value == value else None
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return value


def _decoded(value: Any) -> Any:
    """Plotly packs arrays as base64, eight bytes a number; decimal text is shorter here."""
    if isinstance(value, dict):
        if value.keys() >= {"bdata", "dtype"}:
            import base64

            import numpy as np

            array = np.frombuffer(base64.b64decode(value["bdata"]), dtype=value["dtype"])
            shape = [int(n) for n in str(value.get("shape", array.size)).split(",")]
            return array.reshape(shape).tolist()
        return {key: _decoded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    return value


def _plain(figure: Figure) -> dict[str, Any]:
    plain: dict[str, Any] = _rounded(_decoded(json.loads(figure.to_json())))
    layout = plain["layout"]
    layout.pop("template", None)
    if not layout.get("title", {}).get("text"):
        # The caption says it; regimes are named above the plot of a plan.
        layout.pop("title", None)
        layout["margin"]["t"] = max(layout["margin"]["t"] - 45, 0)
    return {"data": plain["data"], "layout": layout}


def _as_script(value: object) -> str:
    # A string may hold </script> or <!--.
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


@lru_cache(maxsize=1)
def _plotly_source() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs()).replace("</script", "<\\/script")


@lru_cache(maxsize=8)
def _asset(name: str) -> str:
    return resources.files("soyoil.reports").joinpath("assets", name).read_text(encoding="utf-8")
