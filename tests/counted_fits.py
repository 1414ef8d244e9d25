"""Fits of a walk-forward in this process, for tests that count or interrupt them."""

from collections.abc import Callable, Sequence

from soyoil.models.base import FoldResult, FoldTask, HorizonArrays
from soyoil.models.walkforward import Job, fit_one


class Fits:
    """`run_walk_forward` in this process, that counts and can be interrupted."""

    def __init__(self) -> None:
        self.count = 0
        self.fail_at: int | None = None

    def __call__(
        self,
        job: Job,
        arrays: HorizonArrays,
        tasks: Sequence[FoldTask],
        on_done: Callable[[int], None],
    ) -> list[FoldResult]:
        """Fit the folds."""
        self.count += 1
        if self.count == self.fail_at:
            raise KeyboardInterrupt
        return [fit_one(job, arrays, task) for task in tasks]
