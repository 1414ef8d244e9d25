"""What a backup holds, with a hash of every file and of the list itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from soyoil.base.errors import SoyoilError
from soyoil.upkeep.files import Entry, hash_file

SCHEMA: Final = 1
MANIFEST_FILE: Final = "manifest.json"
WAREHOUSE: Final = "warehouse"
STORE: Final = "mlflow/mlflow.db"
ARTIFACTS: Final = "mlflow/mlruns"
DATA: Final = "data"


class BackupError(SoyoilError):
    """A backup cannot be made, or is not what it was when it was made."""


@dataclass(frozen=True)
class Manifest:
    """List of a backup's files, and where they are from.

    Attributes
    ----------
    made_at
        Moment of the backup, ISO 8601, UTC.
    version
        Version of soyoil that made it.
    artifacts
        Address of the folder of artifacts, by which the tracking store names them.
    elsewhere
        What is kept by others and is not in it, in words.
    files
        All files but the manifest.
    """

    made_at: str
    version: str
    artifacts: str
    elsewhere: tuple[str, ...]
    files: tuple[Entry, ...]
    schema: int = SCHEMA

    def below(self, folder: str) -> list[Entry]:
        """Files below a folder of the backup."""
        return [entry for entry in self.files if entry.path.startswith(f"{folder}/")]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self.files)


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def manifest_text(manifest: Manifest) -> bytes:
    """Content of the manifest's file."""
    content = json.loads(json.dumps(asdict(manifest)))
    return (json.dumps({"content": content, "sha256": _digest(content)}, indent=1) + "\n").encode()


def read_manifest(folder: Path) -> Manifest:
    """Manifest of a backup.

    Raises
    ------
    BackupError
        There is none, it is damaged, or a later version of soyoil made it.
    """
    path = folder / MANIFEST_FILE
    try:
        found = json.loads(path.read_bytes())
        content = found["content"]
        is_whole = found["sha256"] == _digest(content)
    except FileNotFoundError as error:
        raise BackupError(
            f"{folder} holds no {MANIFEST_FILE}, so it is no whole backup. Name a folder that "
            "`kedro backup` made."
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(folder, f"{MANIFEST_FILE} cannot be read ({error})") from error
    if not is_whole:
        raise _damaged(folder, f"{MANIFEST_FILE} was changed")
    if content["schema"] > SCHEMA:
        raise BackupError(
            f"{folder} was made by soyoil {content['version']}, whose backups this version does "
            "not read. Update soyoil."
        )
    files = tuple(Entry(**entry) for entry in content.pop("files"))
    elsewhere = tuple(content.pop("elsewhere"))
    return Manifest(**content, elsewhere=elsewhere, files=files)


def check_files(folder: Path, files: Sequence[Entry]) -> None:
    """See that every file of a backup is what it was.

    Raises
    ------
    BackupError
        Naming those that are missing or were changed.
    """
    problems = []
    for entry in files:
        parts = PurePosixPath(entry.path)
        if parts.is_absolute() or ".." in parts.parts:
            raise _damaged(folder, f"{entry.path} leads out of it")
        path = folder / parts
        if not path.is_file():
            problems.append(f"{entry.path} is missing")
        elif path.stat().st_size != entry.size or hash_file(path) != entry.sha256:
            problems.append(f"{entry.path} was changed")
    if problems:
        more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise _damaged(folder, f"{', '.join(problems[:5])}{more}")


def _damaged(folder: Path, problem: str) -> BackupError:
    return BackupError(
        f"The backup {folder} is damaged: {problem}. Nothing was restored; use another backup."
    )
