"""Studies in worker processes, and their trials as they end.

The parent hears of a trial from the ledger, so that nothing is lost if it is not listening.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, wait
from pathlib import Path
from typing import Any, Final

from soyoil.base.errors import ConfigError
from soyoil.base.leftovers import unfinished
from soyoil.base.process import in_thread
from soyoil.models.backends.failures import told_apart
from soyoil.models.backends.fleet import spread
from soyoil.models.engines import ENGINES
from soyoil.models.executors import ExecutorSpec, executor_for, shutdown
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


def search_far(folder: Path, spec: StudySpec, span: TrainingSpan) -> None:
    """Search a study in a worker of a cluster, which must see the folder of the sweep.

    Raises
    ------
    ConfigError
        The worker does not see it: trials would be written where nobody looks.
    """
    if not folder.is_dir():
        raise ConfigError(
            f"A worker of the cluster on {platform.node()} does not see {folder.parent}, where "
            "studies are kept. Put the data folder (SOYOIL_DATA) on a file system that all "
            "machines share under one path, or run the sweep with fit.backend=local."
        )
    _work(spec, span)


def _spread(specs: Sequence[StudySpec], spans: Sequence[TrainingSpan]) -> None:
    """Search studies on a cluster."""
    fit, folder = specs[0].base.fit, specs[0].ledger
    folder.mkdir(parents=True, exist_ok=True)
    # Its name is new: a folder of the same path elsewhere has none of it.
    seen = unfinished(folder / "seen")
    seen.mkdir()
    try:
        work = [
            (f"study {spec.key.name}", (spec, span))
            for spec, span in zip(specs, spans, strict=True)
            for _ in range(spec.sweep.shared_workers)
        ]
        for _ in spread(fit, specs[0].base.model, search_far, seen, work):
            pass
    finally:
        seen.rmdir()


def processes(specs: Sequence[StudySpec]) -> int:
    """Worker processes of a sweep: one per study, or as many as share one, up to the cores."""
    first = specs[0]
    cores = first.base.fit.worker_count(single=ENGINES[first.base.model].single_worker)
    return max(1, min(cores, len(specs) * first.sweep.shared_workers))


def _begun(specs: Sequence[StudySpec], spans: Sequence[TrainingSpan]) -> dict[Any, StudySpec]:
    """Searches that run, and a study of each."""
    first = specs[0]
    if first.base.fit.backend != "local":
        return {in_thread(_spread, specs, spans): first}
    pool = executor_for(ExecutorSpec(first.base.model, processes(specs), first.base.fit.threads))
    return {
        pool.submit(_work, spec, span): spec
        for spec, span in zip(specs, spans, strict=True)
        for _ in range(spec.sweep.shared_workers)
    }


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
    try:
        futures = _begun(specs, spans)
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
