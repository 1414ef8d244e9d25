"""Kedro pipelines: thin pure node functions and their wiring."""
