"""What of a run is left out because it would give what is there already.

A part is left out only where its record says that it was made from exactly what is there now, by
this code with these parameters, and where everything that it made is as it was then. The rule is
in docs/skipping.md.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from soyoil.base import code
from soyoil.base.handover import text_hash
from soyoil.datasets.tracked_files import TrackedFilesDataset
from soyoil.params import Sections
from soyoil.skipping import environment
from soyoil.skipping.evidence import Evidence, Places, is_missing_file
from soyoil.skipping.readers import look_outside
from soyoil.skipping.records import Record, Records, TrackedRun
from soyoil.skipping.units import FORECAST, TRACKED, Catalog, Unit, dataset, units
from soyoil.sources.identity import market_identity
from soyoil.targets.horizons import HORIZONS
from soyoil.tracking.look.kept_run import kept_state

logger = logging.getLogger(__name__)

Verdict = Literal["same", "open", "run"]
"""Left out; not known before what stands before it has run; runs."""

_MISSING: Final = object()


@dataclass(frozen=True)
class Scene:
    """What a run consists of.

    Attributes
    ----------
    pipeline, catalog
        Kedro's.
    parameters
        Checked parameters.
    raw
        The same as they are given, by section.
    conf
        Entries of the catalog as they stand in the configuration.
    data
        The data folder.
    store
        Address of MLflow's store.
    force
        Whether everything runs.
    """

    pipeline: Pipeline
    catalog: Catalog
    parameters: Sections
    raw: Mapping[str, Any]
    conf: Mapping[str, Any]
    data: Path
    store: str | None
    force: bool = False


@dataclass
class _Seen:
    """What a part was about to be made from."""

    key: str
    inputs: dict[str, str] = field(default_factory=dict)
    unknown: bool = False

    def add(self, found: Places | None) -> None:
        """Take in what is there; the same place twice must have the same content."""
        if found is None or any(self.inputs.get(p, c) != c for p, c in found.items()):
            self.unknown = True
        else:
            self.inputs.update(found)


class Plan:
    """What runs, decided part by part.

    Parameters
    ----------
    scene
        The run.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._records = Records(scene.data)
        self._evidence = Evidence()
        self._units = units(scene.pipeline, scene.catalog)
        self._unit_of = {node.name: unit for unit in self._units for node in unit.nodes}
        self._needs = {
            node.name: {other.name for other in needs}
            for node, needs in scene.pipeline.node_dependencies.items()
        }
        self._code = code.code_hash()
        self._environment = environment.environment_hash()
        self._common = self._common_key()
        self._files: dict[str, list[str]] = {}
        self._skipped: set[str] = set()
        self._seen: dict[str, _Seen] = {}
        self._verdicts = self._look()

    # What is there

    def _common_key(self) -> str:
        scene, parameters = self._scene, self._scene.parameters
        market = market_identity(
            parameters.source,
            parameters.target.symbol,
            parameters.external.identity(),
            parameters.features.groups,
        )
        regimes = scene.raw.get("regimes")
        conf = text_hash(_plain([scene.conf, market, regimes]))
        return text_hash([self._environment, conf])

    def _key(self, unit: Unit) -> str | None:
        """Hash of parameters, code and machine; None if a parameter is not there."""
        given = {name: _parameter(self._scene.raw, name) for name in unit.parameters}
        if any(value is _MISSING for value in given.values()):
            return None
        if unit.name == TRACKED:
            given["store"] = [self._scene.store, self._scene.raw.get("tracking")]
        return text_hash(_plain([self._common, given, list(map(_what_runs, unit.nodes))]))

    def _places(self, names: Sequence[str]) -> dict[str, str] | None:
        found: dict[str, str] = {}
        for name in names:
            places = self._evidence.of_dataset(dataset(self._scene.catalog, name))
            if places is None:
                return None
            found |= places
        return found

    def _inputs(self, unit: Unit, nodes: Sequence[Node]) -> dict[str, str] | None:
        """What nodes of a part would read, but for what the part itself writes."""
        found = self._places(unit.inputs_of(nodes))
        for node in nodes:
            outside = look_outside(node.name, self._scene.parameters, self._evidence)
            if found is None or outside is None:
                return None
            found |= outside
        return found

    def _outputs(self, unit: Unit, then: Record | None = None) -> dict[str, dict[str, str]] | None:
        """What the part left behind, by dataset."""
        found = {}
        for name in unit.outputs:
            made = dataset(self._scene.catalog, name)
            places: dict[str, str] | None
            if isinstance(made, TrackedFilesDataset):
                if then is not None:
                    places = self._evidence.again(then.outputs.get(name, {}))
                else:
                    folder = Path(made._describe()["path"])
                    places = self._evidence.of_files(folder / f for f in self._files.get(name, []))
            else:
                places = self._evidence.of_dataset(made)
            if places is None:
                return None
            found[name] = places
        return found

    def _state_of(self, run_id: str) -> str | None:
        """What MLflow holds of a finished run and of the models that it may have registered."""
        symbol = self._scene.parameters.target.symbol.lower()
        models = [f"soyoil-{symbol}-{horizon}" for horizon in HORIZONS]
        return kept_state(self._scene.store, run_id, models)

    # Verdicts

    def _stands(self, unit: Unit) -> Record | None:
        """Record of a part by this code with these parameters, of which all results are there."""
        if self._scene.force:
            return None
        record = self._records.read(unit.name)
        if record is None or record.key != self._key(unit):
            return None
        if unit.name == TRACKED:
            run = record.run
            if run is None or run.state != self._state_of(run.run_id):
                return None
        outputs = self._outputs(unit, record)
        return record if outputs is not None and outputs == record.outputs else None

    def _verdict(self, unit: Unit, *, settled: bool) -> Verdict:
        """Verdict on a part, before it is known whether what stands before it will run."""
        record = self._stands(unit)
        if record is None:
            return "run"
        if not settled:
            return "open"
        found = self._inputs(unit, unit.nodes)
        own = {place for places in record.outputs.values() for place in places}
        same = found is not None and {p: c for p, c in found.items() if p not in own}
        return "same" if same == record.inputs and found is not None else "run"

    def _look(self) -> dict[str, Verdict]:
        """Verdicts before anything runs."""
        verdicts: dict[str, Verdict] = {}
        for unit in self._ordered():
            behind = self._behind(unit)
            settled = all(verdicts[other.name] == "same" for other in behind)
            verdicts[unit.name] = self._verdict(unit, settled=settled)
        if FORECAST in verdicts and verdicts.get(TRACKED) == "run":
            verdicts[FORECAST] = "run"
        return verdicts

    def _behind(self, unit: Unit) -> list[Unit]:
        """Parts whose results a part reads."""
        needs = set().union(*(self._needs[node.name] for node in unit.nodes))
        behind = {self._unit_of[name].name: self._unit_of[name] for name in needs}
        return [other for name, other in behind.items() if name != unit.name]

    def _ordered(self) -> list[Unit]:
        left, done, found = list(self._units), set[str](), []
        while left:
            ready = [u for u in left if all(o.name in done for o in self._behind(u))]
            unit = (ready or left)[0]
            left.remove(unit)
            done.add(unit.name)
            found.append(unit)
        return found

    # For the run

    @property
    def tracked(self) -> Verdict | None:
        """Verdict on the part that makes the tracked run; None if there is none."""
        return self._verdicts.get(TRACKED)

    @property
    def kept_run(self) -> TrackedRun | None:
        """The run in MLflow whose results stand, if they do."""
        record = self._records.read(TRACKED) if self.tracked == "same" else None
        return record.run if record is not None else None

    @property
    def skipped(self) -> Collection[str]:
        """Names of the nodes that were left out."""
        return self._skipped

    def text_of(self, name: str, file: str = "*.txt") -> str | None:
        """The text files that a dataset of a part that was left out has written.

        Parameters
        ----------
        name
            The dataset.
        file
            Name of the file, which may hold wildcards.
        """
        for unit in self._units:
            record = self._records.read(unit.name) if name in unit.outputs else None
            if record is not None and self._skipped.issuperset(n.name for n in unit.nodes):
                return self._evidence.text_at(record.outputs[name], file)
        return None

    def saved(self, name: str, data: object) -> None:
        """Remember which files a dataset of several has written."""
        made = dataset(self._scene.catalog, name)
        if isinstance(made, TrackedFilesDataset) and isinstance(data, Mapping):
            self._files[name] = [str(file) for file in data]

    def parts(self, ordered: Sequence[Node]) -> Iterator[list[Node]]:
        """Nodes that run together, one part after the other.

        A part counts as finished when the next one is asked for.

        Parameters
        ----------
        ordered
            All nodes in the order in which they would run.
        """
        done: set[str] = set()
        while len(done) < len(ordered):
            unit, nodes = self._next(ordered, done)
            if unit is not None and self._skips(unit):
                self._skipped.update(node.name for node in nodes)
            else:
                if unit is not None:
                    self._note(unit, nodes)
                yield nodes
                done.update(node.name for node in nodes)
                whole = done.issuperset(node.name for node in unit.nodes) if unit else False
                if unit is not None and unit.name != TRACKED and whole:
                    self._finish(unit)
            done.update(node.name for node in nodes)

    def _next(self, ordered: Sequence[Node], done: set[str]) -> tuple[Unit | None, list[Node]]:
        """The first part of which all that it needs is done."""
        for node in ordered:
            if node.name in done:
                continue
            unit = self._unit_of.get(node.name)
            whole = unit is not None and not self._is_split(unit)
            nodes = list(unit.nodes) if unit and whole else [node]
            needs = set().union(*(self._needs[n.name] for n in nodes))
            if needs - {n.name for n in nodes} <= done:
                return unit, nodes
        return None, [node for node in ordered if node.name not in done]

    def _is_split(self, unit: Unit) -> bool:
        """Whether each node of a part runs as soon as it can, whatever fails later."""
        return unit.name in (TRACKED, FORECAST) and self._verdicts[unit.name] == "run"

    def _skips(self, unit: Unit) -> bool:
        if unit.name == FORECAST and self.tracked == "run":
            # A tracked run holds the forecast too.
            self._verdicts[FORECAST] = "run"
        verdict = self._verdicts[unit.name]
        if verdict == "open":
            verdict = self._verdicts[unit.name] = self._verdict(unit, settled=True)
        return verdict == "same"

    def _note(self, unit: Unit, nodes: Sequence[Node]) -> None:
        """Keep what a part is about to be made from, before it reads it."""
        key = self._key(unit)
        seen = self._seen.setdefault(unit.name, _Seen(key or ""))
        seen.unknown |= key is None or key != seen.key
        seen.add(self._inputs(unit, nodes))

    def _finish(self, unit: Unit, run: TrackedRun | None = None) -> None:
        """Write the record of a part that has run, if it is known what it was made from."""
        seen = self._seen.get(unit.name)
        outputs = self._outputs(unit)
        if outputs is not None:
            self._tell_waiting(outputs)
        if seen is None or seen.unknown or outputs is None:
            return
        if code.code_hash() != self._code:
            # Code was edited meanwhile, and parts of it may have been loaded before and after.
            return
        if any(is_missing_file(p, c) for places in outputs.values() for p, c in places.items()):
            # It ran and left nothing there: what it did cannot be told from nothing done.
            return
        own = {place for places in outputs.values() for place in places}
        now = f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M:%S} UTC"
        inputs = {place: content for place, content in seen.inputs.items() if place not in own}
        record = Record(key=seen.key, inputs=inputs, outputs=outputs, ended=now, run=run)
        self._records.write(unit.name, record)

    def _tell_waiting(self, outputs: Mapping[str, Places]) -> None:
        """Know early that a part will run: a run is tracked from then on."""
        made = {p: c for places in outputs.values() for p, c in places.items()}
        for name in [name for name, verdict in self._verdicts.items() if verdict == "open"]:
            record = self._records.read(name)
            then = record.inputs if record is not None else {}
            if any(then.get(place, content) != content for place, content in made.items()):
                self._verdicts[name] = "run"

    def close(self, run_id: str, name: str) -> None:
        """Write the record of the tracked part, once its run has ended in MLflow."""
        unit = next((u for u in self._units if u.name == TRACKED), None)
        state = self._state_of(run_id)
        if unit is not None and state is not None and self.tracked == "run":
            self._finish(unit, TrackedRun(run_id=run_id, name=name, state=state))


def _what_runs(node: Node) -> list[str]:
    """A node with the arguments that its function is bound to: a strict forecast is another one."""
    bound = getattr(node.func, "keywords", {})
    return [node.name, *(f"{name}={value!r}" for name, value in sorted(bound.items()))]


def _parameter(raw: Mapping[str, Any], name: str) -> Any:
    """Value of ``params:a.b``; `_MISSING` if there is none."""
    found: Any = raw
    for key in name.removeprefix("parameters").removeprefix("params:").split("."):
        if not key:
            continue
        if not isinstance(found, Mapping) or key not in found:
            return _MISSING
        found = found[key]
    return found


def _plain(value: Any) -> Any:
    """As JSON keeps it; dates of YAML are texts."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else repr(value)
