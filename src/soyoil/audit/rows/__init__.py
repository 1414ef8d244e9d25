"""Defects that show in rows."""
