"""What a dataset holds, place by place: files by their content, tables by that of their rows."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from kedro.io import AbstractDataset

from soyoil.base.errors import SoyoilError
from soyoil.base.kept import SETTLED_NS, Kept, file_state
from soyoil.contracts.contract import load_contract
from soyoil.datasets.connected import ConnectedDataset
from soyoil.datasets.external import ExternalStoreDataset
from soyoil.datasets.fit_report import FitReportDataset
from soyoil.datasets.foreign import ForeignTablesDataset
from soyoil.datasets.leak_record import LeakRecordDataset
from soyoil.datasets.models import FinalModelDataset, RegisteredModelsDataset
from soyoil.datasets.run_record import RunRecordDataset
from soyoil.datasets.snapshot import SnapshotDataset
from soyoil.datasets.tracked_run import TrackedRunDataset
from soyoil.datasets.vendor_store import VendorStoreDataset
from soyoil.datasets.warehouse import WarehouseTableDataset
from soyoil.external import SOURCES
from soyoil.sources.vendor_store import BARS, FILES, SESSIONS
from soyoil.splits.snapshot import snapshot_files
from soyoil.warehouse.connection import ConnectionConfig
from soyoil.warehouse.open import content_of

Places = Mapping[str, str]
"""Content by place, such as ``file:/data/x.csv``."""

ABSENT: Final = "absent"
"""Content of what is not there."""
_FILE: Final = "file:"
_TABLES: Final = 64
_FOLDERS: Final = (FitReportDataset, FinalModelDataset, RegisteredModelsDataset)


def is_missing_file(place: str, content: str) -> bool:
    """Whether a place is a file that is not there; a table may be missing for good reason."""
    return place.startswith(_FILE) and content == ABSENT


class Evidence:
    """Looks at files and tables; each file is read once as long as it stays the same."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[tuple[int, ...], str]] = {}
        self._tables: Kept[str | None] = Kept(_TABLES)

    def of_file(self, path: Path) -> str:
        """SHA-256 (hex) of a file, or `ABSENT`.

        Raises
        ------
        OSError
            It cannot be read.
        """
        try:
            stat = path.stat()
        except FileNotFoundError:
            return ABSENT
        state = (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        found = self._files.get(str(path))
        if found is not None and found[0] == state:
            return found[1]
        asked = time.time_ns()
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        # A file that was changed a moment ago may be changed again within the same time.
        if max(stat.st_mtime_ns, stat.st_ctime_ns) < asked - SETTLED_NS:
            self._files[str(path)] = (state, digest)
        return digest

    def of_files(self, paths: Iterable[Path]) -> dict[str, str]:
        """Content of each file."""
        return {f"{_FILE}{path.absolute()}": self.of_file(path) for path in paths}

    def of_folder(self, folder: Path) -> dict[str, str]:
        """Content of each file below a folder."""
        files = sorted(Path(at) / name for at, _, names in os.walk(folder) for name in names)
        return self.of_files(files) or {f"{_FILE}{folder.absolute()}": ABSENT}

    def again(self, places: Places) -> dict[str, str]:
        """What is now at places that are files."""
        return self.of_files(Path(place.removeprefix(_FILE)) for place in places)

    def text_at(self, places: Places, name: str) -> str:
        """What stands in the files of a name among places; the name may hold wildcards."""
        paths = [Path(place.removeprefix(_FILE)) for place in sorted(places)]
        return "".join(p.read_text(encoding="utf-8") for p in paths if p.match(name))

    def of_dataset(self, dataset: AbstractDataset[Any, Any]) -> dict[str, str] | None:
        """What a dataset holds; None if that cannot be told, or not read."""
        try:
            return self._of_dataset(dataset)
        except (OSError, SoyoilError):
            return None

    def _of_dataset(self, dataset: AbstractDataset[Any, Any]) -> dict[str, str] | None:
        told = dataset._describe()
        if isinstance(dataset, WarehouseTableDataset):
            return self._of_tables(dataset._connection, [told["table"]])
        if isinstance(dataset, ConnectedDataset):
            return self._of_store(dataset)
        if isinstance(dataset, SnapshotDataset):
            return self.of_files(snapshot_files(Path(told["path"])))
        if isinstance(dataset, LeakRecordDataset):
            return self.of_files([Path(told["path"])])
        if isinstance(dataset, _FOLDERS):
            return self.of_folder(Path(told["path"]))
        if isinstance(dataset, RunRecordDataset | TrackedRunDataset):
            # In MLflow; the record of the tracked part looks there.
            return {}
        if told.get("protocol") == "file" and told.get("version") is None:
            return self.of_files([Path(str(told["filepath"]))])
        return None

    def _of_store(self, dataset: ConnectedDataset[Any, Any]) -> dict[str, str] | None:
        if isinstance(dataset, VendorStoreDataset):
            return self._of_tables(dataset._connection, (BARS, FILES, SESSIONS))
        if isinstance(dataset, ExternalStoreDataset):
            tables = sorted({source.table for source in SOURCES.values()})
            return self._of_tables(dataset._connection, tables)
        # A table of the user is looked at by whoever reads it; see `soyoil.skipping.readers`.
        return {} if isinstance(dataset, ForeignTablesDataset) else None

    def _of_table(self, connection: ConnectionConfig, table: str) -> str | None:
        def look() -> str | None:
            return content_of(connection, load_contract(table))

        path = Path(connection.place).expanduser().absolute()
        state = file_state(path)
        return look() if state is None else self._tables.get((state, table), look)

    def _of_tables(
        self, connection: ConnectionConfig, tables: Iterable[str]
    ) -> dict[str, str] | None:
        found = {}
        for table in tables:
            content = self._of_table(connection, table)
            if content is None:
                return None
            found[f"table:{connection.place}:{table}"] = content
        return found
