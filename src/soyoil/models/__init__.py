"""Baselines and engines. An engine's library is imported in its own module and process only."""
