"""Regimes: sample weights and slices of metrics, never features."""
