"""The pipelines that ``kedro run --pipeline=<name>`` knows."""

from kedro.pipeline import Pipeline

from soyoil.pipelines import evaluate, features, fit, ingest, regimes, split


def register_pipelines() -> dict[str, Pipeline]:
    """One pipeline per stage, and ``train``, the whole chain, which is also the default."""
    stages = {
        "ingest": ingest.create_pipeline(),
        "features": features.create_pipeline(),
        "regimes": regimes.create_pipeline(),
        "split": split.create_pipeline(),
        "fit": fit.create_pipeline(),
        "evaluate": evaluate.create_pipeline(),
    }
    train = sum(stages.values(), Pipeline([]))
    return {**stages, "train": train, "__default__": train}
