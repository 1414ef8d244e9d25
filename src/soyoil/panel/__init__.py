"""One method on every futures root as target: evidence across markets."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.panel.config import PanelConfig
    from soyoil.panel.losses import PanelRules
    from soyoil.panel.result import PanelResult, make_panel
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["PanelConfig", "PanelResult", "PanelRules", "make_panel"]
