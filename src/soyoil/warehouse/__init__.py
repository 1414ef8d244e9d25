"""Warehouse: table contracts and the backends that keep them."""
