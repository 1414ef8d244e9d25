"""Descriptions and views of the experiments: of models, of pipeline runs, of trials."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from soyoil.tracking.pages.names import PIPELINE_TAG, pipelines_experiment, sweeps_experiment
from soyoil.tracking.pages.views import (
    VIEW_TAG,
    View,
    models_view,
    study_view,
    view_link,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

KIND_TAG: Final = "mlflow.experimentKind"
KIND: Final = "custom_model_development"
NOTE_TAG: Final = "mlflow.note.content"

ALL: Final = "skill"
"""Key of the view of all runs; the one that older experiments have."""
LATEST: Final = "latest"
_HORIZON: Final = re.compile(re.escape(VIEW_TAG) + r"h(\d+)_(\w+)")

_LINKS: Final = "Compare "
"""How the first line of a description begins, the one line that MLflow shows unopened."""
_OLDER: Final = frozenset({"2a644110e7c192e3"})
"""Beginnings of hashes of the descriptions that older versions wrote."""

MODELS_NOTE: Final = """\
Compare the last run: {links}

Forecasts of soybean oil: one run per horizon and model, named `<symbol> <sessions> <horizon>
<model>`. Pipeline runs are in the experiment *{pipelines}*: each run here links to its own (tag
`{tag}`), each of those to its models. Trials of sweeps are in *{sweeps}*.

- `skill`: pinball skill against `vol_cone`, with `skill_low` and `skill_high`, the bounds of its
  90 % interval; above zero the model was better. `coverage_80` is right at 0.8. `independent_n`
  says how many independent labels that rests on.
- The tag `verdict` says what can be claimed: `skill`, `no skill` or `unprovable`. `vol_cone` and
  `random_walk` are what skill is measured by.
- Other metrics: `<scope>/<weighting>/[<regime>/]<metric>`. Scope: `fold` (step = fold number) or
  `pooled` (all scored rows). Weighting: `uniform`, `regime` (regime weights), `macro` (mean over
  regimes), `worst` (worst regime). Regime: only rows whose origin lies in it. `skill_mae` is
  against `random_walk`; `dm_p_pinball` and `dm_p_mae` are p-values of no skill,
  `detectable_pinball` and `detectable_mae` the skill that such a test finds four times in five.
  `fold/train/*` and `fit/*` describe the fits. A metric that is missing is unknown: tag
  `unknown_metrics`. Runs of older versions have dots for slashes.
- Runs with other values of the tag `scored_rows_hash` were scored on other rows: do not compare
  them. `provenance=synthetic` marks invented data, `rolls=unknown` bars that name no contract:
  their returns hold the jumps between contracts.
- *Created* is the start of the pipeline run, so that its models stand together in the order of
  horizons; *Duration* is what the fits took.
"""

PIPELINES_NOTE: Final = """\
Compare models in the experiment [{models}](#/experiments/{models_id}/runs?\
workflowType=machine_learning). Here is one run per pipeline run, with its command, its
configuration (`parameters.json`) and, in its description, the table of all skills and the link to
its models. Runs of older versions keep their models folded away below them in *{models}*.
"""

SWEEPS_NOTE: Final = """\
Compare trials: {links}

One run per trial of a sweep, named by study and number; its tag `{tag}` is the id of the pipeline
run that made it, in the experiment *{pipelines}*, which keeps the report (`sweep/sweep.html`). Tag
`study`: trials of one study search the same space on the same rows. `skill` is their objective
(tag `objective`), rounded.
"""


def _body(note: str) -> str:
    """A description without the line of links, and without the number of the experiment."""
    first, _, rest = note.partition("\n")
    body = rest if first.startswith(_LINKS) else note
    return re.sub(r"#/experiments/\d+/", "#/experiments/N/", body)


def _say(client: MlflowClient, experiment_id: str, present: Mapping[str, str], note: str) -> None:
    """Describe an experiment, unless its description was edited."""
    there = present.get(NOTE_TAG, "")
    older = hashlib.sha256(_body(there).encode()).hexdigest()[:16] in _OLDER
    if there != note and (not there or older or _body(there) == _body(note)):
        client.set_experiment_tag(experiment_id, NOTE_TAG, note)


def _show(client: MlflowClient, experiment_id: str, views: Sequence[View]) -> None:
    now = int(time.time() * 1000)
    for number, view in enumerate(views):
        # MLflow lists the newest first.
        name, value = view.tag(now - number)
        client.set_experiment_tag(experiment_id, name, value)


def _tags(client: MlflowClient, experiment_id: str) -> dict[str, str]:
    return dict(client.get_experiment(experiment_id).tags)


def _models_note(name: str, experiment_id: str, horizons: Mapping[str, int]) -> str:
    keys = {"all horizons": LATEST} if horizons else {"all runs": ALL}
    keys |= {horizon: horizon_key(horizon, n) for horizon, n in horizons.items()}
    links = [f"[{text}]({view_link(experiment_id, key)})" for text, key in keys.items()]
    bars = view_link(experiment_id, LATEST if horizons else ALL, charts=True)
    return MODELS_NOTE.format(
        links=" · ".join([*links, f"[bars]({bars})"]),
        pipelines=pipelines_experiment(name),
        sweeps=sweeps_experiment(name),
        tag=PIPELINE_TAG,
    )


def horizon_key(horizon: str, sessions: int) -> str:
    """Key of the view of one horizon."""
    return f"h{sessions:03d}_{horizon}"


def _horizons(tags: Mapping[str, str]) -> dict[str, int]:
    """Sessions by name of the horizons that have a view, the shortest first."""
    found = (match for match in map(_HORIZON.fullmatch, tags) if match)
    return {match[2]: int(match[1]) for match in sorted(found, key=lambda m: (int(m[1]), m[2]))}


def dress(client: MlflowClient, name: str, ids: tuple[str, str]) -> None:
    """Give the experiments of models and of pipeline runs their descriptions and first view.

    Parameters
    ----------
    client
        Open client.
    name
        Name of the experiment of models.
    ids
        Ids of the experiments of models and of pipeline runs.
    """
    models, pipelines = ids
    tags = _tags(client, models)
    for experiment_id, present in ((models, tags), (pipelines, _tags(client, pipelines))):
        if KIND_TAG not in present:
            client.set_experiment_tag(experiment_id, KIND_TAG, KIND)
        if experiment_id == pipelines:
            note = PIPELINES_NOTE.format(models=name, models_id=models)
            _say(client, pipelines, present, note)
    every = models_view(ALL, "All runs")
    if f'"name": "{every.name}"' not in tags.get(VIEW_TAG + ALL, ""):
        _show(client, models, [every])
    _say(client, models, tags, _models_note(name, models, _horizons(tags)))


def show_models(
    client: MlflowClient, name: str, ids: tuple[str, str], horizons: Mapping[str, int]
) -> None:
    """Point the views of the experiment of models at a pipeline run that has ended.

    Parameters
    ----------
    client
        Open client.
    name
        Name of the experiment.
    ids
        Ids of the experiment and of the pipeline run.
    horizons
        Sessions by horizon of its models.
    """
    experiment_id, run_id = ids
    of_run = f"tags.{PIPELINE_TAG} = '{run_id}'"
    views = [models_view(LATEST, "Last run: all horizons", of_run)]
    for horizon, sessions in sorted(horizons.items(), key=lambda item: (item[1], item[0])):
        query = f"{of_run} and tags.horizon = '{horizon}'"
        views.append(models_view(horizon_key(horizon, sessions), f"Last run: {horizon}", query))
    _show(client, experiment_id, views)
    tags = _tags(client, experiment_id)
    _say(client, experiment_id, tags, _models_note(name, experiment_id, _horizons(tags)))


def show_study(
    client: MlflowClient, name: str, experiment_id: str, found: tuple[str, Sequence[str]]
) -> None:
    """Point the view of the experiment of trials at the best study of a sweep.

    Parameters
    ----------
    client
        Open client.
    name
        Name of the experiment of models beside it.
    experiment_id
        Experiment of trials.
    found
        Name of the study, and what it searched.
    """
    _show(client, experiment_id, [study_view(*found)])
    lines = view_link(experiment_id, "best", charts=True)
    links = f"[parallel coordinates]({lines}) · [table]({view_link(experiment_id, 'best')})"
    note = SWEEPS_NOTE.format(links=links, tag=PIPELINE_TAG, pipelines=pipelines_experiment(name))
    tags = _tags(client, experiment_id)
    if KIND_TAG not in tags:
        client.set_experiment_tag(experiment_id, KIND_TAG, KIND)
    _say(client, experiment_id, tags, note)
