"""Audit of a warehouse: defects of its structure and of its rows, with evidence and fix."""
