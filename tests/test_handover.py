"""Frames say what they were made from, and are refused where that is something else."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from soyoil.base.handover import HandoverError, MadeFrom, check_handover, content_hash, stamped
from soyoil.pipelines.evaluate.inputs import check_rows
from soyoil.pipelines.origins import csv_hash

MADE = MadeFrom({"snapshot": "a" * 64}, {"split": {"plan": "fixed", "groups": [1, 2]}})
REMEDY = "Run it again."


def frame() -> pd.DataFrame:
    days = pd.bdate_range("2024-01-01", periods=6, unit="us")
    return pd.DataFrame(
        {
            "fold": np.repeat(np.array([0, 1], dtype="int64"), 3),
            "data_date": days,
            "y": [0.1, -0.2, np.nan, 0.0, 1e-17, 3.0],
            "regime_name": pd.Series(["calm"] * 6, dtype="str"),
        }
    )


def test_a_stamp_survives_its_file(tmp_path: Path) -> None:
    stamped(frame(), MADE).to_parquet(tmp_path / "f.parquet")
    found = pd.read_parquet(tmp_path / "f.parquet")
    assert check_handover(found, "f", MADE, REMEDY) == content_hash(frame())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (lambda f: f.head(2), r"changed after it was written \(2 rows now, 6 then\)"),
        (lambda f: f.assign(y=f["y"] + 1e-16), "changed after it was written"),
        (lambda f: f.iloc[::-1], "changed after it was written"),
        (lambda f: f.astype({"fold": "int32"}), "changed after it was written"),
        (lambda f: pd.DataFrame(f.to_dict("list")), "does not say what it was made from"),
    ],
)
def test_what_was_changed_is_refused(changed, message: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Also where the change keeps the stamp, as pandas does."""
    changed(stamped(frame(), MADE)).to_parquet(tmp_path / "f.parquet")
    with pytest.raises(HandoverError, match=rf"the frame cannot be used: .*{message}.*{REMEDY}"):
        check_handover(pd.read_parquet(tmp_path / "f.parquet"), "the frame", MADE, REMEDY)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (MadeFrom({"snapshot": "b" * 64}), "from another snapshot .a{12}…, here b{12}…"),
        (MadeFrom({"labels": "b" * 64}), "from another labels .none, here b{12}…"),
        (MadeFrom({}, {"split": {"plan": "x", "groups": [1, 2]}}), "split.plan=fixed, .* has x"),
        (MadeFrom({}, {"split": {"plan": "fixed"}}), "split.groups=.1, 2., .* has nothing"),
        (MadeFrom({}, {"fit": {"seed": 1}}), "fit.seed=nothing, this run has 1"),
    ],
)
def test_what_is_of_other_data_is_refused(other: MadeFrom, message: str) -> None:
    with pytest.raises(HandoverError, match=message):
        check_handover(stamped(frame(), MADE), "f", other, REMEDY)
    # What a reader does not name is not asked for.
    check_handover(stamped(frame(), MADE), "f", MadeFrom(), REMEDY)


def test_a_report_is_known_again_from_its_file(tmp_path: Path) -> None:
    report = frame().assign(share=np.random.default_rng(0).random(6))
    report.to_csv(tmp_path / "r.csv", index=False)
    assert content_hash(pd.read_csv(tmp_path / "r.csv")) == csv_hash(report)


@pytest.mark.parametrize(
    ("changed", "messages"),
    [
        (lambda f: f.head(2), ["2 rows, the plan has 6", "4 test rows are missing"]),
        (lambda f: pd.concat([f, f.head(1)]), ["7 rows", "1 rows are given twice"]),
        (lambda f: f.assign(fold=2), ["6 test rows are missing", "6 rows are no test rows"]),
        (lambda f: f.assign(y=f["y"].fillna(1.0)), ["1 rows have another y"]),
        (lambda f: f.assign(regime_name="war"), ["6 rows have another regime_name"]),
        (lambda f: f.drop(columns="y"), ["no column y"]),
    ],
)
def test_scored_rows_are_the_test_rows_of_the_plan(changed, messages: list[str]) -> None:  # type: ignore[no-untyped-def]
    check_rows("p", frame(), frame())
    check_rows("p", frame().iloc[::-1], frame())
    with pytest.raises(HandoverError) as caught:
        check_rows("p", changed(frame()), frame())
    assert all(message in str(caught.value) for message in messages), caught.value


def test_the_hash_of_texts_is_that_of_every_row_and_stays_what_it_was() -> None:
    texts = pd.Series(["b", "a", None, "b", "", "ä", "a"], dtype="str")
    frame = pd.DataFrame({"text": texts, "number": np.arange(7.0)})
    digest = hashlib.sha256()
    for column in ("number", "text"):
        digest.update(f"{column}:{frame[column].dtype}".encode())
        rows = pd.util.hash_pandas_object(frame[column], index=False)
        digest.update(rows.to_numpy().tobytes())
    assert content_hash(frame) == digest.hexdigest()
    # Files that were stamped before have to be accepted.
    assert digest.hexdigest() == "701fe958558a85a037413fcc94b672438d7d0a01ef726d47dfe5ddd58d468e05"
