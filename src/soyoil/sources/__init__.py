"""Data sources, one module per provider, all giving the same raw shape."""

from collections.abc import Callable

from soyoil.base.errors import SourceError
from soyoil.sources.base import Advance, BarBatch, SourceConfig, no_progress
from soyoil.sources.identity import market_identity
from soyoil.sources.vendor_store import NoStore, VendorRecords, VendorStore
from soyoil.warehouse.foreign import OpenTables

__all__ = [
    "Advance", "BarBatch", "SourceConfig", "VendorRecords", "VendorStore", "download_bars",
    "load_bars", "market_identity", "no_progress",
]  # fmt: skip


def load_bars(
    source: SourceConfig,
    advance: Advance = no_progress,
    store: VendorStore | None = None,
    tables: OpenTables | None = None,
) -> BarBatch:
    """Read or generate the vendor bars of a source.

    Parameters
    ----------
    source
        Kind, path and roots; with ``download.mode`` what is missing is pulled first.
    advance
        Called with (units done, units in all).
    store
        What the warehouse holds of a vendor's files, so that a part of them may be loaded; None
        for nothing. A generator needs none.
    tables
        Opens the warehouse that holds the user's own tables; a source of another kind needs none.

    Raises
    ------
    SourceError
        The source is not there or is not what it claims to be; names file and remedy.
    """
    if source.kind == "databento":
        if source.download.mode is not None:
            download_bars(source)
        from soyoil.sources.databento.load import read_folder

        return read_folder(source, advance, store)
    if source.kind == "warehouse":
        from soyoil.sources.table.load import read_table

        if tables is None:
            raise SourceError("source.kind=warehouse needs a warehouse: run it by `kedro run`.")
        return read_table(source, tables, store or NoStore())
    from soyoil.sources.synthetic.market import generate_batch

    return generate_batch(source, advance)


def download_bars(
    source: SourceConfig, *, dry_run: bool = False, report: Callable[[str], None] | None = None
) -> None:
    """Pull the vendor's files that are missing at ``source.path``, or of single contracts.

    Parameters
    ----------
    source
        Roots, folder, and what may be pulled and for how much; without ``download.mode`` one
        request is made a file.
    dry_run
        Only say what is missing and what it costs.
    report
        Called with each line that is to be shown; None logs them.

    Raises
    ------
    SourceError
        It costs more than is allowed, or the vendor refuses; nothing half-written is left.
    """
    from soyoil.sources.databento.download.pull import download_missing

    if report is None:
        download_missing(source, dry_run=dry_run)
    else:
        download_missing(source, dry_run=dry_run, report=report)
