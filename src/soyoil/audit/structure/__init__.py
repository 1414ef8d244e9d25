"""Defects that show in names, types and definitions, without reading rows."""
