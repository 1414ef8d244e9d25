"""All mistakes, and what looks like one and is none."""

from __future__ import annotations

import mistakes_command
import mistakes_conf
import mistakes_files
import mistakes_parameters
from mistakes import Mistake

ALL: tuple[Mistake, ...] = (
    *mistakes_parameters.CASES,
    *mistakes_conf.CASES,
    *mistakes_command.CASES,
    *mistakes_files.CASES,
)
HARMLESS: tuple[Mistake, ...] = mistakes_conf.HARMLESS
FAST = (
    "local: fit: {shrink: 'no'}",
    "local: sourse: {kind: synthetic}",
    "local: split: []",
    "local: regimes: []",
    "local: tft: {features: [market_data.retrun_1d]}",
    "regimes: weight: 1e300",
    "--params=fit.seed=[1",
    "--params=fit.seed=1,fit.seed=2",
    "plan --params=fit.seed=0300",
    "file: a tag",
    "file: interpolation of nothing",
    "equal keys in two files of base",
    "file named conf/local/paramters.yml",
    "catalog empty",
    "globals: busy_timeout_s: 1e300",
    "globals: warehouse_credentials: gcp",
    "catalog: type: pandas.CSVDataset -> type: pandas.CSVDatset",
    "logging: level",
    "token read as YAML 1.1",
    "password in a choice",
    "run --env=",
    "run --runner-params=max_wrokers=2 --pipeline=regimes",
    "run --from-nodes=1w.lightgbm.fit --to-nodes=1w.make_labels",
    "run --load-versions=1w.labels",
    "--config: list",
    "nothing fitted",
)
"""One of each kind, for the fast tests."""
