"""The panel for people: in the terminal and as a page."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.reports.panel.page import panel_page
    from soyoil.reports.panel.terminal import panel_view
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["panel_page", "panel_view"]
