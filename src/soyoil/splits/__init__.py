"""Purged walk-forward plans and the content-addressed snapshot."""
