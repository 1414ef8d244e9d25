"""soyoil: honest multi-horizon forecasting experiments for soybean oil (ZL) futures."""

__version__ = "0.1.0"

__all__ = ["__version__"]
