"""Files of the matrix, labels, splits and weights, for training somewhere else."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.export.config import ExportConfig
    from soyoil.export.files import Export, export_files, write_export
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["Export", "ExportConfig", "export_files", "write_export"]
