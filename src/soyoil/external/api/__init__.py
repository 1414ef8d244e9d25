"""Clients of the services that publish outside sources."""
