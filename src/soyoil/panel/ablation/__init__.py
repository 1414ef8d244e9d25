"""What a group of features adds to an engine, over a panel of roots, with every trial counted."""

from typing import TYPE_CHECKING

from soyoil.base.lazy import lazy_names

if TYPE_CHECKING:
    from soyoil.panel.ablation.config import AblationConfig
    from soyoil.panel.ablation.result import AblationResult
    from soyoil.panel.ablation.score import ablate
    from soyoil.panel.ablation.trials import TrialBook
else:
    __getattr__ = lazy_names(__name__)

__all__ = ["AblationConfig", "AblationResult", "TrialBook", "ablate"]
