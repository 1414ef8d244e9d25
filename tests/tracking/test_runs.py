"""Parent and child runs as MLflow keeps them."""

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
import pytest
from conftest import make_record  # type: ignore[import-not-found]
from kedro.io import DatasetError
from mlflow import MlflowClient
from mlflow.entities import Run
from pandas.testing import assert_frame_equal

from soyoil import cli
from soyoil.datasets.run_record import RunRecordDataset
from soyoil.errors import ConfigError, SoyoilError
from soyoil.tracking import active, mlflow_store
from soyoil.tracking.active import ParentSpec
from soyoil.tracking.liveness import RunLock, host_name
