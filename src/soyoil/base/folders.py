"""Folders of files that appear complete or not at all, and know their own content."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from soyoil.base.handover import refusal
from soyoil.base.leftovers import unfinished

CONTENT_FILE: Final = "content.json"


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder beside the old one, then swap them.

    Parameters
    ----------
    folder
        Replaced whole.
    files
        Content by path below it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    stage = unfinished(folder)
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir()
    try:
        for name, content in files.items():
            (stage / name).parent.mkdir(parents=True, exist_ok=True)
            (stage / name).write_bytes(content)
        if folder.exists():
            shutil.rmtree(folder)
        stage.rename(folder)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def content_of(files: Mapping[str, bytes]) -> str:
    """SHA-256 over names and contents, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode())
        digest.update(hashlib.sha256(files[name]).digest())
    return digest.hexdigest()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class HashedFiles:
    """Files below a folder, with a list of them and the hash of all.

    Parameters
    ----------
    folder
        The folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write the files, all or none."""
        index = {"files": {name: _digest(files[name]) for name in sorted(files)}}
        text = (json.dumps(index, indent=1) + "\n").encode()
        write_folder(self._folder, {**files, CONTENT_FILE: text})

    def read(self, remedy: str, needed: Collection[str] | None = None) -> dict[str, bytes]:
        """Content by path.

        Parameters
        ----------
        remedy
            Sentence that says how to make the folder anew.
        needed
            Paths without which the folder is no use; others that are missing or were changed are
            left out then. None needs all.

        Raises
        ------
        HandoverError
            A file that is needed is missing or was changed.
        """
        name = f"the folder {self._folder}"
        try:
            index = json.loads((self._folder / CONTENT_FILE).read_bytes())["files"]
            digests = {str(path): str(digest) for path, digest in index.items()}
        except FileNotFoundError as error:
            raise refusal(name, [f"{CONTENT_FILE} is missing"], remedy) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise refusal(name, [f"{CONTENT_FILE} is damaged ({error})"], remedy) from error
        files = {}
        for path, digest in digests.items():
            try:
                files[path] = (self._folder / path).read_bytes()
                problem = (
                    "" if _digest(files[path]) == digest else "was changed after it was written"
                )
            except FileNotFoundError:
                problem = "is missing"
            if problem and (needed is None or path in needed):
                raise refusal(name, [f"{path} {problem}"], remedy)
            if problem:
                files.pop(path, None)
        return files

    def exists(self) -> bool:
        """Whether the folder is there, complete."""
        return (self._folder / CONTENT_FILE).is_file()
