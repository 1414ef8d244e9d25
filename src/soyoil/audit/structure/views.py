"""Views that cannot give what they promise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from soyoil.audit.defect import Action, Defect, count, names
from soyoil.audit.lineage import ViewReads
from soyoil.audit.structure.columns import names_vendor
from soyoil.contracts.identifiers import parts_of
from soyoil.warehouse.live import LiveWarehouse

MANY_JOINS: Final = 8
_META_DATASETS: Final = ("information_schema", "pg_catalog")


def broken_views(
    live: LiveWarehouse, views: Mapping[str, ViewReads], banned: Sequence[str]
) -> dict[str, list[str]]:
    """Why views fail or give NULLs, by name of the view.

    What they read is missing, empty, such a view itself, or of a banned vendor.
    """
    without_tables = _broken(live, views)
    causes = {
        view.name: _causes(view, live, without_tables, banned)
        for view in views.values()
        if not view.problem
    }
    return {name: found for name, found in causes.items() if found}


def view_defects(
    live: LiveWarehouse, views: Mapping[str, ViewReads], broken: Mapping[str, Sequence[str]]
) -> Iterator[Defect]:
    """Views over missing or empty tables, over a banned vendor, or with many joins."""
    for view in views.values():
        if view.problem:
            yield _lost(view) if not live.tables[view.name].columns else _unreadable(view)
        elif view.name in broken:
            yield _broken_view(view.name, "; ".join([_joins(view), *broken[view.name]]))
        elif view.joins >= MANY_JOINS:
            yield Defect(
                "many_joins",
                "warning",
                (view.name,),
                f"{_joins(view)}: {names(view.tables)}",
                "Every read pays for the joins, and a row missing on one side goes unnoticed.",
                "Write complete rows once and read those.",
            )


def _broken_view(name: str, evidence: str) -> Defect:
    return Defect(
        "broken_view",
        "error",
        (name,),
        evidence,
        "It fails, or gives NULL columns that look like features without a value.",
        f"Drop the view {name} and read features.daily_ml_matrix, whose rows are "
        "complete without a join.",
        (Action("drop_view", name),),
    )


def _lost(view: ViewReads) -> Defect:
    return _broken_view(
        view.name, f"it has no column: what it reads is gone or cannot be read ({view.problem})"
    )


def _joins(view: ViewReads) -> str:
    left = f", {view.left_joins} of them LEFT JOINs" if view.left_joins else ""
    return f"{count(view.joins, 'join')}{left}, {count(len(view.tables), 'table')}"


def _exists(name: str, live: LiveWarehouse) -> bool:
    return name in live.tables or parts_of(name)[0].lower() in _META_DATASETS


def _missing(view: ViewReads, live: LiveWarehouse) -> list[str]:
    return [name for name in view.tables if not _exists(name, live)]


def _broken(live: LiveWarehouse, views: Mapping[str, ViewReads]) -> set[str]:
    """Views that read a missing table, or another such view."""
    found = {view.name for view in views.values() if _missing(view, live)}
    while True:
        more = {v.name for v in views.values() if v.name not in found and found & set(v.tables)}
        if not more:
            return found
        found |= more


def _causes(
    view: ViewReads, live: LiveWarehouse, broken: set[str], banned: Sequence[str]
) -> list[str]:
    empty = [n for n in view.tables if n in live.tables and live.tables[n].rows == 0]
    groups = {
        "missing": _missing(view, live),
        "empty": empty,
        "broken view": [name for name in view.tables if name in broken],
        "banned vendor": [n for n in (*view.tables, *view.columns) if names_vendor(n, banned)],
    }
    return [
        f"{label} ({len(found)}): {names(found, 12)}" for label, found in groups.items() if found
    ]


def _unreadable(view: ViewReads) -> Defect:
    return Defect(
        "unreadable_view",
        "warning",
        (view.name,),
        f"its SQL cannot be read: {view.problem}",
        "What it reads is unknown: no check covers it.",
        "Look at its SQL; drop it if nobody needs it.",
    )
