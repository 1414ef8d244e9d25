"""Whether the process that wrote a run still lives.

Each pipeline run holds a file lock for as long as its process lives. The kernel frees the lock
however the process ends, so a lock that can be taken belongs to a dead run. Process ids are
not enough: they are reused, and differ between containers that share a folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import platform
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from soyoil.base.errors import TrackingError

logger = logging.getLogger(__name__)

FOLDER: Final = ".running"


def host_name() -> str:
    """Name of this machine without its network's domain."""
    return platform.node().partition(".")[0].lower()


@dataclass(frozen=True)
class RunLock:
    """A held lock; its file's modification time is the last sign of life of its run.

    Attributes
    ----------
    path
        Absolute path of the lock file.
    descriptor
        Open file that holds the lock.
    """

    path: Path
    descriptor: int

    @classmethod
    def acquire(cls, folder: Path) -> RunLock:
        """Create and hold a lock of a new name.

        Parameters
        ----------
        folder
            Folder of the lock files; made if missing.

        Raises
        ------
        TrackingError
            If nothing can be written there.
        """
        path = folder.absolute() / f"{uuid.uuid4().hex}.lock"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise TrackingError(
                f"cannot keep the locks of tracked runs in {folder}: {error.strerror}. It must be "
                "a folder that can be written to: move away what stands in its place, or give "
                "yourself access."
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            # Without its file no other process can mistake this run for a dead one.
            path.unlink(missing_ok=True)
            logger.warning(
                "%s takes no file locks (%s): if this process is killed, its runs stay RUNNING "
                "in MLflow until you delete them",
                folder,
                error,
            )
        return cls(path, descriptor)

    @classmethod
    def take_over(cls, path: Path) -> RunLock | None:
        """Take the lock of a dead process; None if it is held, or its file is missing."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return None
        return cls(path, descriptor)

    def touch(self) -> None:
        """Give a sign of life."""
        with contextlib.suppress(FileNotFoundError):
            os.utime(self.path)

    def last_sign_ms(self) -> int:
        """Time of the last sign of life, milliseconds since the epoch."""
        return int(os.fstat(self.descriptor).st_mtime * 1000)

    def release(self) -> None:
        """Remove the file and free the lock."""
        self.path.unlink(missing_ok=True)
        os.close(self.descriptor)
