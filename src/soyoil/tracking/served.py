"""How MLflow loads a served model: ``mlflow.pyfunc.load_model`` of a registered version.

MLflow calls `_load_pyfunc`. Engines run in worker processes of their own, one engine at a time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from soyoil.serving.served import ServedModel, rows_of


class Forecaster:
    """What ``mlflow.pyfunc`` calls to forecast.

    Parameters
    ----------
    model
        The model.
    """

    def __init__(self, model: ServedModel) -> None:
        self.model = model

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> Any:
        """Quantiles of the h-session log return.

        Parameters
        ----------
        model_input
            Rows of the matrix, ascending by ``data_date``; one is enough. Sessions that the model
            does not know must be among them without a gap.
        params
            None are known.

        Returns
        -------
        DataFrame
            ``data_date``, ``q10``, ``q50``, ``q90`` (log returns) and ``fallback``: the engines
            that failed and were replaced by the vol cone, empty for none.
        """
        found = self.model.forecast(model_input)
        return pd.DataFrame(dict(rows_of(model_input, found)))


def _load_pyfunc(data_path: str) -> Forecaster:
    return Forecaster(ServedModel.read(Path(data_path)))
