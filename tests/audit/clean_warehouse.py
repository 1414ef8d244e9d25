"""A small warehouse built by the project's own nodes, and its audit."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import yaml

from soyoil.audit.audit import audit_warehouse
from soyoil.audit.config import AuditConfig
from soyoil.audit.report import AuditReport
from soyoil.contracts.contract import load_contract, load_contracts
from soyoil.contracts.validation import validate
from soyoil.params import TargetConfig
from soyoil.pipelines.features.nodes import assemble_matrix, compute_features
from soyoil.pipelines.ingest.nodes import make_sessions, read_source
from soyoil.pipelines.regimes.nodes import make_regime_table
from soyoil.sources.base import SourceConfig
from soyoil.sources.vendor_store import NoStore
from soyoil.warehouse.connection import ConnectionConfig, DuckDBConnection
from soyoil.warehouse.open import connect, open_inspector

NOW = dt.datetime(2022, 1, 3, 12, 0, tzinfo=dt.UTC)


def build_warehouse(path: Path, source: SourceConfig, root: Path) -> dict[str, pd.DataFrame]:
    """Write the tables that ingest, regimes and features write."""
    _, sessions, *_ = make_sessions(read_source(source, NoStore()))
    raw = yaml.safe_load((root / "conf" / "base" / "parameters_regimes.yml").read_text())
    regimes = make_regime_table(raw["regimes"])
    features = compute_features(sessions, source, TargetConfig())
    frames = {
        "market_data.soyoil_futures_sessions": sessions,
        "training.regime_weights": regimes,
        "features.daily_ml_matrix": assemble_matrix(features, regimes),
    }
    warehouse = connect(DuckDBConnection(path=path))
    for name, frame in frames.items():
        contract = load_contract(name)
        warehouse.write(contract, validate(frame, contract))
    return frames


def audit(connection: ConnectionConfig, now: dt.datetime = NOW, **options: object) -> AuditReport:
    """Audit with the real inspector."""
    config = AuditConfig.model_validate(options)
    return audit_warehouse(open_inspector(connection), load_contracts(), config, now)


def audit_file(path: Path, now: dt.datetime = NOW, **options: object) -> AuditReport:
    """Audit of a DuckDB file."""
    return audit(DuckDBConnection(path=path), now, **options)
