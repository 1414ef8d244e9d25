"""What moves soybean oil beside its own bars: macro, positioning, each known when it was known."""

from soyoil.external.config import ExternalConfig
from soyoil.external.load import check_keys, load_external
from soyoil.external.registry import SOURCES

__all__ = ["SOURCES", "ExternalConfig", "check_keys", "load_external"]
