"""Data sources, one module per provider, all giving the same raw shape."""

from soyoil.sources.base import Advance, BarBatch, SourceConfig, no_progress


def load_bars(source: SourceConfig, advance: Advance = no_progress) -> BarBatch:
    """Read or generate the vendor bars of a source.

    Parameters
    ----------
    source
        Kind, path and roots.
    advance
        Called with (units done, units in all).

    Raises
    ------
    SourceError
        The source is not there or is not what it claims to be; names file and remedy.
    """
    if source.kind == "databento":
        from soyoil.sources.databento import read_folder

        return read_folder(source, advance)
    from soyoil.sources.synthetic import generate_batch

    return generate_batch(source, advance)
