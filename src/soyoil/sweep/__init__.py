"""Searches over configurations of one horizon, and what luck alone would give."""
