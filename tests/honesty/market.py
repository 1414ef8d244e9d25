"""From a synthetic market to verdicts, stage by stage, without warehouse or tracking."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from soyoil.metrics.evaluate import Evaluation, evaluate
from soyoil.models.config import FitConfig
from soyoil.models.engines import ENGINES
from soyoil.params import TargetConfig, WeightsConfig
from soyoil.pipelines.features.nodes import assemble_matrix, compute_features
from soyoil.pipelines.fit.nodes import baseline_node, engine_node
from soyoil.pipelines.ingest.nodes import make_sessions, read_source
from soyoil.pipelines.split.nodes import label_node, make_snapshot, plan_node, weights_node
from soyoil.regimes.table import RegimeConfig, regime_frame
from soyoil.sources.base import SourceConfig
from soyoil.sources.synthetic.config import SyntheticConfig
from soyoil.sources.vendor_store import NoStore
from soyoil.splits.plan import SplitConfig
from soyoil.splits.snapshot import Snapshot
from soyoil.targets.horizons import HORIZONS


@dataclass(frozen=True)
class Outcome:
    """One seed, horizon and engine."""

    seed: int
    horizon: str
    engine: str
    evaluation: Evaluation
    predictions: pd.DataFrame
    references: dict[str, pd.DataFrame]

    @property
    def skills(self) -> tuple[float, float]:
        """MAE skill and pinball skill, uniform weights."""
        metrics = self.evaluation.metrics
        return metrics["pooled.uniform.skill_mae"], metrics["pooled.uniform.skill_pinball"]


def regimes() -> pd.DataFrame:
    """Two regimes; the test is of skill, not of weights."""
    spans = (("before", "2000-01-01", "2018-03-01"), ("after", "2018-03-01", None))
    return regime_frame(
        [
            RegimeConfig.model_validate(
                {"name": n, "start": s, "end": e, "weight": 100, "description": n}
            )
            for n, s, e in spans
        ]
    )


def market(seed: int, signal: str, strength: float = 0.5) -> Snapshot:
    """Snapshot of a market of ZL alone."""
    synthetic = SyntheticConfig.model_validate(
        {"seed": seed, "signal": signal, "signal_strength": strength}
    )
    source = SourceConfig(symbols=("ZL",), synthetic=synthetic)
    _, sessions, *_ = make_sessions(read_source(source, NoStore()))
    table = regimes()
    matrix = assemble_matrix(compute_features(sessions, source, TargetConfig()), table)
    return make_snapshot(matrix, table, TargetConfig(), source)


def run(seed: int, snapshot: Snapshot, horizon_name: str, engine: str) -> Outcome:
    """Walk-forward of one engine on one horizon, scored against the baselines."""
    horizon = HORIZONS[horizon_name]
    labels, _ = label_node(horizon)(snapshot)
    plan = plan_node(horizon)(snapshot, labels, SplitConfig(), "quick")
    weights, _ = weights_node(horizon)(snapshot, plan, WeightsConfig(scheme="uniform"))
    walk, _, cone, _ = baseline_node(horizon)(snapshot, labels, plan)
    # Every fold for the network too: profile quick would leave it two.
    predictions, _ = engine_node(horizon, engine)(
        snapshot, labels, plan, weights, "full", FitConfig(seed=seed), ENGINES[engine].config()
    )
    references = {"random_walk": walk, "vol_cone": cone}
    scored = evaluate(predictions, references, horizon.sessions)
    return Outcome(seed, horizon_name, engine, scored, predictions, references)


def share_of_skill(outcomes: list[Outcome], skill: str) -> float:
    """Share of runs whose verdict is ``skill``."""
    return float(np.mean([o.evaluation.verdicts[skill] == "skill" for o in outcomes]))


def pooled_skill(outcomes: list[Outcome]) -> tuple[float, float]:
    """MAE skill over all seeds together, and the upper end of its 90 % interval over seeds."""
    losses = np.array(
        [
            [
                (o.predictions["y"] - o.predictions["q50"]).abs().sum(),
                o.references["random_walk"]
                .set_index("data_date")
                .loc[o.predictions["data_date"], "y"]
                .abs()
                .sum(),
            ]
            for o in outcomes
        ]
    )
    point = 1.0 - losses[:, 0].sum() / losses[:, 1].sum()
    picks = np.random.default_rng(0).integers(0, len(losses), (2000, len(losses)))
    sums = losses[picks].sum(axis=1)
    return point, float(np.quantile(1.0 - sums[:, 0] / sums[:, 1], 0.95))
