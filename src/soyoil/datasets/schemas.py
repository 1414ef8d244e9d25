"""Schemas of the frames that stages hand on as files, outside the warehouse.

The catalog names `FrameValidator` under ``validator``. Kedro calls it before a save and after a
load, and imports this module only then; pandera is imported by the first check, because it takes
most of a second.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from soyoil.base.errors import ConfigError, ContractError
from soyoil.base.handover import frame_digest
from soyoil.base.kept import Kept
from soyoil.contracts.contract import BANNED_PREFIX, target_horizon
from soyoil.market.conventions import EXPERT_WEIGHT
from soyoil.targets.horizons import Horizon, get_horizon

if TYPE_CHECKING:
    from pandera.errors import SchemaError, SchemaErrors
    from pandera.pandas import Check, Column, DataFrameSchema

DATE: Final = "datetime64[us]"
FIT_ROLES: Final = ("train", "valid")
PLAN_ROLES: Final = (*FIT_ROLES, "test")
MEAN_TOLERANCE: Final = 1e-9
MAX_EXAMPLES: Final = 3


def _check(reason: str, holds: Callable[[Any], Any]) -> Check:
    """Check of a whole column or frame; `reason` says what a row that fails is."""
    from pandera.pandas import Check

    return Check(holds, error=reason, ignore_na=False)


def _date(*checks: Check, nullable: bool = False) -> Column:
    from pandera.pandas import Column

    # pandera takes dates without a zone for datetime64[ns] and overlooks their unit.
    unit = _check(f"not {DATE}", lambda s: pd.Series(s.dtype == DATE, index=s.index))
    return Column(DATE, [unit, *checks], nullable=nullable)


def _number(*checks: Check, nullable: bool = False) -> Column:
    from pandera.pandas import Column

    return Column(
        "float64", [_check("infinite", lambda s: ~np.isinf(s)), *checks], nullable=nullable
    )


def _text(*checks: Check) -> Column:
    from pandera.pandas import Column

    return Column(str, list(checks))


def _fold() -> Column:
    from pandera.pandas import Column

    return Column("int64", _check("negative", lambda s: s >= 0))


def _role(roles: tuple[str, ...]) -> Column:
    return _text(_check(f"not one of {', '.join(roles)}", lambda s: s.isin(roles)))


def _positive() -> Column:
    return _number(_check("not above 0", lambda s: s > 0))


def _label_end_after_origin() -> Check:
    return _check(
        "label_end_date is not after data_date", lambda f: f["label_end_date"] > f["data_date"]
    )


def _once_per_fold() -> Check:
    return _check("date given twice in one fold", lambda f: ~f.duplicated(["fold", "data_date"]))


def _ascending(dates: pd.Series) -> pd.Series:
    return dates.diff().isna() | (dates.diff() > pd.Timedelta(0))


def _labels(horizon: Horizon) -> DataFrameSchema:
    from pandera.pandas import DataFrameSchema

    target = horizon.target

    def ends_with_the_horizon(frame: pd.DataFrame) -> pd.Series:
        end = frame["label_end_date"]
        later = frame["data_date"].reindex(frame.index + horizon.sessions).to_numpy()
        return end.isna() | (end == later)

    return DataFrameSchema(
        {
            "data_date": _date(_check("not after the row before", _ascending)),
            "label_end_date": _date(nullable=True),
            target: _number(nullable=True),
        },
        checks=[
            _check(
                f"only one of {target} and label_end_date is there",
                lambda f: f[target].isna() == f["label_end_date"].isna(),
            ),
            _check(
                f"label_end_date is not the session {horizon.sessions} rows on",
                ends_with_the_horizon,
            ),
        ],
    )


def _split_plan(horizon: Horizon) -> DataFrameSchema:
    from pandera.pandas import DataFrameSchema

    def purged(frame: pd.DataFrame) -> pd.Series:
        test = frame["role"] == "test"
        first = frame["data_date"].where(test).groupby(frame["fold"]).transform("min")
        return test | (frame["label_end_date"] < first)

    return DataFrameSchema(
        {
            "fold": _fold(),
            "role": _role(PLAN_ROLES),
            "data_date": _date(),
            "label_end_date": _date(),
        },
        checks=[
            _label_end_after_origin(),
            _once_per_fold(),
            _check("label does not end before the first test origin of its fold", purged),
        ],
    )


def _sample_weights(horizon: Horizon) -> DataFrameSchema:
    from pandera.pandas import DataFrameSchema

    def mean_one(frame: pd.DataFrame) -> pd.Series:
        mean = frame.groupby(["fold", "role"])["weight"].transform("mean")
        return (mean - 1).abs() <= MEAN_TOLERANCE

    return DataFrameSchema(
        {
            "fold": _fold(),
            "role": _role(FIT_ROLES),
            "data_date": _date(),
            "weight": _positive(),
        },
        checks=[
            _once_per_fold(),
            _check("the weights of a fold's role do not have mean 1", mean_one),
        ],
    )


def _predictions(horizon: Horizon) -> DataFrameSchema:
    from pandera.pandas import DataFrameSchema

    return DataFrameSchema(
        {
            "data_date": _date(_check("date given twice", lambda s: ~s.duplicated())),
            "fold": _fold(),
            "label_end_date": _date(),
            **{name: _number() for name in ("q10", "q50", "q90", "y", "close")},
            "regime_name": _text(),
            "regime_weight": _positive(),
        },
        checks=[
            _label_end_after_origin(),
            _check("quantiles cross", lambda f: (f["q10"] <= f["q50"]) & (f["q50"] <= f["q90"])),
        ],
    )


def _experts(horizon: Horizon) -> DataFrameSchema:
    from pandera.pandas import DataFrameSchema

    def weights(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[[name for name in frame.columns if name.startswith(EXPERT_WEIGHT)]]

    return DataFrameSchema(
        {
            "data_date": _date(_check("date given twice", lambda s: ~s.duplicated())),
            **{name: _number() for name in ("q10", "q50", "q90")},
        },
        checks=[
            _check("a weight is not between 0 and 1", lambda f: weights(f).ge(0).all(axis=1)),
            _check(
                "the weights do not sum to 1",
                lambda f: (weights(f).sum(axis=1) - 1).abs() <= MEAN_TOLERANCE,
            ),
        ],
    )


# kind: (schema of a horizon, stage that writes it)
KINDS: Final[dict[str, tuple[Callable[[Horizon], DataFrameSchema], str]]] = {
    "labels": (_labels, "split"),
    "split_plan": (_split_plan, "split"),
    "sample_weights": (_sample_weights, "split"),
    "predictions": (_predictions, "fit"),
    "experts": (_experts, "fit"),
}


_passed: Kept[None] = Kept(256)
"""Contents that were found right; every model of a horizon is scored with the same tables."""


@functools.cache
def _schema(kind: str, horizon: Horizon) -> DataFrameSchema:
    return KINDS[kind][0](horizon)


class FrameValidator:
    """Validator of a dataset ``<horizon>[.<model>].<kind>`` for Kedro's catalog.

    Further columns are allowed, other than targets of another horizon and those of the banned
    vendor.

    Parameters
    ----------
    dataset
        Name of the dataset; it tells horizon and kind (`KINDS`).

    Raises
    ------
    ConfigError
        The horizon or the kind is unknown.

    Examples
    --------
    In ``catalog.yml``, beside the keys of the dataset:

        validator:
          class: soyoil.datasets.schemas.FrameValidator
          options: {dataset: "{horizon}.labels"}
    """

    def __init__(self, dataset: str) -> None:
        horizon, _, rest = dataset.partition(".")
        self._kind = rest.rpartition(".")[2]
        if self._kind not in KINDS:
            raise ConfigError(
                f"no schema for the dataset {dataset!r}: its name must end in "
                f"{', '.join('.' + kind for kind in KINDS)}"
            )
        self._dataset = dataset
        self._horizon = get_horizon(horizon)

    def validate(self, data: pd.DataFrame) -> pd.DataFrame:
        """Return the frame as it is, or refuse it.

        Raises
        ------
        ContractError
            One message naming the dataset and, for each problem, the column, the reason, the
            number of rows and up to three of them.
        """
        if not isinstance(data, pd.DataFrame):
            raise self._refusal([f"needs a DataFrame, is {type(data)!r}"])
        problems = list(self._name_problems(data))
        if problems:
            raise self._refusal(problems)
        try:
            key = (self._kind, self._horizon, frame_digest(data))
        except TypeError:
            # Only a frame that is to be refused holds what cannot be hashed.
            self._check(data)
        else:
            _passed.get(key, lambda: self._check(data))
        return data

    def _check(self, data: pd.DataFrame) -> None:
        from pandera.errors import SchemaErrors

        frame = data.reset_index(drop=True)
        try:
            _schema(self._kind, self._horizon).validate(frame, lazy=True)
        except SchemaErrors as exc:
            raise self._refusal(_problems(exc, frame)) from exc

    def _name_problems(self, frame: pd.DataFrame) -> Iterator[str]:
        own = self._horizon.name
        for name in map(str, frame.columns):
            if name.lower().startswith(BANNED_PREFIX):
                yield f"column {name}: columns of this vendor ({BANNED_PREFIX}) are banned"
            elif (found := target_horizon(name)) not in (None, own):
                yield f"column {name}: is a target of horizon {found}, not {own}"
        for name in sorted(set(frame.columns[frame.columns.duplicated()])):
            yield f"column {name}: is in the frame more than once"

    def _refusal(self, problems: list[str]) -> ContractError:
        listed = "\n".join(f"  - {problem}" for problem in problems)
        return ContractError(
            f"{self._dataset} is not what it must be:\n{listed}\n"
            "Nothing was written. If the file was changed since it was written, make it anew: "
            f"kedro run --pipeline={KINDS[self._kind][1]}"
        )


def _problems(exc: SchemaErrors, frame: pd.DataFrame) -> list[str]:
    """One sentence per failed check; types first and alone, as they make other checks fail."""
    errors = exc.schema_errors
    missing = [e for e in errors if _reason(e) == "COLUMN_NOT_IN_DATAFRAME"]
    mistyped = [e for e in errors if _reason(e) == "WRONG_DATATYPE"]
    if missing or mistyped:
        return [
            *(f"column {error.failure_cases} is missing" for error in missing),
            *(
                f"column {e.schema.name}: is {frame[e.schema.name].dtype}, "
                f"not {str(e.schema.dtype).replace('[ns]', '[us]')}"
                for e in mistyped
            ),
        ]
    return [_rows_problem(error, frame) for error in errors]


def _reason(error: SchemaError) -> str:
    return error.reason_code.name if error.reason_code is not None else ""


def _rows_problem(error: SchemaError, frame: pd.DataFrame) -> str:
    reason = getattr(error.check, "error", None) or "missing value"
    where = f"column {error.schema.name}: " if error.schema.name else ""
    rows = np.unique(np.asarray(error.failure_cases["index"].dropna(), dtype="int64"))
    names = [name for name in ("fold", "data_date") if name in frame.columns]
    examples = frame[names].iloc[rows[:MAX_EXAMPLES]].astype("str").fillna("missing")
    listed = ", ".join("(" + ", ".join(row) + ")" for row in examples.to_numpy())
    more = ", …" if len(rows) > MAX_EXAMPLES else ""
    noun = "row" if len(rows) == 1 else "rows"
    return f"{where}{reason}; {len(rows):,} {noun}, {'+'.join(names)} = {listed}{more}"
