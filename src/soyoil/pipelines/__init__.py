"""Kedro pipelines: thin pure node functions and their wiring.

Every package here is one, found by its folder (`soyoil.pipeline_registry`).
"""
