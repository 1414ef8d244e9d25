"""Horizons and labels."""
