"""Checks of what the project reads: keys in the environment, and how fresh the rows are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pandas as pd

from soyoil.external.api import SERVICES
from soyoil.external.config import ExternalConfig
from soyoil.external.load import rows_of
from soyoil.external.registry import SOURCES
from soyoil.sources.base import SourceConfig
from soyoil.upkeep.finding import Finding, State
from soyoil.warehouse.live import Inspector

SESSIONS: Final = "market_data.soyoil_futures_sessions"
MATRIX: Final = "features.daily_ml_matrix"
DATABENTO_KEY: Final = "DATABENTO_API_KEY"
GOOGLE_FILE: Final = "GOOGLE_APPLICATION_CREDENTIALS"
GOOGLE_DEFAULT: Final = ".config/gcloud/application_default_credentials.json"
INGEST: Final = "Run: kedro run --pipeline=ingest"
STALE_DAYS: Final = 5
"""A weekend with a holiday on each side, and the day that is still under way."""


def newest_by_root(inspector: Inspector, table: str) -> dict[str, dt.date]:
    """Newest ``data_date`` of each ``symbol`` of a contracted table; empty without the table."""
    live = inspector.inspect().tables.get(inspector.own_prefix + table)
    if live is None or live.rows == 0:
        return {}
    rows = inspector.read(live, ["symbol", "data_date"])
    found = rows.group_by("symbol").aggregate([("data_date", "max")])
    newest = zip(found["symbol"].to_pylist(), found["data_date_max"].to_pylist(), strict=True)
    return {str(symbol): day for symbol, day in newest if day is not None}


def session_finding(
    source: SourceConfig, target: str, newest: Mapping[str, dt.date], today: dt.date
) -> Finding:
    """How far the newest session is behind today, or behind the end of the synthetic market.

    Parameters
    ----------
    source
        Where bars come from.
    target
        Root that is forecast.
    newest
        Newest session by root.
    today
        Day, UTC.
    """
    day = newest.get(target)
    if day is None:
        return Finding("sessions", "warn", f"no session of {target} yet", INGEST)
    end = min(source.synthetic.end, today) if source.kind == "synthetic" else today
    days = (end - day).days
    behind = [root for root in source.symbols if newest.get(root, dt.date.min) < day]
    said = f"{target} to {day}, {days} days before {end}"
    if behind:
        shown = ", ".join(f"{root} {newest.get(root, 'none')}" for root in behind[:4])
        said += f"; behind it: {shown}"
    state: State = "warn" if days > STALE_DAYS else "ok"
    return Finding("sessions", state, said, INGEST if state == "warn" else "")


def outside_findings(
    config: ExternalConfig, inspector: Inspector, now: pd.Timestamp
) -> Iterator[Finding]:
    """How old the newest value of each outside source is that is on.

    Parameters
    ----------
    config
        Outside sources.
    inspector
        Of the warehouse.
    now
        Moment, UTC.
    """
    if not config.on():
        yield Finding("outside sources", "ok", "all are off")
        return
    tables = inspector.inspect().tables
    for name in config.on():
        spec = SOURCES[name]
        live = tables.get(inspector.own_prefix + spec.table)
        if live is None or live.rows == 0:
            yield Finding(name, "warn", "on, but nothing is stored yet", INGEST)
            continue
        rows = inspector.read(live, [spec.series, spec.age_from, "provenance"]).to_pandas()
        own = rows_of(spec, rows, config.of(name))
        if own.empty:
            yield Finding(name, "warn", f"on ({config.of(name).origin}), nothing stored", INGEST)
            continue
        newest = pd.Timestamp(own[spec.age_from].max())
        newest = newest.tz_localize("UTC") if newest.tzinfo is None else newest
        days = (now - newest).days
        stale = days > spec.fresh_days and config.of(name).origin != "synthetic"
        said = f"newest value {newest:%Y-%m-%d}, {days} days old (at most {spec.fresh_days})"
        yield Finding(name, "warn" if stale else "ok", said, INGEST if stale else "")


def credential_findings(
    source: SourceConfig,
    external: ExternalConfig,
    environment: Mapping[str, str],
    *,
    google: bool,
    tracking: str,
) -> Iterator[Finding]:
    """Which keys are there for what is on; a value is never looked at beyond being empty.

    Parameters
    ----------
    source, external
        What is read.
    environment
        Environment variables.
    google
        Whether the warehouse is BigQuery, and its credentials are those of the environment.
    tracking
        Address of the tracking store.
    """
    wanted: list[tuple[str, str, bool]] = []
    if source.download.mode is not None:
        wanted.append((DATABENTO_KEY, "source.download", True))
    for name in external.on():
        service = SERVICES.get(name)
        if external.of(name).origin == "api" and service is not None and service.key is not None:
            wanted.append((service.key.variable, f"external.{name}", service.key.required))
    findings = [_key_finding(*entry, environment) for entry in wanted]
    if google or external.weather.origin == "bigquery":
        findings.append(_google_finding(environment))
    if tracking.startswith("http") and "@" not in tracking:
        names = ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME")
        given = [name for name in names if environment.get(name)]
        said = f"tracking server: {', '.join(given) or 'no variable'} set"
        findings.append(Finding("credentials", "ok", said))
    yield from findings or [Finding("credentials", "ok", "nothing that is on needs a key")]


def _key_finding(
    variable: str, who: str, required: bool, environment: Mapping[str, str]
) -> Finding:
    if environment.get(variable, "").strip():
        return Finding("credentials", "ok", f"{variable} is set, for {who}")
    if required:
        return Finding(
            "credentials", "fail", f"{variable} is not set, for {who}", f"export {variable}=..."
        )
    return Finding("credentials", "ok", f"{variable} is not set; {who} works without")


def _google_finding(environment: Mapping[str, str]) -> Finding:
    given = environment.get(GOOGLE_FILE)
    if given:
        there = Path(given).is_file()
        said = f"{GOOGLE_FILE} is set, and names {'a' if there else 'no'} file"
        remedy = "" if there else f"Correct {GOOGLE_FILE}."
        return Finding("credentials", "ok" if there else "fail", said, remedy)
    if (Path.home() / GOOGLE_DEFAULT).is_file():
        return Finding("credentials", "ok", "Google's Application Default Credentials are there")
    return Finding(
        "credentials",
        "warn",
        "no Google credentials were found in the usual places",
        "Run: gcloud auth application-default login",
    )
