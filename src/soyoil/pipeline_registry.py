"""The pipelines that ``kedro run --pipeline=<name>`` knows."""

from kedro.pipeline import Pipeline

from soyoil.pipelines import (
    audit,
    compare,
    evaluate,
    features,
    fit,
    ingest,
    regimes,
    report,
    split,
    sweep,
)


def register_pipelines() -> dict[str, Pipeline]:
    """One pipeline per stage, and ``train``, the whole chain, which is also the default."""
    stages = {
        "ingest": ingest.create_pipeline(),
        "features": features.create_pipeline(),
        "regimes": regimes.create_pipeline(),
        "split": split.create_pipeline(),
        "fit": fit.create_pipeline(),
        "evaluate": evaluate.create_pipeline(),
        "report": report.create_pipeline(),
    }
    train = sum(stages.values(), Pipeline([]))
    others = {
        "sweep": sweep.create_pipeline(),
        "compare": compare.create_pipeline(),
        "audit": audit.create_pipeline(),
    }
    return {**stages, **others, "train": train, "__default__": train}
