"""Kedro datasets of soyoil."""
