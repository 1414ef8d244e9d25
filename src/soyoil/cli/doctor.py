"""``kedro doctor``."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Final

import click
import pandas as pd
from kedro.framework.session import KedroSession
from kedro.utils import find_kedro_project
from rich.console import Console

from soyoil.base.data_folder import data_folder
from soyoil.base.errors import WarehouseBusyError
from soyoil.cli.options import run_options
from soyoil.cli.places import Opened, look_into
from soyoil.regimes.table import regime_frame
from soyoil.reports.findings import print_findings
from soyoil.sources.identity import market_identity
from soyoil.tracking.environment import STORE_VARIABLE, use_default_store
from soyoil.tracking.look.store import look_at_store
from soyoil.upkeep import machine
from soyoil.upkeep.finding import Check, Finding, as_json, examine, has_failed
from soyoil.upkeep.folder import leftover_findings, lock_finding, snapshot_findings
from soyoil.upkeep.places import SNAPSHOTS
from soyoil.upkeep.sources import (
    INGEST,
    MATRIX,
    SESSIONS,
    credential_findings,
    newest_by_root,
    outside_findings,
    session_finding,
)
from soyoil.warehouse.live import LiveWarehouse

WIDTH: Final = 80


class _Patient:
    """One run of the doctor: what is looked at once and used by several checks."""

    def __init__(self, root: Path, found: Opened | None) -> None:
        self.root = root
        self.found = found
        self.live = cache(self._live)
        self.newest = cache(self._newest)

    def _live(self) -> LiveWarehouse:
        assert self.found is not None
        return self.found.warehouse.load().inspect()

    def _newest(self, table: str) -> dict[str, dt.date]:
        assert self.found is not None
        return newest_by_root(self.found.warehouse.load(), table)

    def warehouse(self) -> Iterator[Finding]:
        """Whether it can be read and written, and what it holds."""
        assert self.found is not None
        try:
            said = self.found.warehouse.check_access()
            tables = [table for table in self.live().tables.values() if table.kind == "table"]
        except WarehouseBusyError as error:
            yield Finding("warehouse", "warn", str(error), "Wait for the other process.")
            return
        if not tables:
            yield Finding("warehouse", "warn", said, INGEST)
            return
        rows = sum(table.rows or 0 for table in tables)
        yield Finding("warehouse", "ok", f"{said}; {len(tables)} tables, {rows:,} rows")

    def sessions(self) -> Finding:
        """How fresh bars are."""
        assert self.found is not None
        parameters = self.found.parameters
        return session_finding(
            parameters.source, parameters.target.symbol, self.newest(SESSIONS), _today()
        )

    def outside(self) -> Iterator[Finding]:
        """How fresh outside sources are."""
        assert self.found is not None
        inspector = self.found.warehouse.load()
        now = pd.Timestamp.now("UTC")
        yield from outside_findings(self.found.parameters.external, inspector, now)

    def snapshot(self) -> Iterator[Finding]:
        """Whether the snapshot is that of the parameters and of the matrix."""
        assert self.found is not None
        parameters = self.found.parameters
        symbol = parameters.target.symbol
        market = market_identity(
            parameters.source, symbol, parameters.external.identity(), parameters.features.groups
        )
        newest = None
        with suppress(WarehouseBusyError):  # told of by the check of the warehouse
            newest = self.newest(MATRIX).get(symbol)
        folder = self.found.places.data / SNAPSHOTS
        yield from snapshot_findings(folder, market, regime_frame(parameters.regimes), newest)

    def credentials(self) -> Iterator[Finding]:
        """Which keys are set."""
        assert self.found is not None
        yield from credential_findings(
            self.found.parameters.source,
            self.found.parameters.external,
            os.environ,
            google=self.found.warehouse.uses_google_default,
            tracking=self.found.tracking,
        )


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


def _store() -> Iterator[Finding]:
    look = look_at_store(os.environ[STORE_VARIABLE])
    if not look.writable:
        yield Finding("MLflow", "fail", f"{look.place} cannot be written", "Give yourself access.")
    elif look.state == "missing":
        yield Finding("MLflow", "warn", f"{look.place} is not there yet", "Run: kedro run")
    elif look.state == "old":
        yield Finding(
            "MLflow",
            "fail",
            f"the tables of {look.place} are of another version of MLflow ({look.runs} runs)",
            "Take a backup (kedro backup FOLDER), then run: mlflow db upgrade $MLFLOW_TRACKING_URI",
        )
    else:
        runs = "" if look.runs is None else f", {look.runs:,} runs"
        yield Finding("MLflow", "ok", f"{look.place}{runs}")
    if look.dead:
        said = f"RUNNING, but killed: {', '.join(look.dead[:3])}"
        remedy = "The next tracked run closes them as KILLED."
        yield Finding("MLflow", "warn", said, remedy)


@contextmanager
def _silent() -> Iterator[None]:
    """Without log lines between the lines of the table."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _checks(
    patient: _Patient, error: Exception | None, *, device: bool, folder: Path
) -> dict[str, Check]:
    found = patient.found
    fit = None if found is None else found.parameters.fit
    # Every engine section is a field of the parameters, typed when it is made.
    wanted = "auto" if found is None else str(getattr(found.parameters, "tft").device)  # noqa: B009

    def configuration() -> Finding:
        if error is not None:
            raise error
        return Finding("configuration", "ok", "every parameter is known and allowed")

    checks: dict[str, Check] = {
        "Python": machine.python_finding,
        "packages": lambda: machine.package_findings(patient.root),
        "configuration": configuration,
        "device": lambda: machine.device_finding(wanted, check=device),
        "OpenMP": machine.openmp_here,
        "threads": lambda: machine.thread_findings(fit, os.environ),
        "disk": lambda: machine.disk_findings([folder]),
        "data folder": lambda: lock_finding(folder),
        "MLflow": _store,
    }
    if found is None:
        return checks
    return {
        **checks,
        "leftovers": lambda: leftover_findings(found.places),
        "credentials": patient.credentials,
        "warehouse": patient.warehouse,
        "sessions": patient.sessions,
        "outside sources": patient.outside,
        "snapshot": patient.snapshot,
    }


def _examine(root: Path, options: dict[str, Any], *, device: bool) -> list[Finding]:
    found, error = None, None
    try:
        session = KedroSession.create(
            project_path=root,
            env=options["env"],
            conf_source=options["conf_source"],
            runtime_params=options["params"],
        )
        found = look_into(session.load_context())
    except Exception as problem:  # noqa: BLE001 (a finding of the table)
        error = problem
    use_default_store(root)
    try:
        folder = data_folder(root)
    except Exception:  # noqa: BLE001 (told of by the configuration, which checks it)
        folder = root / "data"
    checks = _checks(_Patient(root, found), error, device=device, folder=folder)
    findings = examine(checks)
    if found is None:
        said = "credentials, warehouse, sources and snapshot were not looked at"
        findings.append(Finding("others", "warn", said, "Mend the configuration first."))
    return findings


def _doctor(*, device: bool, as_data: bool, **options: Any) -> None:
    root = find_kedro_project(Path.cwd()) or Path.cwd()
    with _silent():
        findings = _examine(root, options, device=device)
    if as_data:
        click.echo(json.dumps(as_json(findings), indent=1))
    else:
        console = Console()
        console.width = min(console.width, WIDTH) if console.is_terminal else console.width
        print_findings(findings, console)
    if has_failed(findings):
        raise SystemExit(1)


doctor = click.Command(
    name="doctor",
    callback=_doctor,
    short_help="Look at machine, packages, stores, sources and settings; changes nothing.",
    help="Look at machine, packages, stores, sources and settings, and say what to do about what "
    "is wrong. Changes nothing. Exit code 0 if nothing fails, else 1.\n\n"
    "Example: kedro doctor --device --params=source.kind=databento,source.path=/data/databento",
    params=[
        *run_options("env", "params", "conf_source"),
        click.Option(
            ["--device"], is_flag=True, help="Compute a small step on MPS or CUDA and the CPU."
        ),
        click.Option(["--json", "as_data"], is_flag=True, help="Print JSON instead of the table."),
    ],
)
