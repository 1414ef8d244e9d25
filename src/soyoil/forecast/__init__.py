"""Today's forecast, the ledger of all that were made, and how they turned out."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.forecast.config import ForecastConfig
    from soyoil.forecast.grades import graded
    from soyoil.forecast.ledger import forecast_rows
    from soyoil.forecast.outlook import Outlook, missing_sessions, outlooks
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["ForecastConfig", "Outlook", "forecast_rows", "graded", "missing_sessions", "outlooks"]
