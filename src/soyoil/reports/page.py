"""Self-contained HTML pages: one file, no request to anywhere.

A page carries its style, its figures as JSON and one copy of plotly.js, which is compiled only
when the first figure comes into view. A content security policy forbids every request.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
)
DIGITS: Final = 6
"""Significant digits of the numbers in a figure; more are not to be seen."""


class Html(str):
    """Text that is markup already; everything else is escaped."""

    __slots__ = ()


EMPTY: Final = Html()


def escape(value: object) -> Html:
    """Text as markup."""
    return value if isinstance(value, Html) else Html(html.escape(str(value), quote=True))


def join(parts: Sequence[Html], between: str = "\n") -> Html:
    """Markup one after the other."""
    return Html(between.join(parts))


def paragraph(text: object, kind: str = "") -> Html:
    """A paragraph; `kind` is its CSS class."""
    css = f' class="{escape(kind)}"' if kind else ""
    return Html(f"<p{css}>{escape(text)}</p>")


def breakable(name: object) -> Html:
    """A name that may be broken after its underscores."""
    return Html(escape(name).replace("_", "_<wbr>"))


def heading(text: object) -> Html:
    """Heading of a part of a section."""
    return Html(f"<h3>{escape(text)}</h3>")


def facts(items: Sequence[tuple[str, object]]) -> Html:
    """Terms with their values."""
    rows = [f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in items]
    return Html(f'<dl class="facts">{"".join(rows)}</dl>')


def badge(text: str, kind: str) -> Html:
    """A short word in a coloured frame; the word itself says what the colour does."""
    return Html(f'<span class="badge {escape(kind)}">{escape(text)}</span>')


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

    def render(self) -> Html:
        """The table as markup; the first cell of each row is its heading."""

        def css(column: int) -> str:
            kinds = {"text": self.text_columns, "extra": self.extra_columns}
            names = [name for name, columns in kinds.items() if column in columns]
            return f' class="{" ".join(names)}"' if names else ""

        head = "".join(
            f'<th scope="col"{css(i)}>{escape(name)}</th>' for i, name in enumerate(self.header)
        )
        bodies = []
        for title, rows in self.groups:
            lines = []
            if title:
                lines.append(
                    f'<tr class="group"><th scope="rowgroup" colspan="{len(self.header)}">'
                    f"{escape(title)}</th></tr>"
                )
            for row in rows:
                first = f'<th scope="row"{css(0)}>{escape(row[0])}</th>'
                rest = "".join(
                    f"<td{css(i)}>{escape(cell)}</td>" for i, cell in enumerate(row[1:], start=1)
                )
                lines.append(f"<tr>{first}{rest}</tr>")
            bodies.append(f"<tbody>{''.join(lines)}</tbody>")
        name = escape(self.caption)
        return Html(
            f'<div class="scroll" role="region" tabindex="0" aria-label="{name}"><table>'
            f"<caption>{name}</caption><thead><tr>{head}</tr></thead>{''.join(bodies)}</table></div>"
        )


def details(summary: str, content: Html) -> Html:
    """Content that is folded away until it is asked for; printed in full."""
    return Html(f"<details><summary>{escape(summary)}</summary>{content}</details>")


def grid(parts: Sequence[Html]) -> Html:
    """Figures side by side where there is room."""
    return Html(f'<div class="grid">{"".join(parts)}</div>')


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
    """

    title: str
    lead: Html = EMPTY
    sections: list[tuple[str, str, Html]] = field(default_factory=list)
    _figures: list[str] = field(default_factory=list)

    def add(self, name: str, heading: str, *content: Html) -> None:
        """Append a section."""
        self.sections.append((name, heading, join(content)))

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
        chooser = ""
        if len(named) > 1:
            options = "".join(
                f'<option value="{i}">{escape(name)}</option>' for i, (name, _) in enumerate(named)
            )
            chooser = (
                f'<label class="choose">Show <select data-for="figure-{number}">{options}'
                "</select></label>"
            )
        name = escape(caption)
        return Html(
            f'<figure>{chooser}<div class="plot" id="figure-{number}" role="img" '
            f'aria-label="{name}" style="height:{int(plain[0]["layout"]["height"])}px"></div>'
            f"<figcaption>{name}</figcaption></figure>"
        )

    def render(self) -> str:
        """The whole file."""
        links = "".join(
            f'<li><a href="#{escape(name)}">{escape(heading)}</a></li>'
            for name, heading, _ in self.sections
        )
        bodies = "".join(
            f'<section id="{escape(name)}" aria-labelledby="{escape(name)}-title">'
            f'<h2 id="{escape(name)}-title">{escape(heading)}</h2>{content}</section>'
            for name, heading, content in self.sections
        )
        data = "".join(
            f'<script type="application/json" id="figure-{i}-data">{text}</script>'
            for i, text in enumerate(self._figures)
        )
        script = ""
        if self._figures:
            script = (
                f'{data}<script type="text/plain" id="plotly-source">{_plotly_source()}</script>'
                f"<script>{_asset('page.js')}</script>"
            )
        return (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<meta name="color-scheme" content="light dark">'
            f"<title>{escape(self.title)}</title><style>{_asset('page.css')}</style></head>"
            f"<body><header><h1>{escape(self.title)}</h1>{self.lead}"
            f'<nav aria-label="Sections"><ul>{links}</ul></nav></header>'
            f"<main>{bodies}</main>{script}</body></html>\n"
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


@lru_cache(maxsize=4)
def _asset(name: str) -> str:
    return resources.files("soyoil.reports").joinpath("assets", name).read_text(encoding="utf-8")
