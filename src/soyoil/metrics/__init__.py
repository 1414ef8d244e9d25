"""Scores of quantile forecasts, uniform and by regime."""
