"""Sections of the report: importance, data health, cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import pandas as pd

from soyoil.external.registry import GROUPS
from soyoil.metrics.evaluate import LOSS_COLUMNS
from soyoil.metrics.keys import pooled
from soyoil.metrics.significance import POWER, SIZE
from soyoil.models.base import CONTRIBUTION, GAIN, SELECTION
from soyoil.models.engines import is_ablation
from soyoil.models.report import FitReport, importance_frame
from soyoil.reports.figures import importance_figure
from soyoil.reports.page import (
    Html,
    Page,
    Table,
    breakable,
    details,
    grid,
    heading,
    paragraph,
)
from soyoil.reports.terminal import percent

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Reports = Mapping[str, Mapping[str, FitReport]]
"""Fit reports by horizon and model."""

KINDS: Final = {
    CONTRIBUTION: ("contribution to the forecast", "mean |contribution| on scored rows"),
    GAIN: ("gain in training", "share of the total gain"),
    SELECTION: ("variable selection", "mean selection weight"),
}
"""Name and axis of each kind of importance."""

LISTED: Final = 15
"""Features in a table of importance."""

STALENESS: Final = "staleness_days_"
MANY: Final = 40
"""Most quarantined groups that are listed."""


def _models(reports: Reports) -> list[str]:
    names = dict.fromkeys(model for by_model in reports.values() for model in by_model)
    return [name for name in names if not is_ablation(name)]


def _importance(report: FitReport, kind: str, axis: str) -> Figure:
    figure = importance_figure(importance_frame(report.importance), kind, axis, "")
    # Every bar is named, whatever the room.
    return figure.update_yaxes(dtick=1, tickfont={"size": 10})


def _importance_table(reports: Reports, model: str, kind: str) -> Html:
    columns = {
        horizon: pd.Series(by_model[model].importance[kind], dtype="float64")
        for horizon, by_model in reports.items()
        if model in by_model and kind in by_model[model].importance
    }
    # Contributions are in other units at each horizon: shares of the total compare.
    shares = pd.DataFrame({h: s / s.sum() if s.sum() > 0 else s for h, s in columns.items()})
    shares = shares.fillna(0.0)
    top = shares.loc[shares.mean(axis=1).sort_values(ascending=False, kind="stable").index[:LISTED]]
    rows = [
        [str(name), *(f"{100 * value:.1f}" for value in row)]
        for name, row in zip(top.index, top.to_numpy(dtype="float64"), strict=True)
    ]
    return Table(
        caption=f"{model}, {KINDS[kind][0]}: share of the total in %, the {len(rows)} largest "
        "over all horizons",
        header=("Feature", *shares.columns),
        groups=[("", rows)],
    ).render()


def importance_section(page: Page, reports: Reports) -> None:
    """Importance per engine: a figure for each kind with one view per horizon, and a table.

    Parameters
    ----------
    page
        Page to append to.
    reports
        Fit reports; the ablations are left out.
    """
    parts: list[Html] = []
    for model in _models(reports):
        kinds = [
            kind
            for kind in KINDS
            if any(model in by and kind in by[model].importance for by in reports.values())
        ]
        if not kinds:
            continue
        figures, tables = [], []
        for kind in kinds:
            name, axis = KINDS[kind]
            views = [
                (horizon, _importance(by[model], kind, axis))
                for horizon, by in reports.items()
                if model in by and kind in by[model].importance
            ]
            figures.append(page.figure(views, f"{model}: {name}, one view per horizon"))
            tables.append(_importance_table(reports, model, kind))
        parts += [
            heading(model),
            grid(figures),
            details("All horizons as a table", Html("".join(tables))),
        ]
    page.add(
        "importance",
        "Feature importance",
        paragraph(
            "Contributions (SHAP values) say what moved the forecasts on scored rows, gain what "
            "the trees used in training, selection weights where a network looked. None of them "
            "says that a feature helps.",
            "note",
        ),
        *parts,
    )


def significance_section(page: Page, skill_table: pd.DataFrame) -> None:
    """Tests behind the verdicts and the skill that they could have found.

    Parameters
    ----------
    page
        Page to append to; a table of an older run has none of them and adds nothing.
    skill_table
        One row per horizon and model, as the evaluate stage writes it.
    """
    keys = [pooled(f"{name}_{skill}") for skill in LOSS_COLUMNS for name in ("dm_p", "detectable")]
    table = skill_table.reindex(columns=["horizon", "model", *keys]).dropna(subset=keys, how="all")
    if table.empty:
        return
    groups = []
    for horizon, part in table.groupby("horizon", sort=False):
        rows = [
            [
                breakable(row["model"]),
                *(
                    "n/a" if math.isnan(row[key])
                    else f"{row[key]:.3f}" if "dm_p" in key
                    else f"{100 * row[key]:.1f}"
                    for key in keys
                ),
            ]
            for row in part.to_dict("records")
        ]  # fmt: skip
        groups.append((f"Horizon {horizon}", rows))
    shown = Table(
        caption=(
            "Diebold-Mariano test that the expected loss is below the reference's, one-sided p, "
            f"and the skill in % that it finds with {percent(POWER, 0)} at size {percent(SIZE, 0)}"
        ),
        header=("Model", "MAE: p", "detectable", "Pinball: p", "detectable"),
        groups=groups,
    )
    page.add("tests", "Tests behind the verdicts", shown.render())


def missing_by_group(matrix: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
    """Missing values of the features by their group.

    Parameters
    ----------
    matrix
        Matrix rows.
    features
        ``<group>.<name>`` columns of it.

    Returns
    -------
    DataFrame
        ``group``, ``features``, ``empty`` (features without any value), ``missing`` (share of
        missing values among the others), ``missing_last`` (the same on the last session), ``worst``
        (feature with most missing) and ``worst_missing``.
    """
    absent = matrix[list(features)].isna()
    share = absent.mean()
    last = absent.iloc[-1]
    rows = []
    for group, names in pd.Series(list(features)).groupby([f.partition(".")[0] for f in features]):
        filled = [name for name in names if share[name] < 1]
        worst = max(filled, key=lambda name: float(share[name]), default="")
        rows.append(
            {
                "group": str(group),
                "features": len(names),
                "empty": len(names) - len(filled),
                "missing": float(share[filled].mean()) if filled else float("nan"),
                "missing_last": float(last[filled].mean()) if filled else float("nan"),
                "worst": worst,
                "worst_missing": float(share[worst]) if worst else float("nan"),
            }
        )
    return pd.DataFrame(rows)


def missing_by_year(matrix: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
    """Missing values of the groups of outside sources by year.

    Parameters
    ----------
    matrix
        Matrix rows.
    features
        ``<group>.<name>`` columns of it.

    Returns
    -------
    DataFrame
        A row per year, a column per group that has a value: share of missing values of its features
        that have any.
    """
    names = [n for n in features if n.partition(".")[0] in GROUPS and matrix[n].notna().any()]
    absent = matrix[names].isna().groupby(matrix["data_date"].dt.year.rename("year")).mean()
    table: pd.DataFrame = (
        absent.T.groupby([n.partition(".")[0] for n in names], sort=False).mean().T
    )
    return table


def staleness(matrix: pd.DataFrame) -> pd.DataFrame:
    """How old the values of other markets were at the decision.

    Returns
    -------
    DataFrame
        ``series``, ``stale`` (share of sessions on which the value was older than a day),
        ``longest`` (days), ``last`` (days on the last session). Series without any value are
        left out.
    """
    rows = []
    for column in (c for c in matrix.columns if STALENESS in c):
        days = matrix[column].astype("float64").dropna()
        if days.empty:
            continue
        rows.append(
            {
                "series": column.partition(STALENESS)[2],
                "stale": float((days > 0).mean()),
                "longest": float(days.max()),
                "last": float(days.iloc[-1]),
            }
        )
    return pd.DataFrame(rows, columns=["series", "stale", "longest", "last"])


def _percent(value: float) -> str:
    return "n/a" if value != value else f"{100 * value:.1f}"


def health_section(
    page: Page, matrix: pd.DataFrame, features: Sequence[str], quarantine: pd.DataFrame
) -> None:
    """Missing, stale and quarantined data.

    Parameters
    ----------
    page
        Page to append to.
    matrix, features
        Matrix rows, and the columns that models may see.
    quarantine
        ``reason``, ``symbol``, ``file``, ``count``, ``first``, ``last``.
    """
    missing = missing_by_group(matrix, features)
    parts = [
        Table(
            caption="Missing values of the features, in % of sessions",
            header=(
                "Group", "Features", "Without any value", "Missing in the others",
                "On the last session", "Worst feature", "Missing in it",
            ),
            groups=[
                (
                    "",
                    [
                        [
                            row["group"], row["features"], row["empty"], _percent(row["missing"]),
                            _percent(row["missing_last"]), row["worst"] or "none",
                            _percent(row["worst_missing"]),
                        ]
                        for row in missing.to_dict("records")
                    ],
                )
            ],
            text_columns=frozenset({0, 5}),
        ).render()
    ]  # fmt: skip
    by_year = missing_by_year(matrix, features)
    if len(by_year.columns):
        values = by_year.to_numpy(dtype="float64")
        rows = [
            [str(year), *map(_percent, row)]
            for year, row in zip(by_year.index, values, strict=True)
        ]
        shown = Table(
            caption="Missing values of the features of outside sources by year, in %",
            header=("Year", *by_year.columns),
            groups=[("", rows)],
        )
        parts.append(details("Outside sources by year", shown.render()))
    stale = staleness(matrix)
    if stale.empty:
        parts.append(paragraph("No other market enters the features, so nothing can be stale."))
    else:
        rows = [
            [r["series"], _percent(r["stale"]), f"{r['longest']:.0f}", f"{r['last']:.0f}"]
            for r in stale.to_dict("records")
        ]
        parts.append(
            Table(
                caption="Age of the values of other markets at the decision",
                header=("Market", "Stale, % of sessions", "Longest, days", "Last session, days"),
                groups=[("", rows)],
            ).render()
        )
    if quarantine.empty:
        parts.append(paragraph("No bar was quarantined."))
    else:
        total = int(quarantine["count"].sum())
        table = quarantine.groupby(["reason", "symbol"], as_index=False).agg(
            count=("count", "sum"), first=("first", "min"), last=("last", "max")
        )
        table = table.sort_values("count", ascending=False, kind="stable")
        rows = [
            [r["reason"], r["symbol"], f"{r['count']:,}", str(r["first"])[:10], str(r["last"])[:10]]
            for r in table.head(MANY).to_dict("records")
        ]
        more = f", the {MANY} largest groups of {len(table)}" if len(table) > MANY else ""
        parts.append(
            Table(
                caption=f"Quarantined bars: {total:,}{more}",
                header=("Reason", "Market", "Bars", "First", "Last"),
                groups=[("", rows)],
                text_columns=frozenset({0, 1}),
            ).render()
        )
    page.add("health", "Data health", *parts)


def cost_section(page: Page, reports: Reports) -> None:
    """Wall time and memory of the fits."""
    models = list(dict.fromkeys(model for by in reports.values() for model in by))
    rows = []
    for model in models:
        own = {h: by[model] for h, by in reports.items() if model in by}
        peak = max(float(report.folds["peak_rss_mb"].max()) for report in own.values())
        devices = dict.fromkeys(d for report in own.values() for d in report.devices)
        rows.append(
            [
                model,
                *(f"{own[h].seconds:.1f}" if h in own else "" for h in reports),
                f"{sum(report.seconds for report in own.values()):.1f}",
                f"{peak:,.0f}",
                ", ".join(devices),
            ]
        )
    table = Table(
        caption="Wall time of the walk-forward in seconds, and the largest memory of a worker",
        header=("Model", *reports, "All", "Peak MiB", "Device"),
        groups=[("", rows)],
        text_columns=frozenset({0, len(reports) + 3}),
    )
    page.add("cost", "Cost", table.render())
