"""What two tracked runs differ in, as far as it was logged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from soyoil.compare.boards import TrackedRun

Cause = Literal["data", "code", "model", "params", "weights", "split", "seed", "device"]

CAUSES: Final[tuple[Cause, ...]] = (
    "data", "code", "model", "params", "weights", "split", "seed", "device",
)  # fmt: skip

TITLES: Final[dict[Cause, str]] = {
    "data": "data snapshot",
    "code": "code",
    "model": "model",
    "params": "parameters",
    "weights": "weights",
    "split": "split plan",
    "seed": "seed",
    "device": "device",
}

TAGS: Final[dict[str, Cause]] = {
    "symbol": "data",
    "provenance": "data",
    "snapshot": "data",
    "git_sha": "code",
    "soyoil_version": "code",
    "python": "code",
    "engine": "model",
    "weighting": "weights",
    "regimes": "weights",
    "split_plan": "split",
    "device": "device",
    "platform": "device",
}
"""Tags that are compared, and what they speak of."""

SEED: Final = "fit.seed"
_PARAM_CAUSES: Final[tuple[tuple[str, Cause], ...]] = (
    (SEED, "seed"),
    ("split.", "split"),
    ("profile", "split"),
    ("weights.", "weights"),
)
_WITHOUT_EFFECT: Final = ("target.", "fit.workers")
"""The summary of the scored outcomes is a result; the number of workers changes no forecast."""

UNKNOWN: Final = "unknown"
ABSENT: Final = "(not set)"


@dataclass(frozen=True)
class Difference:
    """One logged value that differs.

    Attributes
    ----------
    cause
        What it speaks of.
    name
        Tag or parameter.
    a, b
        Values of both runs.
    """

    cause: Cause
    name: str
    a: str
    b: str


@dataclass(frozen=True)
class Causes:
    """What differs, what is equal, and what cannot be told.

    Attributes
    ----------
    differences
        Every logged value that differs, in the order of `CAUSES`.
    follows
        Reason why a cause that shows a difference only follows from another, by cause.
    unknown
        Reason why a cause cannot be judged, by cause.
    """

    differences: tuple[Difference, ...]
    follows: dict[Cause, str]
    unknown: dict[Cause, str]

    @property
    def differing(self) -> tuple[Cause, ...]:
        """Causes with a difference of their own."""
        found = {d.cause for d in self.differences} - set(self.follows)
        return tuple(cause for cause in CAUSES if cause in found)

    @property
    def identical(self) -> tuple[Cause, ...]:
        """Causes without any difference that can be judged."""
        found = {d.cause for d in self.differences} | set(self.unknown)
        return tuple(cause for cause in CAUSES if cause not in found)


def _cause_of(param: str) -> Cause | None:
    if param.startswith(_WITHOUT_EFFECT):
        return None
    for prefix, cause in _PARAM_CAUSES:
        if param == prefix or (prefix.endswith(".") and param.startswith(prefix)):
            return cause
    return "params"


def _tag_differences(a: TrackedRun, b: TrackedRun) -> Iterator[Difference]:
    for name, cause in TAGS.items():
        left, right = a.tags.get(name, UNKNOWN), b.tags.get(name, UNKNOWN)
        # A baseline has no weights: part of the model.
        if left != right and UNKNOWN not in (left, right) and "none" not in (left, right):
            yield Difference(cause, name, left, right)


def _param_differences(a: TrackedRun, b: TrackedRun) -> Iterator[Difference]:
    engines = {a.tags.get("engine", ""), b.tags.get("engine", "")}
    for name in sorted({*a.params, *b.params}):
        left, right = a.params.get(name, ABSENT), b.params.get(name, ABSENT)
        cause = _cause_of(name)
        if left == right or cause is None:
            continue
        if len(engines) > 1 and name.partition(".")[0] in {*engines, "features", "fit"}:
            # Each engine has parameters of its own, and a baseline none: part of the model.
            continue
        if name == "features":
            # The list of columns is long: only what one run has and the other has not.
            own, other = set(left.split()), set(right.split())
            left, right = " ".join(sorted(own - other)), " ".join(sorted(other - own))
        yield Difference(cause, name, left or ABSENT, right or ABSENT)


def _code_unknown(a: TrackedRun, b: TrackedRun) -> str | None:
    shas = [run.tags.get("git_sha", UNKNOWN) for run in (a, b)]
    if UNKNOWN in shas:
        return "a run was made outside a Git repository"
    if shas[0] == shas[1] and any(run.tags.get("git_dirty") != "false" for run in (a, b)):
        return "a run was made with uncommitted changes"
    return None


def find_causes(a: TrackedRun, b: TrackedRun, *, same_outcomes: bool) -> Causes:
    """Compare everything that was logged of two runs.

    A snapshot holds the regime table, and a split plan the dates of the snapshot; their hashes
    also differ where only the regimes or only the data do.

    Parameters
    ----------
    a, b
        Runs of one horizon.
    same_outcomes
        Whether both hold the same outcomes and prices on every origin that both scored, and one
        scored all origins of the other.
    """
    differences = [*_tag_differences(a, b), *_param_differences(a, b)]
    differences.sort(key=lambda d: CAUSES.index(d.cause))
    names = {d.name for d in differences}
    follows: dict[Cause, str] = {}
    unknown: dict[Cause, str] = {}
    if names & {"regimes"} and same_outcomes and not names & {"symbol", "provenance"}:
        follows["data"] = "the snapshot holds the regime table, and all outcomes are equal"
    split = {d.name for d in differences if d.cause == "split"}
    if split == {"split_plan"} and "snapshot" in names and "data" not in follows:
        follows["split"] = "the plan holds the dates of the snapshot, and its parameters are equal"
    code = _code_unknown(a, b)
    if code is not None:
        unknown["code"] = code
    unlogged = {cause for name, cause in TAGS.items() if UNKNOWN in _both(a, b, name)}
    for cause in sorted(unlogged & {"data", "split", "weights"}):
        unknown[cause] = "not logged by one of the runs"
    return Causes(tuple(differences), follows, unknown)


def _both(a: TrackedRun, b: TrackedRun, name: str) -> tuple[str, str]:
    return a.tags.get(name, UNKNOWN), b.tags.get(name, UNKNOWN)


def explain(causes: Causes, *, same_forecasts: bool) -> str:
    """What the causes say about the change of the scores, in a sentence or two.

    Parameters
    ----------
    causes
        What differs.
    same_forecasts
        Whether both runs made equal forecasts on their common rows.
    """
    found = [TITLES[cause] for cause in causes.differing]
    doubts = [
        f"{TITLES[cause]} cannot be judged: {why}"
        for cause, why in causes.unknown.items()
        if cause not in causes.differing
    ]
    doubt = f" But {'; '.join(doubts)}." if doubts else ""
    if not found and same_forecasts:
        return "Nothing that is logged differs, and the forecasts are equal."
    if not found:
        if doubts:
            return f"Nothing that is logged differs, yet the forecasts do.{doubt}"
        return (
            "Nothing that is logged differs, yet the forecasts do: something that is not logged "
            "changed (a library, files outside Git), or a fit does not repeat on this machine."
        )
    if same_forecasts:
        return f"Different: {', '.join(found)}. The forecasts on the common rows are equal."
    if len(found) == 1:
        return f"The change comes from the {found[0]}.{doubt}"
    return (
        f"Different: {', '.join(found)}. Two runs cannot tell the shares of these apart; change "
        f"one at a time.{doubt}"
    )
