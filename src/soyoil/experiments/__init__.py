"""Sweeps over configurations, their ledger, and what luck alone would have given."""
