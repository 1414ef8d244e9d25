"""From the frames of the split stage to files that say what they are."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pandas as pd

from soyoil.base.errors import ConfigError, SoyoilError
from soyoil.contracts.contract import load_contract
from soyoil.export.config import ExportConfig
from soyoil.features.outside import switched_on
from soyoil.splits.snapshot import Snapshot
from soyoil.targets.horizons import get_horizon

MANIFEST: Final = "manifest.json"
MATRIX: Final = "features.daily_ml_matrix"


class ExportError(SoyoilError):
    """Files could not be written to where they should go."""


@dataclass(frozen=True, eq=False)
class Export:
    """Files of an export.

    Attributes
    ----------
    path
        Folder or URI.
    files
        Content by name; `MANIFEST` comes last.
    """

    path: str
    files: Mapping[str, bytes]


@dataclass(frozen=True, eq=False)
class HorizonFrames:
    """What the split stage made of one horizon."""

    labels: pd.DataFrame
    split_plan: pd.DataFrame
    sample_weights: pd.DataFrame


def _encode(frame: pd.DataFrame, kind: str) -> bytes:
    plain = frame.reset_index(drop=True)
    plain.attrs = {}
    buffer = io.BytesIO()
    if kind == "parquet":
        plain.to_parquet(buffer, index=False)
    else:
        # The shortest decimal that gives the same number back.
        plain.to_csv(buffer, index=False, lineterminator="\n", date_format="%Y-%m-%dT%H:%M:%S")
    return buffer.getvalue()


def _units() -> dict[str, str]:
    columns = load_contract(MATRIX).flat_columns()
    return {name: column.unit for name, column in columns.items() if column.unit}


def training_frame(snapshot: Snapshot, labels: pd.DataFrame, target: str) -> pd.DataFrame:
    """Rows of the matrix with the label of one horizon, and no other.

    Parameters
    ----------
    snapshot
        Rows of the target symbol, ascending.
    labels
        ``data_date``, ``label_end_date`` and `target` of the same sessions.
    target
        Column of the label, log return.
    """
    own = labels[["data_date", "label_end_date", target]]
    return snapshot.matrix.merge(own, on="data_date", how="left", validate="1:1")


def export_files(
    snapshot: Snapshot, frames: Mapping[str, HorizonFrames], config: ExportConfig, code: str
) -> Export:
    """Files of an export.

    Parameters
    ----------
    snapshot
        Rows of the target and the regimes.
    frames
        Frames by name of the horizon; those that `config` does not name are left out.
    config
        Format and horizons.
    code
        Version of the code, for the manifest.

    Returns
    -------
    Export
        ``training_<h>`` (features and the one label), ``split_plan_<h>`` and
        ``sample_weights_<h>`` for each horizon, ``regimes``, and a manifest with the SHA-256 and
        the rows of each file, the hash of the snapshot, the features and their units.
    """
    tables = {"regimes": snapshot.regimes}
    for name in config.horizons:
        own, target = frames[name], get_horizon(name).target
        tables[f"training_{name}"] = training_frame(snapshot, own.labels, target)
        tables[f"split_plan_{name}"] = own.split_plan
        tables[f"sample_weights_{name}"] = own.sample_weights
    files = {f"{n}.{config.format}": _encode(t, config.format) for n, t in tables.items()}
    manifest: dict[str, Any] = {
        "symbol": snapshot.symbol,
        "provenance": snapshot.provenance,
        "rolls": snapshot.rolls,
        "snapshot": snapshot.content_hash,
        "contracts": dict(snapshot.contracts),
        "soyoil": code,
        "first": f"{snapshot.matrix['data_date'].iloc[0]:%Y-%m-%d}",
        "last": f"{snapshot.matrix['data_date'].iloc[-1]:%Y-%m-%d}",
        "horizons": {
            name: {"sessions": get_horizon(name).sessions, "target": get_horizon(name).target}
            for name in config.horizons
        },
        "features": list(switched_on(load_contract(MATRIX).feature_columns(), snapshot.matrix)),
        "units": _units(),
        "files": {
            name: {
                "rows": len(tables[name.rpartition(".")[0]]),
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
            for name, content in files.items()
        },
    }
    files[MANIFEST] = (json.dumps(manifest, indent=1) + "\n").encode()
    return Export(config.path, files)


def write_export(export: Export, root: str) -> str:
    """Write the files of an export; its manifest is taken away first and comes last.

    Parameters
    ----------
    export
        The files.
    root
        What a relative path is relative to.

    Returns
    -------
    str
        Where they are.

    Raises
    ------
    ConfigError
        Nothing installed here knows the kind of URI.
    ExportError
        The place cannot be written to.
    """
    import fsspec

    scheme = urlsplit(export.path).scheme
    remote = "://" in export.path
    path = Path(export.path).expanduser()
    url = export.path if remote else str(Path(root) / path)
    try:
        files, place = fsspec.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise ConfigError(
            f"export.path={export.path}: nothing here writes to {scheme}:// ({error}). For Google "
            'Cloud Storage: pip install "soyoil[gcs]".'
        ) from error
    try:
        files.makedirs(place, exist_ok=True)
        if files.exists(f"{place}/{MANIFEST}"):
            files.rm(f"{place}/{MANIFEST}")
        for name, content in export.files.items():
            with files.open(f"{place}/{name}", "wb") as out:
                out.write(content)
    except Exception as error:
        # Each kind of store has errors of its own.
        problem = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ExportError(
            f"The export could not be written to {export.path}: {problem}. Without "
            f"{MANIFEST} what is there is not complete; run it again."
        ) from error
    return url
