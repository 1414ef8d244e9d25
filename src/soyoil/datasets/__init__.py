"""Kedro datasets of soyoil."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.datasets.fit_report import FitReportDataset
    from soyoil.datasets.inspection import InspectorDataset
    from soyoil.datasets.run_record import RunRecordDataset
    from soyoil.datasets.schemas import FrameValidator
    from soyoil.datasets.snapshot import SnapshotDataset
    from soyoil.datasets.sweep import SweepFolderDataset, SweepReportDataset, TrialRunDataset
    from soyoil.datasets.tracked_files import RunFilesDataset, TrackedFilesDataset
    from soyoil.datasets.vendor_store import VendorStoreDataset
    from soyoil.datasets.warehouse import WarehouseTableDataset
else:
    __getattr__ = lazy_names(__name__)

__all__ = [
    "FitReportDataset", "FrameValidator", "InspectorDataset", "RunFilesDataset",
    "RunRecordDataset", "SnapshotDataset", "SweepFolderDataset", "SweepReportDataset",
    "TrackedFilesDataset", "TrialRunDataset", "VendorStoreDataset", "WarehouseTableDataset",
]  # fmt: skip
