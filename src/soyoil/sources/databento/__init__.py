"""Hourly and daily bars from files of Databento."""
