"""Models fitted on every label there is, packed so that another process can forecast by them."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.serving.final import FinalModel, refit
    from soyoil.serving.gate import GateReport, judge
    from soyoil.serving.served import ServedModel
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["FinalModel", "GateReport", "ServedModel", "judge", "refit"]
