"""Defects that show in rows; `soyoil.audit.audit_warehouse` looks for all of them."""
