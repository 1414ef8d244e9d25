"""Readers of the files of each outside source."""
