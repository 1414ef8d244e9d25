"""The report of a training run: one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from soyoil.forecast.outlook import Outlook
from soyoil.market.instruments import get_instrument
from soyoil.metrics.breakdown import coverage_table
from soyoil.metrics.evaluate import NOMINAL_COVERAGE
from soyoil.metrics.events import event_scores
from soyoil.metrics.keys import pooled
from soyoil.models.engines import is_ablation
from soyoil.models.registry import CHAMPION, REFERENCES
from soyoil.models.report import FitReport
from soyoil.reports.figures import (
    CONE_POINTS,
    cone_figure,
    coverage_figure,
    split_plan_figure,
    thin,
    weight_shares_figure,
)
from soyoil.reports.forecast.page import forecast_section
from soyoil.reports.page import (
    Html,
    Page,
    Table,
    data_banners,
    facts,
    grid,
    heading,
    paragraph,
)
from soyoil.reports.terminal import percent
from soyoil.reports.train.champion import champion_section
from soyoil.reports.train.events import event_section
from soyoil.reports.train.origin import Origin, origin_text
from soyoil.reports.train.sections import (
    cost_section,
    health_section,
    importance_section,
    significance_section,
)
from soyoil.reports.train.trust import trust_section
from soyoil.splits.snapshot import Snapshot
from soyoil.targets.horizons import Horizon


@dataclass(frozen=True, eq=False)
class HorizonResults:
    """What a training run made of one horizon.

    Attributes
    ----------
    horizon
        The horizon.
    predictions
        Out-of-sample forecasts by model.
    fit_reports
        Fit reports by fitted model.
    split_plan, weight_report
        Tables of the split stage.
    experts
        Weights of the champion's experts.
    """

    horizon: Horizon
    predictions: Mapping[str, pd.DataFrame]
    fit_reports: Mapping[str, FitReport]
    split_plan: pd.DataFrame
    weight_report: pd.DataFrame
    experts: pd.DataFrame


@dataclass(frozen=True, eq=False)
class RunResults:
    """What the report is made of.

    Attributes
    ----------
    snapshot
        Matrix rows and regimes.
    features
        Columns of the matrix that models may see.
    profile
        Profile of the run.
    skill_table
        One row per horizon and model, as the evaluate stage writes it.
    horizons
        Results per horizon, shortest first.
    outlooks
        Forecasts from the last session.
    quarantine
        Bars that were set aside: ``reason``, ``symbol``, ``file``, ``count``, ``first``, ``last``.
    origin
        The tracked run that they belong to; None if none is known.
    """

    snapshot: Snapshot
    features: Sequence[str]
    profile: str
    skill_table: pd.DataFrame
    horizons: Sequence[HorizonResults]
    outlooks: Sequence[Outlook]
    quarantine: pd.DataFrame
    origin: Origin | None = None


def _shown_models(results: RunResults, horizon: HorizonResults) -> list[str]:
    """The champion, the engines by their pinball loss, best first, then the vol cone."""
    table = results.skill_table
    own = table[table["horizon"] == horizon.horizon.name]
    ranked = own.sort_values(pooled("skill_pinball"), ascending=False, kind="stable")
    fitted = [m for m in ranked["model"] if m in horizon.fit_reports and not is_ablation(m)]
    return [CHAMPION, *fitted, "vol_cone"]


def _cone_section(page: Page, results: RunResults) -> None:
    unit = get_instrument(results.snapshot.symbol).unit
    parts: list[Html] = []
    for horizon in results.horizons:
        views = [
            (model, cone_figure(thin(horizon.predictions[model]), "", unit))
            for model in _shown_models(results, horizon)
        ]
        rows = max(len(frame) for frame in horizon.predictions.values())
        step = -(-rows // CONE_POINTS)
        drawn = f"; every {step}th origin is drawn" if step > 3 else ""
        drawn = {2: "; every second origin is drawn", 3: "; every third origin is drawn"}.get(
            step, drawn
        )
        parts.append(heading(f"Horizon {horizon.horizon.name}"))
        parts.append(
            page.figure(
                views,
                f"{horizon.horizon.name}: 80 % interval and median as given "
                f"{horizon.horizon.sessions} sessions before, and the outcome, {unit}{drawn}",
            )
        )
    page.add(
        "cones",
        "Price cones and outcomes",
        paragraph(
            "Each forecast stands at the date on which its label ended. Prices are those of a "
            "position rolled from the contract of the origin, not of the front month. The "
            "champion is shown first, then the engines by their pinball skill.",
            "note",
        ),
        *parts,
    )


def _coverage_section(page: Page, results: RunResults) -> None:
    parts = []
    for horizon in results.horizons:
        views = []
        for model in _shown_models(results, horizon):
            table = coverage_table(horizon.predictions[model], horizon.horizon.sessions)
            views.append((model, coverage_figure(table[table["group"] != "year"], "")))
        parts.append(page.figure(views, f"{horizon.horizon.name}: coverage by regime at origin"))
    page.add(
        "coverage",
        "Coverage by regime",
        paragraph(
            "Share of outcomes inside the interval that should hold "
            f"{percent(NOMINAL_COVERAGE, 0)} of them. The bands are where a calibrated "
            "interval lies, given how few independent labels a regime has.",
            "note",
        ),
        grid(parts),
    )


def _events(results: RunResults, horizon: HorizonResults) -> pd.DataFrame:
    references = {name: horizon.predictions[name] for name in REFERENCES}
    return event_scores(
        horizon.predictions[CHAMPION],
        references,
        results.snapshot.matrix,
        horizon.horizon.sessions,
    )


def _plan_section(page: Page, results: RunResults) -> None:
    parts = [
        page.figure(
            split_plan_figure(h.split_plan, results.snapshot.regimes, ""),
            f"{h.horizon.name}: folds, with the purge gaps of {h.horizon.sessions} sessions "
            "between them left blank",
        )
        for h in results.horizons
    ]
    page.add(
        "folds",
        "Folds and purge gaps",
        paragraph(
            "A row may serve a later block only if its label ends before that block begins.", "note"
        ),
        grid(parts),
    )


def _all_regimes(weight_report: pd.DataFrame, regimes: pd.DataFrame) -> pd.DataFrame:
    """The report with a share of every regime in time order, so that colours mean the same."""
    shares = [f"share.{name}" for name in regimes["regime_name"]]
    others = [name for name in weight_report.columns if not name.startswith("share.")]
    return weight_report.reindex(columns=[*others, *shares])


def _weight_section(page: Page, results: RunResults) -> None:
    rows = []
    for horizon in results.horizons:
        last = horizon.weight_report.iloc[-1]
        words = [str(last[name]) if pd.notna(last[name]) else "" for name in ("dominant", "unused")]
        rows.append(
            [
                horizon.horizon.name,
                f"{last['rows']:,.0f}",
                f"{last['effective_n']:,.0f}",
                f"{last['independent_n']:.1f}",
                *(word or "none" for word in words),
            ]
        )
    table = Table(
        caption="Training rows of the last fold",
        header=(
            "Horizon", "Rows", "Effective n", "Effective n / h", "Regime above 40 % of the weight",
            "Regimes without a row",
        ),
        groups=[("", rows)],
        text_columns=frozenset({0, 4, 5}),
    )  # fmt: skip
    parts = [
        page.figure(
            weight_shares_figure(_all_regimes(h.weight_report, results.snapshot.regimes), ""),
            f"{h.horizon.name}: share of the training weight by regime, per fold",
        )
        for h in results.horizons
    ]
    page.add(
        "weights",
        "Weights and effective n",
        paragraph(
            "Regimes weigh what was known at each fold's cutoff. The values themselves were set "
            "with hindsight.",
            "note",
        ),
        table.render(),
        grid(parts),
    )


def training_report(results: RunResults) -> str:
    """The report as one HTML file that asks for nothing from anywhere.

    Parameters
    ----------
    results
        Everything that is shown.
    """
    snapshot = results.snapshot
    days = snapshot.matrix["data_date"]
    lead = data_banners(snapshot.provenance, snapshot.rolls)
    lead.append(
        facts(
            [
                ("Target", f"{snapshot.symbol}, roll-free log return"),
                ("Data", f"{snapshot.data_text}, {days.min():%Y-%m-%d} to {days.max():%Y-%m-%d}"),
                ("Sessions", f"{len(days):,}"),
                ("Profile", results.profile),
                ("Horizons", ", ".join(h.horizon.name for h in results.horizons)),
                ("Snapshot", snapshot.content_hash[:16]),
            ]
        )
    )
    lead.append(origin_text(results.origin))
    page = Page(f"{snapshot.symbol} forecasts: report of a training run", Html("".join(lead)))
    forecast_section(page, snapshot, results.outlooks)
    trust_section(page, results.skill_table)
    page.fold_rest()
    significance_section(page, results.skill_table)
    champion_section(
        page, results.skill_table, {h.horizon.name: h.experts for h in results.horizons}
    )
    _cone_section(page, results)
    _coverage_section(page, results)
    event_section(page, CHAMPION, {h.horizon.name: _events(results, h) for h in results.horizons})
    _plan_section(page, results)
    _weight_section(page, results)
    reports = {h.horizon.name: h.fit_reports for h in results.horizons}
    importance_section(page, reports)
    health_section(page, snapshot.matrix, results.features, results.quarantine)
    cost_section(page, reports)
    return page.render()
