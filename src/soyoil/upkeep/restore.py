"""A backup put back: checked first, staged beside its place, then swapped at once."""

from __future__ import annotations

import datetime as dt
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from soyoil.base.errors import WarehouseBusyError, WarehouseError
from soyoil.base.leftovers import unfinished
from soyoil.base.lines import damage
from soyoil.upkeep.backup import WAL
from soyoil.upkeep.files import Entry, check_room, copy_file, files_below, remove
from soyoil.upkeep.manifest import (
    ARTIFACTS,
    DATA,
    STORE,
    WAREHOUSE,
    BackupError,
    Manifest,
    check_files,
    read_manifest,
)
from soyoil.upkeep.places import FOLDERS, LEDGERS, Places
from soyoil.upkeep.swap import Change, replaced_files, swap, undo_broken_restore

_ADDRESSES: Final = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("logged_models", "artifact_location"),
)
"""Columns of MLflow's store that name files by their whole address."""
_JOURNALS: Final = ("-journal", "-wal", "-shm")
_NEWEST_SCHEMA: Final = sys.maxsize
"""A line is whole by its checksum, whatever its schema."""


@dataclass(frozen=True)
class _Part:
    """Some files of a backup, and the one file or folder that they become.

    Attributes
    ----------
    target
        File or folder.
    files
        By name below it; one with an empty name is the target itself.
    """

    target: Path
    files: tuple[tuple[str, Entry], ...]


def restore_backup(places: Places, folder: Path, *, replace: bool) -> Manifest:
    """Put a backup back.

    The caller holds the lock of the data folder.

    Parameters
    ----------
    places
        Where the project keeps things now; it may be another place than at the backup.
    folder
        The backup.
    replace
        Whether what is there is replaced. Lines of the books of trials that the backup does not
        know are kept all the same.

    Raises
    ------
    BackupError
        The backup is damaged, has no place here, or something is there and `replace` is false.
        Nothing was changed then.
    WarehouseBusyError
        Another process writes to a warehouse that would be replaced.
    """
    undo_broken_restore(places.data)
    for path in replaced_files(places):
        remove(path)
    manifest = read_manifest(folder)
    check_files(folder, manifest.files)
    parts = list(_parts(manifest, places))
    if not replace:
        _refuse_overwriting(parts, manifest)
    check_room(places.data, manifest.size, "the restore")
    stages: dict[Path, Path] = {}
    try:
        for part in parts:
            stages[part.target] = unfinished(part.target)
            _stage(part, folder, stages[part.target])
        _keep_trials(places, stages)
        if places.store in stages:
            _move_addresses(stages[places.store], manifest.artifacts, places)
        with ExitStack() as held:
            _hold(places, stages, held)
        swap(_changes(stages, places), places.data)
    finally:
        for stage in stages.values():
            remove(stage)
            remove(stage.with_name(stage.name + WAL))
    return manifest


def _parts(manifest: Manifest, places: Places) -> Iterator[_Part]:
    kinds = {file.kind: file.path for file in places.warehouse}
    for entry in manifest.below(WAREHOUSE):
        kind = entry.path.removeprefix(f"{WAREHOUSE}/").removesuffix(WAL).removesuffix(".duckdb")
        if kind not in kinds:
            raise BackupError(
                f"The backup holds the warehouse of {kind}, which has no place here: `warehouse` "
                "in globals.yml is no DuckDB file of its own for each source_kind. Restore in an "
                "environment where it is. Nothing was restored."
            )
        if not entry.path.endswith(WAL):
            log = [e for e in manifest.files if e.path == entry.path + WAL]
            yield _Part(kinds[kind], (("", entry), *((WAL, e) for e in log)))
    for entry in manifest.files:
        if entry.path == STORE:
            if places.store is None:
                raise BackupError(
                    "The backup holds a tracking store, and MLFLOW_TRACKING_URI names a server. "
                    "Unset it, or name a SQLite file. Nothing was restored."
                )
            yield _Part(places.store, (("", entry),))
    targets = {f"{DATA}/{name}": places.data / name for name in FOLDERS}
    for name, target in {ARTIFACTS: places.artifacts, **targets}.items():
        entries = manifest.below(name)
        if entries:
            yield _Part(target, tuple((e.path.removeprefix(f"{name}/"), e) for e in entries))


def _refuse_overwriting(parts: Sequence[_Part], manifest: Manifest) -> None:
    """Refuse to overwrite what is there.

    Raises
    ------
    BackupError
        Naming it, and what of it is newer than the backup.
    """
    made = dt.datetime.fromisoformat(manifest.made_at).timestamp()
    found = []
    for part in parts:
        files = list(files_below(part.target)) if part.target.is_dir() else [part.target]
        times = [path.stat().st_mtime for path in files if path.exists()]
        if times:
            newer = " (newer than the backup)" if max(times) > made else ""
            found.append(f"{part.target}{newer}")
    if found:
        raise BackupError(
            f"There is something already: {', '.join(found)}. Nothing was restored. Take a backup "
            "of it, then run again with --replace, or restore into another project or SOYOIL_DATA."
        )


def _stage(part: _Part, folder: Path, stage: Path) -> None:
    stage.parent.mkdir(parents=True, exist_ok=True)
    is_folder = part.files[0][0] not in ("", WAL)
    for name, entry in part.files:
        target = stage / name if is_folder else stage.with_name(stage.name + name)
        if copy_file(folder / entry.path, target) != (entry.sha256, entry.size):
            raise BackupError(
                f"{folder / entry.path} changed while it was read. Nothing was restored; run again."
            )


def _keep_trials(places: Places, stages: dict[Path, Path]) -> None:
    """Add to the books of trials what was tried since: who forgets trials finds too much."""
    for ledger in LEDGERS:
        top, _, below = ledger.partition("/")
        there = places.data / ledger
        stage = stages.get(places.data / top)
        if stage is None or not there.is_file():
            continue
        book = stage / below
        old = book.read_bytes() if book.is_file() else b""
        known = set(old.splitlines(keepends=True))
        with there.open("rb") as lines:
            later = [line for line in lines if line not in known and _is_whole(line)]
        if later:
            book.parent.mkdir(parents=True, exist_ok=True)
            gap = b"" if not old or old.endswith(b"\n") else b"\n"
            book.write_bytes(old + gap + b"".join(later))


def _is_whole(line: bytes) -> bool:
    return line.endswith(b"\n") and damage(line, _NEWEST_SCHEMA) is None


def _move_addresses(store: Path, old: str, places: Places) -> None:
    """Name artifacts by where they are now."""
    new = places.artifacts.resolve().as_uri()
    if new == old:
        return
    with closing(sqlite3.connect(store)) as connection:
        for table, column in _ADDRESSES:
            found = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
            if column not in {row[1] for row in found}:
                continue
            connection.execute(
                f'UPDATE "{table}" SET "{column}" = ? || substr("{column}", ?) '
                f'WHERE "{column}" = ? OR substr("{column}", 1, ?) = ?',
                (new, len(old) + 1, old, len(old) + 1, f"{old}/"),
            )
        connection.commit()


def _hold(places: Places, stages: dict[Path, Path], held: ExitStack) -> None:
    """See that nobody writes to a warehouse that is replaced."""
    for file in places.warehouse:
        if file.path in stages and file.path.is_file():
            try:
                held.enter_context(file.hold(file.path))
            except WarehouseBusyError:
                raise
            except WarehouseError:
                continue  # damaged: the reason for a restore


def _changes(stages: dict[Path, Path], places: Places) -> list[Change]:
    changes = [Change(target, stage) for target, stage in stages.items()]
    for file in places.warehouse:
        if file.path in stages:
            log = file.path.with_name(file.path.name + WAL)
            staged = stages[file.path].with_name(stages[file.path].name + WAL)
            if staged.exists() or log.exists():
                changes.append(Change(log, staged if staged.exists() else None))
    if places.store is not None and places.store in stages:
        beside = [places.store.with_name(places.store.name + ending) for ending in _JOURNALS]
        changes += [Change(path, None) for path in beside if path.exists()]
    return changes
