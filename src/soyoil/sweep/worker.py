"""Studies in worker processes, and their trials as they end.

The parent hears of a trial from the ledger, so that nothing is lost if it is not listening.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, wait
from pathlib import Path
from typing import Any, Final

from soyoil.models.engines import ENGINES
from soyoil.models.executors import ExecutorSpec, executor_for, shutdown
from soyoil.models.failures import told_apart
from soyoil.sweep.inner import TrainingSpan
from soyoil.sweep.ledger import Ledger, Trial
from soyoil.sweep.study import StudySpec, search, search_shared

POLL_SECONDS: Final = 0.25
"""How often the ledger is looked at."""


def _work(spec: StudySpec, span: TrainingSpan) -> None:
    if spec.sweep.reproducible:
        search(spec, span)
    else:
        search_shared(spec, span)


def processes(specs: Sequence[StudySpec]) -> int:
    """Worker processes of a sweep: one per study, or as many as share one, up to the cores."""
    first = specs[0]
    cores = first.base.fit.worker_count(single=ENGINES[first.base.model].single_worker)
    return max(1, min(cores, len(specs) * first.sweep.shared_workers))


def run_studies(specs: Sequence[StudySpec], spans: Sequence[TrainingSpan]) -> Iterator[Trial]:
    """Search studies of one engine in processes of their own.

    Parameters
    ----------
    specs, spans
        Studies and the rows that each may see.

    Yields
    ------
    Trial
        Trials of the studies as they end, those of earlier runs first.

    Raises
    ------
    ModelError
        If a worker dies or all trials of a study fail.
    SoyoilError
        If another process searches one of the studies.
    """
    first = specs[0]
    tail = Ledger(first.ledger).tail([spec.key.name for spec in specs])
    yield from tail.read()
    pool = executor_for(ExecutorSpec(first.base.model, processes(specs), first.base.fit.threads))
    futures: dict[Any, StudySpec] = {}
    try:
        for spec, span in zip(specs, spans, strict=True):
            for _ in range(spec.sweep.shared_workers):
                futures[pool.submit(_work, spec, span)] = spec
        pending = set(futures)
        while pending:
            done, pending = wait(pending, POLL_SECONDS, FIRST_EXCEPTION)
            yield from tail.read()
            for future in done:
                _check(future, futures[future])
    except BaseException:
        # Whoever stops listening stops the search: its trials are recorded when they end.
        shutdown(kill=True)
        raise


def _check(future: Any, spec: StudySpec) -> None:
    with told_apart(f"study {spec.key.name}"):
        future.result()


def journal_path(folder: Path, training_span: str, study: str) -> Path:
    """Journal file of a study, below the first characters of the hash of what it may see."""
    return folder / training_span[:12] / f"{study}.log"
