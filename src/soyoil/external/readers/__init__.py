"""Readers of the files of each outside source, one module each."""

from soyoil.external.readers import cftc, eia, fred, palm, policy, usda, volatility, weather

__all__ = ["cftc", "eia", "fred", "palm", "policy", "usda", "volatility", "weather"]
