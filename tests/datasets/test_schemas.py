"""Schemas of the frames between the stages, through the project's own catalog."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from kedro.io import DataCatalog, DatasetError
from kedro.validation import DataValidationError
from pandas.testing import assert_frame_equal

from soyoil.base.errors import ConfigError, ContractError, soyoil_cause
from soyoil.datasets.schemas import FrameValidator
from soyoil.splits.plan import ROLES
from soyoil.targets.horizons import HORIZONS
from soyoil.targets.labels import build_labels

Change = Callable[[pd.DataFrame], pd.DataFrame]

N, H = 40, 5
DAYS = pd.Series(pd.bdate_range("2020-01-01", periods=N, unit="us"))
# (role, first and last row) of two folds, each label 5 sessions long and clear of the next role.
FOLDS = (
    (("train", 0, 3), ("valid", 9, 11), ("test", 24, 28)),
    (("train", 0, 8), ("valid", 14, 15), ("test", 29, 33)),
)


def labels() -> pd.DataFrame:
    random = np.random.default_rng(0)
    sessions = pd.DataFrame(
        {
            "data_date": DAYS,
            "close": 50.0,
            "roll_free_return": random.normal(0, 0.01, N),
            "is_roll": False,
        }
    )
    return build_labels(sessions, HORIZONS["1w"])


def split_plan() -> pd.DataFrame:
    parts = [
        pd.DataFrame({"fold": number, "role": role, "row": np.arange(first, last + 1)})
        for number, fold in enumerate(FOLDS)
        for role, first, last in fold
    ]
    plan = pd.concat(parts, ignore_index=True)
    row = plan.pop("row").to_numpy()
    return plan.assign(
        role=plan["role"].astype("str"),
        data_date=DAYS.to_numpy()[row],
        label_end_date=DAYS.to_numpy()[row + H],
    )


def sample_weights() -> pd.DataFrame:
    plan = split_plan().query("role != 'test'").reset_index(drop=True)
    raw = pd.Series(np.random.default_rng(1).uniform(50, 500, len(plan)))
    mean = raw.groupby([plan["fold"], plan["role"]]).transform("mean")
    return plan[["fold", "role", "data_date"]].assign(weight=raw / mean)


def predictions() -> pd.DataFrame:
    plan = split_plan().query("role == 'test'").reset_index(drop=True)
    y = np.random.default_rng(2).normal(0, 0.01, len(plan))
    frame = plan[["data_date", "fold", "label_end_date"]].assign(q10=-0.1, q50=0.0, q90=0.1, y=y)
    return frame.assign(close=50.0, regime_name="calm", regime_weight=100.0)


FRAMES: dict[str, Callable[[], pd.DataFrame]] = {
    "1w.labels": labels,
    "1w.split_plan": split_plan,
    "1w.sample_weights": sample_weights,
    "1w.lightgbm.predictions": predictions,
}


@pytest.fixture
def entries(project_root: Path, tmp_path: Path) -> dict[str, Any]:
    """Parquet datasets of ``conf/base/catalog.yml``, their files in a temporary folder."""
    text = (project_root / "conf" / "base" / "catalog.yml").read_text()
    found = yaml.safe_load(text.replace("${data_folder:}", f"{tmp_path.as_posix()}/data"))
    return {
        name: entry
        for name, entry in found.items()
        if isinstance(entry, dict) and entry.get("type") == "pandas.ParquetDataset"
    }


def catalog_of(entries: dict[str, Any]) -> DataCatalog:
    """A catalog as a new process has it."""
    return DataCatalog.from_config(entries)


def files(tmp_path: Path) -> list[Path]:
    return [path for path in tmp_path.rglob("*") if path.is_file()]


def test_every_parquet_dataset_has_its_schema(entries: dict[str, Any]) -> None:
    assert set(entries) >= {
        "{horizon}.labels",
        "{horizon}.split_plan",
        "{horizon}.sample_weights",
        "{horizon}.{model}.predictions",
    }
    for name, entry in entries.items():
        assert entry["validator"] == {
            "class": "soyoil.datasets.schemas.FrameValidator",
            "skip_load_after_save": True,
            "options": {"dataset": name},
        }


@pytest.mark.parametrize("name", FRAMES)
def test_what_fits_goes_through_unchanged(name: str, entries: dict[str, Any]) -> None:
    frame = FRAMES[name]()
    catalog_of(entries).save(name, frame)
    assert_frame_equal(catalog_of(entries).load(name), frame)
    other = frame.assign(extra=1).set_axis([7] * len(frame), axis=0)
    assert FrameValidator(name).validate(other) is other
    catalog_of(entries).save(name, frame.iloc[:0])


def put(column: str, value: object, row: int = 2) -> Change:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.copy()
        frame.loc[row, column] = value
        return frame

    return change


def cast(column: str, dtype: str) -> Change:
    return lambda frame: frame.assign(**{column: frame[column].astype(dtype)})


def drop(column: str) -> Change:
    return lambda frame: frame.drop(columns=column)


def add(column: str) -> Change:
    return lambda frame: frame.assign(**{column: 1.0})


def twice(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame, frame.iloc[[2]]], ignore_index=True)


def scaled(frame: pd.DataFrame) -> pd.DataFrame:
    """Weights of one fold's validation rows off by a hair."""
    rows = (frame["fold"] == 1) & (frame["role"] == "valid")
    return frame.assign(weight=frame["weight"].where(~rows, frame["weight"] * (1 + 1e-8)))


LABELS, PLAN, WEIGHTS, PREDICTIONS = FRAMES
TARGET = "target_1w_log_return"
DAY = "2020-01-03"  # the row that `put` changes
WRONG = [
    (LABELS, lambda f: f.iloc[::-1], ["column data_date: not after the row before; 39 rows"]),
    (LABELS, twice, ["column data_date: not after the row before; 1 row", DAY]),
    (LABELS, put("data_date", DAYS[1]), ["column data_date: not after the row before; 1 row"]),
    (LABELS, put("data_date", pd.NaT), ["data_date: missing value; 1 row, data_date = (missing)"]),
    (LABELS, cast("data_date", "datetime64[ns]"), ["column data_date: not datetime64[us]"]),
    (LABELS, cast("data_date", "str"), ["column data_date: is str, not datetime64[us]"]),
    (LABELS, put("label_end_date", pd.NaT), [f"only one of {TARGET} and label_end_date", DAY]),
    (LABELS, put(TARGET, np.nan), [f"only one of {TARGET} and label_end_date", DAY]),
    (LABELS, put(TARGET, 0.1, N - 1), [f"only one of {TARGET} and label_end_date"]),
    (LABELS, put(TARGET, np.inf), [f"column {TARGET}: infinite; 1 row", DAY]),
    (LABELS, put("label_end_date", DAYS[2 + H + 1]), ["is not the session 5 rows on; 1 row", DAY]),
    (LABELS, put("label_end_date", DAYS[2 + H - 1]), ["is not the session 5 rows on; 1 row", DAY]),
    (LABELS, drop(TARGET), [f"column {TARGET} is missing"]),
    (LABELS, add("target_1m_log_return"), ["target_1m_log_return: is a target of horizon 1m"]),
    (LABELS, add("Target_1M_log_return"), ["Target_1M_log_return: is a target of horizon 1m"]),
    (LABELS, add("yahoo_close"), ["column yahoo_close: columns of this vendor"]),
    (LABELS, lambda f: f[["data_date", *f.columns]], ["data_date: is in the frame more than once"]),
    (PLAN, put("role", "tset"), ["role: not one of train, valid, test; 1 row", DAY]),
    (PLAN, put("role", None), ["column role: missing value"]),
    (PLAN, put("fold", -1), ["column fold: negative; 1 row, fold+data_date = (-1, 2020-01-03)"]),
    (PLAN, cast("fold", "float64"), ["column fold: is float64, not int64"]),
    (PLAN, put("label_end_date", DAYS[2]), ["label_end_date is not after data_date; 1 row", DAY]),
    (PLAN, put("label_end_date", pd.NaT), ["column label_end_date: missing value"]),
    (PLAN, twice, ["date given twice in one fold; 1 row"]),
    (PLAN, put("data_date", DAYS[0]), ["date given twice in one fold; 1 row"]),
    (PLAN, put("data_date", DAYS[9]), ["twice in one fold; 1 row, fold+data_date = (0, "]),
    (PLAN, put("label_end_date", DAYS[24]), ["before the first test origin of its fold; 1 row"]),
    (PLAN, lambda f: f[f["role"] != "test"], ["before the first test origin of its fold"]),
    (PLAN, add("target_3m_log_return"), ["is a target of horizon 3m, not 1w"]),
    (WEIGHTS, put("weight", 0.0), ["column weight: not above 0; 1 row", DAY]),
    (WEIGHTS, put("weight", -0.5), ["column weight: not above 0; 1 row"]),
    (WEIGHTS, put("weight", np.nan), ["column weight: missing value"]),
    (WEIGHTS, put("weight", np.inf), ["column weight: infinite; 1 row"]),
    (WEIGHTS, scaled, ["a fold's role do not have mean 1; 2 rows", "(1, 2020-01-21)"]),
    (WEIGHTS, put("role", "test"), ["column role: not one of train, valid; 1 row"]),
    (WEIGHTS, twice, ["date given twice in one fold; 1 row"]),
    (PREDICTIONS, put("q50", -0.2), ["quantiles cross; 1 row"]),
    (PREDICTIONS, put("q90", -0.01), ["quantiles cross; 1 row"]),
    (PREDICTIONS, put("q10", np.nan), ["column q10: missing value; 1 row"]),
    (PREDICTIONS, put("q90", np.inf), ["column q90: infinite; 1 row"]),
    (PREDICTIONS, put("y", np.nan), ["column y: missing value; 1 row"]),
    (PREDICTIONS, put("y", -np.inf), ["column y: infinite; 1 row"]),
    (PREDICTIONS, twice, ["column data_date: date given twice; 1 row"]),
    (PREDICTIONS, put("regime_weight", 0.0), ["column regime_weight: not above 0; 1 row"]),
    (PREDICTIONS, put("regime_name", None), ["column regime_name: missing value; 1 row"]),
    (PREDICTIONS, put("label_end_date", DAYS[0]), ["label_end_date is not after data_date; 1 row"]),
    (PREDICTIONS, lambda f: f.drop(columns=["q10", "y"]), ["q10 is missing", "y is missing"]),
    (PREDICTIONS, add("target_1m_log_return"), ["is a target of horizon 1m, not 1w"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "parts"), WRONG)
def test_one_clear_message_and_nothing_written(
    name: str, change: Change, parts: list[str], entries: dict[str, Any], tmp_path: Path
) -> None:
    wrong = change(FRAMES[name]())
    with pytest.raises(DatasetError) as caught:
        catalog_of(entries).save(name, wrong)
    assert isinstance(caught.value, DataValidationError)
    cause = soyoil_cause(caught.value)
    assert isinstance(cause, ContractError)
    stage = "fit" if name == PREDICTIONS else "split"
    for part in (name, f"kedro run --pipeline={stage}", *parts):
        assert part in str(cause)
    assert files(tmp_path) == []


@pytest.mark.parametrize("name", FRAMES)
def test_a_file_that_was_changed_is_refused(
    name: str, entries: dict[str, Any], tmp_path: Path
) -> None:
    catalog_of(entries).save(name, FRAMES[name]())
    (path,) = files(tmp_path)
    put("data_date", pd.NaT)(FRAMES[name]()).to_parquet(path)
    with pytest.raises(DatasetError) as caught:
        catalog_of(entries).load(name)
    assert f"{name} is not what it must be" in str(soyoil_cause(caught.value))


def test_labels_of_another_horizon(entries: dict[str, Any]) -> None:
    catalog = catalog_of(entries)
    with pytest.raises(DatasetError, match="is a target of horizon 1w, not 1m"):
        catalog.save("1m.labels", labels())
    renamed = labels().rename(columns={TARGET: "target_1m_log_return"})
    with pytest.raises(DatasetError, match="is not the session 21 rows on; 35 rows"):
        catalog.save("1m.labels", renamed)


def test_many_problems_in_one_message() -> None:
    wrong = predictions().assign(y=np.nan, regime_weight=0.0, q10=1.0)
    with pytest.raises(ContractError) as caught:
        FrameValidator(PREDICTIONS).validate(wrong)
    for part in ("column y: missing value; 10 rows", "regime_weight", "quantiles cross", ", …"):
        assert part in str(caught.value)
    with pytest.raises(ContractError, match="needs a DataFrame"):
        FrameValidator(PREDICTIONS).validate([1])  # type: ignore[arg-type]


def test_unknown_datasets() -> None:
    with pytest.raises(ConfigError, match="Unknown horizon '2w'"):
        FrameValidator("2w.labels")
    with pytest.raises(ConfigError, match=r"must end in \.labels, \.split_plan"):
        FrameValidator("1w.scores")


def test_roles_are_those_of_the_plan() -> None:
    assert ROLES == ("train", "valid", "test")
