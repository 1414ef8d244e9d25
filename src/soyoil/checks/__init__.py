"""Checks of what the warehouse holds: structure and rows."""
