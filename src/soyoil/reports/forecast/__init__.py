"""The forecast in the terminal and as a page."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.reports.forecast.page import ForecastResults, forecast_page
    from soyoil.reports.forecast.terminal import forecast_table
    from soyoil.reports.forecast.words import sentence
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["ForecastResults", "forecast_page", "forecast_table", "sentence"]
