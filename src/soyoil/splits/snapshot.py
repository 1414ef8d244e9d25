"""The snapshot: everything that fits and scores, addressed by its content.

After the split stage nothing reads the warehouse. A snapshot holds the matrix rows of the
target symbol, the regime table and the hashes of the contracts they satisfied.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from soyoil.errors import SplitError

MATRIX_FILE = "matrix.parquet"
REGIMES_FILE = "regimes.parquet"
MANIFEST_FILE = "manifest.json"
POINTER_FILE = "current.json"


@dataclass(frozen=True)
class Snapshot:
    """Matrix rows of one symbol and the regime table, with their content hash.

    Attributes
    ----------
    matrix
        Flat matrix rows of the target symbol, ascending by ``data_date``.
    regimes
        Regime table, ascending by ``start_date``.
    symbol
        Target symbol.
    provenance
        ``observed`` or ``synthetic``.
    contracts
        Content hash of each contract behind the rows.
    """

    matrix: pd.DataFrame
    regimes: pd.DataFrame
    symbol: str
    provenance: str
    contracts: Mapping[str, str]

    @property
    def content_hash(self) -> str:
        """SHA-256 over matrix rows, regime table, symbol and contract hashes."""
        digest = hashlib.sha256()
        digest.update(frame_digest(self.matrix))
        digest.update(frame_digest(self.regimes))
        meta = {"symbol": self.symbol, "contracts": dict(self.contracts)}
        digest.update(json.dumps(meta, sort_keys=True).encode())
        return digest.hexdigest()


def frame_digest(frame: pd.DataFrame) -> bytes:
    """SHA-256 of a frame's column names, dtypes and values; columns in name order."""
    digest = hashlib.sha256()
    for column in sorted(frame.columns):
        values = frame[column].reset_index(drop=True)
        digest.update(f"{column}:{values.dtype}".encode())
        digest.update(pd.util.hash_pandas_object(values, index=False).to_numpy().tobytes())
    return digest.digest()


def take_snapshot(
    matrix: pd.DataFrame, regimes: pd.DataFrame, symbol: str, contracts: Mapping[str, str]
) -> Snapshot:
    """Cut the rows of one symbol out of the matrix.

    Raises
    ------
    SplitError
        If the symbol has no row or its rows have more than one provenance.
    """
    rows = matrix[matrix["symbol"] == symbol].sort_values("data_date").reset_index(drop=True)
    if rows.empty:
        there = ", ".join(sorted(matrix["symbol"].unique())) or "none"
        raise SplitError(
            f"The matrix holds no row of target.symbol={symbol!r} (symbols there: {there}). "
            "Add it to source.symbols or choose another target."
        )
    provenances = sorted(rows["provenance"].unique())
    if len(provenances) > 1:
        raise SplitError(
            f"The matrix rows of {symbol} mix provenances {', '.join(provenances)}; observed and "
            "synthetic rows may not meet. Remove one of them from the warehouse."
        )
    ordered = regimes.sort_values("start_date").reset_index(drop=True)
    return Snapshot(rows, ordered, symbol, str(provenances[0]), dict(contracts))


def write_snapshot(snapshot: Snapshot, folder: Path) -> Path:
    """Write a snapshot under its hash and point ``current.json`` at it.

    The folder of a snapshot appears complete or not at all; one that is there already is
    left alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = snapshot.content_hash
    target = folder / name[:16]
    if not (target / MANIFEST_FILE).is_file():
        stage = Path(tempfile.mkdtemp(prefix=".stage-", dir=folder))
        try:
            snapshot.matrix.to_parquet(stage / MATRIX_FILE, index=False)
            snapshot.regimes.to_parquet(stage / REGIMES_FILE, index=False)
            manifest = {
                "hash": name,
                "symbol": snapshot.symbol,
                "provenance": snapshot.provenance,
                "contracts": dict(snapshot.contracts),
                "rows": len(snapshot.matrix),
                "first": f"{snapshot.matrix['data_date'].iloc[0]:%Y-%m-%d}",
                "last": f"{snapshot.matrix['data_date'].iloc[-1]:%Y-%m-%d}",
            }
            (stage / MANIFEST_FILE).write_text(json.dumps(manifest, indent=2) + "\n")
            if target.exists():
                shutil.rmtree(target)
            stage.rename(target)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
    pointer = folder / f".{POINTER_FILE}.{os.getpid()}"
    pointer.write_text(json.dumps({"snapshot": target.name}) + "\n")
    pointer.replace(folder / POINTER_FILE)
    return target


def read_snapshot(folder: Path) -> Snapshot:
    """Read the snapshot that ``current.json`` points at and check its hash.

    Raises
    ------
    SplitError
        If there is none, a file is missing or the content does not match the hash.
    """
    remedy = "Run the split stage: kedro run --pipeline=split."
    try:
        name = json.loads((folder / POINTER_FILE).read_text())["snapshot"]
        manifest = json.loads((folder / name / MANIFEST_FILE).read_text())
        matrix = pd.read_parquet(folder / name / MATRIX_FILE)
        regimes = pd.read_parquet(folder / name / REGIMES_FILE)
    except FileNotFoundError as error:
        raise SplitError(f"There is no complete snapshot under {folder}. {remedy}") from error
    snapshot = Snapshot(
        matrix, regimes, manifest["symbol"], manifest["provenance"], manifest["contracts"]
    )
    if snapshot.content_hash != manifest["hash"]:
        raise SplitError(f"Snapshot {name} under {folder} was changed after writing. {remedy}")
    return snapshot
