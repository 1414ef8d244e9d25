"""Registered models: versions, the gate's findings as tags, and the aliases that it moves."""

from __future__ import annotations

import importlib.metadata
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from soyoil.base.errors import TrackingError
from soyoil.base.folders import HashedFiles, content_of
from soyoil.base.leftovers import scratch
from soyoil.market.conventions import QUANTILE_COLUMNS
from soyoil.models.engines import ENGINES
from soyoil.serving.gate import Check, GateReport
from soyoil.serving.served import ServedModel
from soyoil.tracking.active import ParentRun
from soyoil.tracking.record import TAG_LIMIT, shorten
from soyoil.tracking.registered.logged import Made, list_model, log_model
from soyoil.tracking.store_access import error_code

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)

LOADER: Final = "soyoil.tracking.served"
LOGGED_TAG: Final = "logged_model"
"""Tag of a version: id of the logged model behind it, which stores in SQL do not give back."""
SERVING: Final = ("soyoil", "mlflow", "numpy", "pandas", "pyarrow", "scipy", "joblib")
"""Distributions that every served model needs."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A model and what the gate found of it.

    Attributes
    ----------
    model
        The model.
    gate
        What the gate found.
    example
        A row that it can forecast.
    """

    model: ServedModel
    gate: GateReport
    example: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Registration:
    """Models of one horizon, judged.

    Attributes
    ----------
    candidates
        The champion, then the engines.
    aliases
        Name of the model by alias.
    leakcheck
        Whether a leak check of this snapshot by this code has passed: else no alias moves.
    """

    candidates: Sequence[Candidate]
    aliases: Mapping[str, str]
    leakcheck: Check


def registered_name(model: ServedModel) -> str:
    """Name of a registered model: one per root and horizon."""
    return f"soyoil-{model.symbol.lower()}-{model.horizon}"


def requirements(model: ServedModel) -> list[str]:
    """Distributions with the versions that are installed here."""
    engines = (d for name in model.finals for d in ENGINES[name].distributions)
    found = []
    for name in dict.fromkeys((*SERVING, *engines)):
        try:
            found.append(f"{name}=={importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _signature(model: ServedModel) -> Any:
    """Columns of the matrix that a model takes, of whatever type; what it gives."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema
    from mlflow.types.schema import AnyType

    # The matrix has integers and truth values with gaps, which MLflow's own types do not know.
    anything: Any = AnyType
    features = [ColSpec(anything(), name) for name in model.columns[1:]]
    levels = [ColSpec("double", name) for name in QUANTILE_COLUMNS]
    date = ColSpec("datetime", model.columns[0])
    return ModelSignature(
        inputs=Schema([date, *features]),
        outputs=Schema([date, *levels, ColSpec("string", "fallback")]),
    )


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Without the remarks of a logger that no user can act on."""
    noisy = logging.getLogger(name)
    level = noisy.level
    noisy.setLevel(logging.WARNING)
    try:
        yield
    finally:
        noisy.setLevel(level)


def _save(candidate: Candidate, files: Mapping[str, bytes], folder: Path) -> None:
    import mlflow.pyfunc

    model = candidate.model
    HashedFiles(folder / "data").write(files)
    dates = candidate.example[["data_date"]]
    features = candidate.example[list(model.columns[1:])].astype("float64")
    with _quiet("mlflow.pyfunc"):
        mlflow.pyfunc.save_model(
            path=str(folder / "model"),
            loader_module=LOADER,
            data_path=str(folder / "data"),
            signature=_signature(model),
            input_example=pd.concat([dates, features], axis="columns"),
            pip_requirements=requirements(model),
            metadata={"symbol": model.symbol, "horizon": model.horizon},
        )


def _tags(candidate: Candidate, leakcheck: Check, content: str) -> dict[str, str]:
    model, gate = candidate.model, candidate.gate
    return {
        "model": model.name,
        "symbol": model.symbol,
        "horizon": model.horizon,
        "cutoff": str(model.cutoff),
        "provenance": model.provenance,
        "snapshot": model.snapshot,
        "content": content,
        "skill_vol_cone": f"{gate.skill:.6f}",
        "gate": "passed" if gate.passed else "failed",
        "gate.reason": gate.reason,
        **{
            f"gate.{check.name}": f"{'passed' if check.passed else 'failed'}: {check.reason}"
            for check in (*gate.checks, leakcheck)
        },
    }


def _ensure(client: MlflowClient, name: str) -> None:
    try:
        client.create_registered_model(name)
    except TrackingError as error:
        if error_code(error) != "RESOURCE_ALREADY_EXISTS":
            raise


def _version(parent: ParentRun, candidate: Candidate, leakcheck: Check) -> Any:
    """Version of a model; the one that is there, if it holds the same bytes."""
    client, model = parent.client, candidate.model
    name = registered_name(model)
    files = model.files()
    content = content_of(files)
    same = [
        version
        for version in client.search_model_versions(f"name = '{name}'")
        if version.tags.get("content") == content
    ]
    tags = {k: shorten(v, TAG_LIMIT) for k, v in _tags(candidate, leakcheck, content).items()}
    made = Made(model.horizon, model.name)
    if same:
        found = max(same, key=lambda version: int(version.version))
        if LOGGED_TAG in found.tags:
            list_model(parent, made, found.tags[LOGGED_TAG])
        for key, value in tags.items():
            client.set_model_version_tag(name, found.version, key, value)
        return found
    with scratch() as folder:
        _save(candidate, files, folder)
        model_id, source = log_model(parent, made, folder / "model", tags)
    return client.create_model_version(
        name,
        source,
        run_id=parent.run_id,
        tags=tags | {LOGGED_TAG: model_id},
        description=candidate.gate.reason,
        model_id=model_id,
    )


def _move(client: MlflowClient, alias: str, candidate: Candidate, version: Any) -> None:
    name = registered_name(candidate.model)
    there = client.get_registered_model(name).aliases.get(alias)
    if there is not None and str(there) != str(version.version):
        then = client.get_model_version(name, str(there)).tags.get("provenance")
        if then == "observed" and candidate.model.provenance != "observed":
            logger.warning(
                "%s@%s stays at version %s, which knows observed data; version %s knows an "
                "invented market",
                name, alias, there, version.version,
            )  # fmt: skip
            return
    client.set_registered_model_alias(name, alias, str(version.version))


def register(parent: ParentRun, registration: Registration) -> None:
    """Register models of one horizon and move the aliases that gate and leak check let move.

    Parameters
    ----------
    parent
        Run that keeps the files.
    registration
        Models of one root and horizon. One that is registered already, with the same bytes, gets
        no second version.
    """
    for candidate in registration.candidates:
        _ensure(parent.client, registered_name(candidate.model))
        version = _version(parent, candidate, registration.leakcheck)
        aliases = registration.aliases if registration.leakcheck.passed else {}
        for alias, model in aliases.items():
            if model == candidate.model.name:
                _move(parent.client, alias, candidate, version)
