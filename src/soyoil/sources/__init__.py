"""Data sources, one module per provider, all giving the same raw shape."""

from soyoil.sources.base import Advance, BarBatch, SourceConfig, no_progress
from soyoil.sources.identity import market_identity
from soyoil.sources.vendor_store import VendorRecords, VendorStore

__all__ = [
    "Advance", "BarBatch", "SourceConfig", "VendorRecords", "VendorStore", "load_bars",
    "market_identity", "no_progress",
]  # fmt: skip


def load_bars(
    source: SourceConfig, advance: Advance = no_progress, store: VendorStore | None = None
) -> BarBatch:
    """Read or generate the vendor bars of a source.

    Parameters
    ----------
    source
        Kind, path and roots.
    advance
        Called with (units done, units in all).

    store
        What the warehouse holds of a vendor's files, so that a part of them may be loaded; None
        for nothing. A generator needs none.

    Raises
    ------
    SourceError
        The source is not there or is not what it claims to be; names file and remedy.
    """
    if source.kind == "databento":
        from soyoil.sources.databento.load import read_folder

        return read_folder(source, advance, store)
    from soyoil.sources.synthetic.market import generate_batch

    return generate_batch(source, advance)
