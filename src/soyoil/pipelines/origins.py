"""What each stage's frames are made from, the same for those who write and who check them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from soyoil.base.handover import MadeFrom, check_handover, content_hash, refusal, stamp_of
from soyoil.models.champion import ChampionConfig
from soyoil.models.config import EngineConfig, FitConfig
from soyoil.models.registry import CHAMPION
from soyoil.params import Profile, WeightsConfig
from soyoil.splits.plan import SplitConfig
from soyoil.splits.snapshot import Snapshot
from soyoil.targets.horizons import Horizon

SPLIT_AGAIN: Final = "Run the split stage again with the parameters of this run: --pipeline=split."
FIT_AGAIN: Final = (
    "Run the split and fit stages again with the parameters of this run: --pipelines=split,fit."
)


def csv_hash(frame: pd.DataFrame) -> str:
    """Content hash of a frame as it comes back from a CSV file, which knows fewer types."""
    return content_hash(pd.read_csv(io.StringIO(frame.to_csv(index=False))))


def split_parameters(split: SplitConfig, profile: Profile) -> dict[str, Any]:
    """Parameters that decide a split plan."""
    return {"split": split.for_profile(profile).model_dump(mode="json")}


def weight_parameters(weights: WeightsConfig) -> dict[str, Any]:
    """Parameters that decide sample weights."""
    return {"weights": weights.model_dump(mode="json")}


def fit_parameters(
    profile: Profile, fit: FitConfig, engine: str, config: EngineConfig
) -> dict[str, Any]:
    """Parameters that decide the forecasts of an engine; how many processes share the work is none.

    Parameters
    ----------
    engine
        Name of the engine, under which its configuration goes.
    """
    return {
        "profile": profile,
        "fit": fit.deciding(),
        engine: config.model_dump(mode="json"),
    }


def champion_parameters(config: ChampionConfig) -> dict[str, Any]:
    """Parameters that decide the forecasts of the champion, given those of its experts."""
    return {CHAMPION: config.model_dump(mode="json")}


@dataclass(frozen=True)
class SplitFrames:
    """Frames of the split stage for one horizon, all made from one snapshot.

    Attributes
    ----------
    labels, split_plan
        Frames that every model needs.
    sample_weights, weight_report
        None for what uses no weights.
    """

    snapshot: Snapshot
    labels: pd.DataFrame
    split_plan: pd.DataFrame
    sample_weights: pd.DataFrame | None = None
    weight_report: pd.DataFrame | None = None

    def check(self, horizon: Horizon, parameters: Mapping[str, Any]) -> dict[str, str]:
        """Check that the frames belong together.

        Parameters
        ----------
        horizon
            The horizon.
        parameters
            ``split`` and ``weights`` that the frames must have been made with, as far as the run
            has them.

        Returns
        -------
        dict of str
            Content hash by name, to be checked or carried by what is made from the frames.

        Raises
        ------
        HandoverError
            A frame was changed after it was written, or made from another one or with other
            parameters.
        """
        hashes = {"snapshot": self.snapshot.content_hash}
        frames: list[tuple[str, pd.DataFrame | None, tuple[str, ...], str]] = [
            ("labels", self.labels, ("snapshot",), ""),
            ("split_plan", self.split_plan, ("snapshot", "labels"), "split"),
            ("sample_weights", self.sample_weights, ("snapshot", "split_plan"), "weights"),
        ]
        for kind, frame, above, key in frames:
            if frame is not None:
                inputs = {name: hashes[name] for name in above}
                own = {key: parameters[key]} if key in parameters else {}
                name = f"{horizon.name}.{kind}"
                hashes[kind] = check_handover(frame, name, MadeFrom(inputs, own), SPLIT_AGAIN)
        self._check_report(horizon)
        return hashes

    def _check_report(self, horizon: Horizon) -> None:
        """A CSV file carries no stamp, so the weights carry the hash of their report."""
        report, weights = self.weight_report, self.sample_weights
        if report is None or weights is None:
            return
        # In memory the report has types that its file has not.
        found = stamp_of(weights).get("weight_report")
        if found != content_hash(report) and found != csv_hash(report):
            problem = "it was changed after it was written, or goes with other weights"
            raise refusal(f"{horizon.name}.weight_report", [problem], SPLIT_AGAIN)
