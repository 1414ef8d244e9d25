"""Fits on clusters: the folds of this machine's walk-forward as tasks of Dask or Ray."""
