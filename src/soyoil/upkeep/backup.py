"""One folder with everything that cannot be made anew, and a hash of every file."""

from __future__ import annotations

import datetime as dt
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from soyoil.base.leftovers import abandoned_unfinished, unfinished
from soyoil.upkeep.files import (
    Entry,
    check_room,
    copy_file,
    copy_stream,
    files_below,
    hash_file,
    remove,
    sync_folder,
)
from soyoil.upkeep.manifest import (
    ARTIFACTS,
    DATA,
    MANIFEST_FILE,
    STORE,
    WAREHOUSE,
    BackupError,
    Manifest,
    manifest_text,
)
from soyoil.upkeep.places import FOLDERS, Places, WarehouseFile

WAL: Final = ".wal"
"""Ending of the file beside a DuckDB file that holds its newest changes."""


@dataclass(frozen=True)
class BackupPlan:
    """What goes into a backup.

    Attributes
    ----------
    places
        Where the project keeps things.
    folder
        The backup; made by it.
    version
        Version of soyoil.
    now
        Moment, UTC.
    """

    places: Places
    folder: Path
    version: str
    now: dt.datetime


def make_backup(plan: BackupPlan) -> Manifest:
    """Write a backup beside its place, then move it there: it appears whole or not at all.

    The caller holds the lock of the data folder.

    Raises
    ------
    BackupError
        The folder is not empty or lies in what is backed up, or there is nothing to back up.
    SoyoilError
        There is no room.
    WarehouseError
        The warehouse is damaged, or another process writes to it.
    """
    folder = _checked(plan)
    small = [pair for name in FOLDERS for pair in _pairs(plan.places.data / name, f"{DATA}/{name}")]
    small += _pairs(plan.places.artifacts, ARTIFACTS)
    big = [file for file in plan.places.warehouse if file.path.is_file()]
    store = plan.places.store if plan.places.store and plan.places.store.is_file() else None
    sources = [path for path, _ in small] + [file.path for file in big]
    needed = sum(path.stat().st_size for path in (*sources, *((store,) if store else ())))
    if not sources and store is None:
        raise BackupError("There is nothing to back up yet. Run `kedro run` first.")
    check_room(folder.parent, needed, "the backup")
    for left in abandoned_unfinished(folder.parent, deep=False):
        if left.name.endswith(f"-{folder.name}"):
            remove(left)
    stage = unfinished(folder)
    try:
        stage.mkdir(parents=True)
        files: list[Entry] = []
        for file in big:
            files += _copy_warehouse(file, stage)
        # Before the artifacts: what the copied store names is there.
        if store is not None:
            files.append(copy_store(store, stage / STORE))
        files += [_copied(source, stage, name) for source, name in small]
        manifest = Manifest(
            plan.now.isoformat(timespec="seconds"),
            plan.version,
            plan.places.artifacts.resolve().as_uri(),
            plan.places.elsewhere,
            tuple(files),
        )
        (stage / MANIFEST_FILE).write_bytes(manifest_text(manifest))
        sync_folder(stage)
        if folder.is_dir():
            folder.rmdir()
        stage.rename(folder)
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return manifest


def _checked(plan: BackupPlan) -> Path:
    folder, places = plan.folder.absolute(), plan.places
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BackupError(
            f"{folder} is there already and not empty. Name a new folder, such as "
            f"{folder}-{plan.now:%Y-%m-%d}."
        )
    kept = (*(places.data / name for name in FOLDERS), places.artifacts)
    around = next((k for k in kept if folder.resolve().is_relative_to(k.resolve())), None)
    if around is not None or folder.resolve() == places.root.resolve():
        raise BackupError(
            f"{folder} lies in what is backed up. Name a folder on another disk, best away from "
            "this machine."
        )
    return folder


def _pairs(folder: Path, name: str) -> Iterator[tuple[Path, str]]:
    for path in files_below(folder):
        yield path, f"{name}/{path.relative_to(folder).as_posix()}"


def _copied(source: Path, stage: Path, name: str) -> Entry:
    try:
        return Entry(name, *copy_file(source, stage / name))
    except FileNotFoundError as error:
        raise BackupError(
            f"{source} was removed while it was copied. Run again when no other run is under way."
        ) from error


def _copy_warehouse(file: WarehouseFile, stage: Path) -> list[Entry]:
    """A DuckDB file, with its log, as they are at one moment; the copy is opened once."""
    entries = []
    name = f"{WAREHOUSE}/{file.kind}.duckdb"
    log = file.path.with_name(file.path.name + WAL)
    # All is opened before and closed after: the first close would give DuckDB's lock up.
    with file.hold(file.path), ExitStack() as opened:
        sources = [(file.path, name)] + ([(log, name + WAL)] if log.exists() else [])
        streams = [(opened.enter_context(path.open("rb")), into) for path, into in sources]
        for stream, into in streams:
            entries.append(Entry(into, *copy_stream(stream, stage / into)))
    with file.hold(stage / name):
        pass
    return entries


def copy_store(source: Path, target: Path) -> Entry:
    """A SQLite file as it is at one moment, whoever writes to it.

    Raises
    ------
    BackupError
        It is damaged.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as there,
            closing(sqlite3.connect(target)) as here,
        ):
            there.backup(here)
            here.execute("PRAGMA journal_mode=DELETE").fetchall()
            found = str(here.execute("PRAGMA quick_check").fetchone()[0])
    except sqlite3.Error as error:
        found = str(error)
    if found != "ok":
        raise BackupError(
            f"The tracking store {source} is damaged ({found}). Restore it from an earlier backup, "
            "or move it away, then run again."
        )
    return Entry(STORE, hash_file(target), target.stat().st_size)
