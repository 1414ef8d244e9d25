"""Findings of an audit, as a page and as text."""
