"""What a tracked child run holds, as plain data."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from soyoil.base.errors import ConfigError
from soyoil.base.redact import HIDDEN, is_secret_name, redact
from soyoil.metrics.keys import MetricKey

if TYPE_CHECKING:
    from soyoil.reports.chart import Chart
    from soyoil.tracking.pages import DatasetUse

TABLE_SUFFIXES: Final = (".parquet", ".csv")
FIGURE_SUFFIXES: Final = (".png",)

PARAM_LIMIT: Final = 6000
"""Longest parameter value that MLflow keeps, characters."""

TAG_LIMIT: Final = 8000
"""Longest tag value that MLflow keeps, characters."""

_TRAINING: Final = re.compile(
    r"(?:fit|champion(?:\.weight)?|event\.[a-z_]+|(?P<scope>fold)\.train)\.[a-z0-9_]+"
)
_REGIME: Final = re.compile(r"[\w\- ]+")

FoldMetric = tuple[str, int, float]


@dataclass(frozen=True, eq=False)
class RunRecord:
    """One horizon x model x weighting, ready to be written as a child run.

    Attributes
    ----------
    run_name
        Name shown by MLflow.
    tags
        Texts to filter runs by.
    params
        Nested plain configuration (``model_dump(mode="json")``).
    metrics
        Values of the whole run by key: ``pooled.<weighting>.<metric>[.<regime>]`` or
        ``fit.<name>`` or ``champion.<name>``. NaN means unknown.
    fold_metrics
        ``(key, fold, value)`` with keys ``fold.<weighting>.<metric>[.<regime>]`` or
        ``fold.train.<name>``.
    tables
        Frames by file name; the suffix ``.parquet`` or ``.csv`` is the format.
    figures
        Charts by file name, ``.png``.
    files
        Contents by path relative to the run's artifacts.
    description
        Markdown that MLflow shows with the run; empty for none.
    dataset
        What was fitted and scored on, for MLflow's list of data sets.

    Raises
    ------
    ValueError
        On a key that is not of these forms or stands twice, an infinite value, a tag that is
        no string, a file name that is unsafe or has another suffix: mistakes of the code.
    ConfigError
        If the name of a regime has characters that MLflow does not take in a key.
    """

    run_name: str
    tags: Mapping[str, str]
    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    fold_metrics: Sequence[FoldMetric] = ()
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    figures: Mapping[str, Chart] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    description: str = ""
    dataset: DatasetUse | None = None

    def __post_init__(self) -> None:
        if not self.run_name:
            raise ValueError("a run record needs a run name")
        for name, value in self.tags.items():
            if not isinstance(value, str):
                raise ValueError(f"tag {name!r} of run {self.run_name!r} is no string: {value!r}")
        _check_keys(self.metrics, per_fold=False)
        _check_keys({key for key, _, _ in self.fold_metrics}, per_fold=True)
        _check_values(self.metrics.items())
        _check_values((f"{key} of fold {step}", value) for key, step, value in self.fold_metrics)
        steps = [(key, step) for key, step, _ in self.fold_metrics]
        if len(set(steps)) < len(steps):
            twice = next(pair for pair in steps if steps.count(pair) > 1)
            raise ValueError(f"metric {twice[0]!r} stands twice for fold {twice[1]}")
        _check_files(self)


def _check_keys(keys: Iterable[str], *, per_fold: bool) -> None:
    for key in keys:
        training = _TRAINING.fullmatch(key)
        try:
            score = None if training else MetricKey.parse(key)
        except ValueError as error:
            raise ValueError(
                f"{error}, nor fit.<name>, nor champion.<name>, nor event.<slice>.<name>, nor "
                "fold.train.<name>"
            ) from None
        scope = score.scope if score else training and training["scope"]
        if (scope == "fold") is not per_fold:
            place = "fold_metrics" if per_fold else "metrics"
            raise ValueError(f"metric key {key!r} does not belong among the {place} of a run")
        regime = score.regime if score else None
        if regime is not None and not _REGIME.fullmatch(regime):
            raise ConfigError(
                f"The name of regime {regime!r} cannot stand in a metric key (at {key!r}). Rename "
                "it under `regimes`: letters, digits, _, - and spaces only."
            )


def _check_values(values: Iterable[tuple[str, float]]) -> None:
    for where, value in values:
        if math.isinf(value):
            raise ValueError(f"metric {where} is {value}: report NaN where a value is unknown")


def _check_files(record: RunRecord) -> None:
    names = [*record.tables, *record.figures, *record.files]
    for name in names:
        path = PurePosixPath(name)
        if not name or path.is_absolute() or ".." in path.parts or "\\" in name:
            raise ValueError(f"{name!r} is no path below the artifacts of a run")
        if names.count(name) > 1:
            raise ValueError(f"artifact {name!r} stands twice in run {record.run_name!r}")
    for kind, given, allowed in (
        ("table", record.tables, TABLE_SUFFIXES),
        ("figure", record.figures, FIGURE_SUFFIXES),
    ):
        for name in given:
            if PurePosixPath(name).suffix not in allowed:
                raise ValueError(f"{kind} {name!r} must end in {' or '.join(allowed)}")


def shorten(text: str, limit: int) -> str:
    """Redact a text and cut it to what MLflow keeps, with a note of its full length at the end."""
    text = redact(text)
    if len(text) <= limit:
        return text
    note = f"... [cut, {len(text)} characters in all]"
    return text[: limit - len(note)] + note


def _scalar(value: object, where: str) -> str:
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    raise TypeError(
        f"parameter {where!r} is a {type(value).__name__}, not plain data: "
        'give model_dump(mode="json")'
    )


def flatten_params(nested: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested plain configuration as dotted names and texts.

    Scalars are written as in JSON (``true``, ``null``), strings as they are, lists of scalars
    comma-separated, other lists as JSON; values beyond `PARAM_LIMIT` are cut, with a note.

    Raises
    ------
    TypeError
        On a value that is not plain data; a ``repr`` is never logged.

    Examples
    --------
    >>> flatten_params({"split": {"window": "expanding", "last": None}, "symbols": ["ZL", "CL"]})
    {'split.window': 'expanding', 'split.last': 'null', 'symbols': 'ZL,CL'}
    """
    flat: dict[str, str] = {}
    for name, value in nested.items():
        key = f"{prefix}{name}"
        if is_secret_name(name) and value not in (None, ""):
            flat[key] = HIDDEN
        elif isinstance(value, Mapping) and value:
            flat |= flatten_params(value, f"{key}.")
        elif isinstance(value, Mapping):
            flat[key] = "{}"
        elif isinstance(value, list | tuple):
            if any(isinstance(item, Mapping | list | tuple) for item in value):
                text = json.dumps(value, separators=(",", ":"))
            else:
                text = ",".join(_scalar(item, key) for item in value)
            flat[key] = shorten(text, PARAM_LIMIT)
        else:
            flat[key] = shorten(_scalar(value, key), PARAM_LIMIT)
    return flat
