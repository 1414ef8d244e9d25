"""The snapshot: everything that fits and scores, addressed by its content.

After the split stage nothing reads the warehouse. A snapshot holds the matrix rows of the
target symbol, the regime table and the hashes of the contracts they satisfied.
"""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from soyoil.base.arrays import FloatArray
from soyoil.base.errors import SplitError
from soyoil.base.handover import frame_digest
from soyoil.base.leftovers import unfinished
from soyoil.market.conventions import Rolls
from soyoil.market.rolls import data_text
from soyoil.warehouse.origins import OTHERS

MATRIX_FILE = "matrix.parquet"
REGIMES_FILE = "regimes.parquet"
MANIFEST_FILE = "manifest.json"
POINTER_FILE = "current.json"
_FOLDER = 16
"""Characters of the hash that name a snapshot's folder."""


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
    made_from
        Dotted parameters that the rows were made with; see `soyoil.sources.identity`. No part of
        the content: other parameters may give the same rows.
    """

    matrix: pd.DataFrame
    regimes: pd.DataFrame
    symbol: str
    provenance: str
    contracts: Mapping[str, str]
    made_from: Mapping[str, Any] = field(default_factory=dict)

    @functools.cached_property
    def content_hash(self) -> str:
        """SHA-256 over matrix rows, regime table, symbol and contract hashes."""
        digest = hashlib.sha256()
        digest.update(frame_digest(self.matrix))
        digest.update(frame_digest(self.regimes))
        meta = {"symbol": self.symbol, "contracts": dict(self.contracts)}
        digest.update(json.dumps(meta, sort_keys=True).encode())
        return digest.hexdigest()

    def shared(self) -> Snapshot:
        """The same rows for another user: pandas copies what either of them changes."""
        twin = replace(
            self, matrix=self.matrix.copy(deep=False), regimes=self.regimes.copy(deep=False)
        )
        vars(twin)["content_hash"] = self.content_hash
        return twin

    @property
    def rolls(self) -> Rolls:
        """Whether the bars behind the rows named their contracts; rows that do not say so did."""
        unknown = "rolls" in self.matrix and (self.matrix["rolls"] == "unknown").any()
        return "unknown" if unknown else "known"

    @property
    def data_text(self) -> str:
        """What the rows are, for titles: ``observed data, rolls unknown``."""
        return data_text(self.provenance, self.rolls)

    @property
    def returns(self) -> FloatArray:
        """Roll-free daily log returns of the target, shape ``(n,)``."""
        return self.matrix["market_data.roll_free_return"].to_numpy(dtype="float64")

    @property
    def hourly_vol(self) -> FloatArray:
        """Annualised volatility of each session's hourly returns, NaN where none; ``(n,)``."""
        column = self.matrix["market_data.realized_vol_1h"]
        return column.to_numpy(dtype="float64", na_value=float("nan"))

    def sessions(self) -> pd.DataFrame:
        """Session index of the target: date, close, roll-free return and roll flag."""
        return pd.DataFrame(
            {
                "data_date": self.matrix["data_date"],
                "close": self.matrix["market_data.close"],
                "roll_free_return": self.matrix["market_data.roll_free_return"],
                "is_roll": self.matrix["market_data.is_roll"],
            }
        )


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
    # What the warehouse said of all symbols is nothing that belongs to these rows.
    rows.attrs = {}
    if rows.empty:
        # Whoever read the rows of the target alone tells of the others.
        others = matrix.attrs.get(OTHERS, {}).get("symbol", matrix["symbol"])
        there = ", ".join(sorted(set(others))) or "none"
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
    ordered.attrs = {}
    return Snapshot(rows, ordered, symbol, str(provenances[0]), dict(contracts))


def write_snapshot(snapshot: Snapshot, folder: Path) -> Path:
    """Write a snapshot under its hash and point ``current.json`` at it.

    The folder of a snapshot appears complete or not at all; one that is there already is
    left alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = snapshot.content_hash
    target = folder / name[:_FOLDER]
    if not (target / MANIFEST_FILE).is_file():
        stage = unfinished(target)
        shutil.rmtree(stage, ignore_errors=True)
        stage.mkdir()
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
    pointer = unfinished(folder / POINTER_FILE)
    current = {"snapshot": target.name, "made_from": dict(snapshot.made_from)}
    pointer.write_text(json.dumps(current) + "\n")
    pointer.replace(folder / POINTER_FILE)
    return target


def read_snapshot(folder: Path) -> Snapshot:
    """Read the snapshot that ``current.json`` points at and check its hash.

    Raises
    ------
    SplitError
        If there is none, a file is missing or damaged, or the content does not match the hash.
    """
    remedy = "Run the split stage: kedro run --pipeline=split."
    try:
        current = _read_json(folder / POINTER_FILE, remedy, "snapshot")
    except FileNotFoundError as error:
        raise _incomplete(folder, error, remedy) from error
    made_from = current.get("made_from") or {}
    return _read_whole(folder, str(current["snapshot"]), made_from, remedy)


def read_kept(folder: Path, name: str) -> Snapshot:
    """Read a snapshot by its content hash, whether or not it is the current one.

    Parameters
    ----------
    folder
        Folder that holds all snapshots.
    name
        SHA-256 in hexadecimal.

    Raises
    ------
    SplitError
        If it is not there, is damaged, or its content does not match the hash.
    """
    short = name[:_FOLDER]
    there = sorted(path.parent.name for path in folder.glob(f"*/{MANIFEST_FILE}"))
    remedy = "Put its folder back from where the run was made, or make the run anew."
    if short not in there:
        raise SplitError(
            f"Snapshot {short} is not under {folder} (there: {', '.join(there) or 'none'}). "
            f"{remedy}"
        )
    snapshot = _read_whole(folder, short, {}, remedy)
    if snapshot.content_hash != name:
        raise SplitError(f"Snapshot {short} under {folder} is another one of that name. {remedy}")
    return snapshot


def _incomplete(folder: Path, error: FileNotFoundError, remedy: str) -> SplitError:
    missing = Path(str(error.filename)).name
    return SplitError(
        f"There is no complete snapshot under {folder} ({missing} is missing). {remedy}"
    )


def _read_whole(folder: Path, name: str, made_from: Mapping[str, Any], remedy: str) -> Snapshot:
    """One snapshot below a folder, with its hash checked."""
    try:
        keys = ("hash", "symbol", "provenance", "contracts")
        manifest = _read_json(folder / name / MANIFEST_FILE, remedy, *keys)
        matrix = _read_table(folder / name / MATRIX_FILE, remedy)
        regimes = _read_table(folder / name / REGIMES_FILE, remedy)
    except FileNotFoundError as error:
        raise _incomplete(folder, error, remedy) from error
    snapshot = Snapshot(
        matrix,
        regimes,
        manifest["symbol"],
        manifest["provenance"],
        manifest["contracts"],
        made_from,
    )
    if snapshot.content_hash != manifest["hash"]:
        raise SplitError(f"Snapshot {name} under {folder} was changed after writing. {remedy}")
    return snapshot


def snapshot_files(folder: Path) -> tuple[Path, ...]:
    """The pointer, if it can be read with the files of the snapshot that it points at."""
    pointer = folder / POINTER_FILE
    try:
        name = str(json.loads(pointer.read_text(encoding="utf-8"))["snapshot"])
    except (OSError, ValueError, TypeError, KeyError):
        return (pointer,)
    return (pointer, *(folder / name / f for f in (MANIFEST_FILE, MATRIX_FILE, REGIMES_FILE)))


def _damaged(path: Path, what: object, remedy: str) -> SplitError:
    return SplitError(f"{path} is damaged ({what}). {remedy}")


def _read_json(path: Path, remedy: str, *keys: str) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise _damaged(path, error, remedy) from error
    if not isinstance(found, dict) or any(key not in found for key in keys):
        raise _damaged(path, f"it needs the keys {', '.join(keys)}", remedy)
    return found


def _read_table(path: Path, remedy: str) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except FileNotFoundError:
        raise
    except Exception as error:
        # Flipped bytes end up in pandas' own notes, where any exception may come of them.
        problem = (str(error) or type(error).__name__).splitlines()[0]
        raise _damaged(path, problem, remedy) from error
