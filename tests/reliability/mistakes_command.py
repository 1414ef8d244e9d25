"""Wrong options and words of the command line."""

from __future__ import annotations

from mistakes import REGIMES, Mistake, put

PLAN = ("warehouse", "plan")


def _run(*words: str) -> tuple[str, ...]:
    return ("run", *words)


# words after ``kedro``, and what the message must say
COMMANDS: dict[tuple[str, ...], tuple[str, ...]] = {
    _run("--env=prodution"): ("'prodution'", "environment", "bigquery"),
    _run("--env=bigquerry"): ("'bigquerry'", "'bigquery'"),
    _run("--env=../conf/base"): ("environment", "../conf/base"),
    _run("--env="): ("--env is empty", "leave the option out"),
    _run("--runner=SequentialRuner"): ("SequentialRuner", "SequentialRunner"),
    _run("--runner=soyoil.runner.CellRuner"): ("CellRuner", "CellRunner"),
    _run("--runner=os.path.join"): ("os.path.join", "runner"),
    _run("--runner=nowhere.Runner"): ("nowhere.Runner", "runner"),
    _run("--runner="): ("--runner is empty",),
    _run("--runner-params=max_wrokers=2", *REGIMES[1:]): ("max_wrokers",),
    _run("--runner-params=max_workers"): ("max_workers", "="),
    _run("--runner=ThreadRunner", "--runner-params=max_workers=0"): ("max_workers", "0"),
    _run("--runner=ParallelRunner"): ("ParallelRunner", "fit.workers"),
    _run("--runner=ThreadRunner", "--runner-params=max_worker=2"): ("max_worker", "max_workers"),
    _run("--nodes=1w.lightgbm.fitt"): ("'1w.lightgbm.fitt'", "'1w.lightgbm.fit'"),
    _run("--nodes=1w.lightgbm"): ("'1w.lightgbm'", "node"),
    _run("--nodes=,"): ("--nodes is empty",),
    _run("--from-nodes=ingest.make_session"): ("ingest.make_session'", "'ingest.make_sessions'"),
    _run("--to-nodes=1m.make_lables"): ("'1m.make_lables'", "'1m.make_labels'"),
    _run("--from-inputs=snapsot"): ("'snapsot'", "'snapshot'"),
    _run("--to-outputs=1w.lightgbm.score"): ("'1w.lightgbm.score'", "'1w.lightgbm.scores'"),
    _run("--to-outputs=1w.lightgbm.scores,2w.labels"): ("'2w.labels'", "1w.labels"),
    _run("--from-nodes=1w.lightgbm.fit", "--to-nodes=1w.make_labels"): (
        "no node to run",
        "--from-nodes",
    ),
    _run("--from-nodes=1w.lightgbm.fit", "--to-outputs=1w.xgboost.scores"): (
        "no node to run",
        "--from-nodes",
    ),
    _run("--pipeline=trian"): ("'trian'", "'train'"),
    _run("--pipeline=overview"): ("picture", "kedro run`"),
    _run("--pipeline=train_1m"): ("picture", "--tags=1m"),
    _run("--pipelines=ingest,regims"): ("'regims'", "'regimes'"),
    _run("--pipeline=ingest", "--pipelines=regimes"): ("--pipeline", "--pipelines", "together"),
    _run("--pipeline="): ("--pipeline is empty",),
    _run("--pipelines=,"): ("--pipelines is empty",),
    _run("--nodes="): ("--nodes is empty",),
    _run("--tags="): ("--tags is empty",),
    _run("--conf-source="): ("--conf-source is empty",),
    _run("--pipeline=__default__x"): ("__default__x", "train"),
    _run("--tags=2w"): ("'2w'", "1w"),
    _run("--tags=lightgbn"): ("'lightgbn'", "'lightgbm'"),
    _run("--namespaces=1w.lightgbn"): ("'1w.lightgbn'", "'1w.lightgbm'"),
    _run("--namespaces=zl"): ("'zl'", "namespace"),
    _run("--load-versions=1w.lables:2026-01-01T00.00.00.000Z"): ("1w.lables", "1w.labels"),
    _run("--load-versions=1w.labels"): ("1w.labels", "version"),
    _run("--load-versions=1w.labels:yesterday", "--pipeline=fit"): ("1w.labels", "no versions"),
    _run("--conf-source=nowhere"): ("nowhere",),
    _run("--conf-source=pyproject.toml"): ("pyproject.toml",),
    _run("--conf-source=src"): ("src/base", "--conf-source"),
    _run("--config=nowhere.yml"): ("nowhere.yml",),
    _run("--profile=full"): ("--profile",),
    _run("train"): ("train",),
    _run("--params"): ("--params",),
    ("runn",): ("runn",),
    ("warehouse", "plann"): ("plann",),
    (*PLAN, "--env=bigquerry"): ("'bigquerry'", "'bigquery'"),
    (*PLAN, "--conf-source=nowhere"): ("nowhere",),
    ("warehouse", "apply", "--plan=nowhere.json"): ("nowhere.json", "kedro warehouse plan"),
    ("warehouse", "apply", "--change=5"): ("plan",),
    ("warehouse", "apply", "--yes"): ("--yes",),
    ("download",): ("source.kind", "synthetic", "source.path"),
    ("download", "--dry-run", "--params=source.kind=databento,source.path=bars"): (
        "DATABENTO_API_KEY",
    ),
}

# content of a file given with --config, and what the message must say
RUN_FILES: dict[str, tuple[str, tuple[str, ...]]] = {
    "tab": ("run:\n\tpipeline: train\n", ("run.yml", "tab", "line 2")),
    "unknown key": ("run:\n  pipline: train\n", ("pipline", "pipeline")),
    "list": ("- run\n", ("run.yml",)),
    "nothing": ("", ("run.yml",)),
    "no run": ("pipeline: train\n", ("run.yml", "run")),
    "unknown pipeline": ("run:\n  pipeline: trian\n", ("'trian'", "'train'")),
    "unknown parameter": ("run:\n  params:\n    fit.sede: 1\n", ("fit.sede", "fit.seed")),
}

CASES: tuple[Mistake, ...] = (
    *(Mistake(" ".join(words), says, command=words) for words, says in COMMANDS.items()),
    *(
        Mistake(
            f"--config: {name}", says, (put("run.yml", text),), ("run", "--config=run.yml")
        )
        for name, (text, says) in RUN_FILES.items()
    ),
    Mistake(
        "SOYOIL_DATA is a file", ("SOYOIL_DATA", "here.txt"), (put("here.txt", ""),),
        environment={"SOYOIL_DATA": "here.txt"},
    ),
    Mistake(
        "SOYOIL_DATA empty", ("SOYOIL_DATA",), environment={"SOYOIL_DATA": " "},
    ),
)  # fmt: skip
