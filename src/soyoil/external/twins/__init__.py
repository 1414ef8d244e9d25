"""Outside sources of the synthetic market: true release rules, made values, a planted effect.

A twin knows nothing of the market unless an effect is planted, so features that are made of it are
worthless, and an engine that finds them useful has found a leak.
"""

from soyoil.external.twins.market import TrueEffect, TwinMarket, true_effect

__all__ = ["TrueEffect", "TwinMarket", "true_effect"]
