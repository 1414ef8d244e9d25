"""Files between stages and stores that are missing, damaged, changed by hand or something else."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from homes import SMALL
from mistakes import Edit, Mistake, drop, folder, put

SECRET = "hunter2hunter2"
PARAMS = f"--params={SMALL}"
FIT = ("run", "--nodes=1w.lightgbm.fit", PARAMS)
EVALUATE = ("run", "--nodes=1w.lightgbm.evaluate", PARAMS)
LABELS = ("run", "--nodes=1w.make_labels", PARAMS)
FEATURES = ("run", "--pipelines=features", PARAMS)
COMPARE = ("run", "--pipeline=compare", PARAMS)
FIT_REPORT = ("06_models/1w/lightgbm", "--pipeline=fit")
SNAPSHOTS = "data/05_model_input/snapshots"
WRITES = ("data/.lock", "data/logs/", ".viz/", "mlflow.db", "mlruns/", ".mlflow.db.lock")
"""What a run that fails leaves: its lock, its lines in the log, and that it has failed."""

# files, the command that reads them, and what a message about any damage must say
READ_BY: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "data/05_model_input/1w/labels.parquet": (FIT, ("labels", "--pipeline=split")),
    "data/05_model_input/1w/split_plan.parquet": (FIT, ("split_plan", "--pipeline=split")),
    "data/05_model_input/1w/sample_weights.parquet": (FIT, ("sample_weights", "--pipeline=split")),
    "data/05_model_input/1w/weight_report.csv": (EVALUATE, ("weight_report", "--pipeline=split")),
    "data/07_model_output/1w/lightgbm/predictions.parquet": (
        EVALUATE, ("lightgbm", "predictions", "--pipeline=fit"),
    ),
    "data/07_model_output/1w/random_walk/predictions.parquet": (
        EVALUATE, ("random_walk", "predictions", "--pipeline=fit"),
    ),
    "data/06_models/1w/lightgbm/report.json": (EVALUATE, FIT_REPORT),
    "data/06_models/1w/lightgbm/folds.csv": (EVALUATE, FIT_REPORT),
    "data/06_models/1w/lightgbm/fold_01.q50.lightgbm.txt": (EVALUATE, FIT_REPORT),
    f"{SNAPSHOTS}/current.json": (LABELS, ("current.json", "--pipeline=split")),
    f"{SNAPSHOTS}/*/manifest.json": (LABELS, ("manifest.json", "--pipeline=split")),
    f"{SNAPSHOTS}/*/matrix.parquet": (LABELS, ("snapshot", "--pipeline=split")),
    f"{SNAPSHOTS}/*/regimes.parquet": (LABELS, ("snapshot", "--pipeline=split")),
    "data/warehouse/synthetic.duckdb": (FEATURES, ("synthetic.duckdb", "run")),
}  # fmt: skip


def found(root: Path, pattern: str) -> Path:
    """The one file that a pattern means."""
    (path,) = root.glob(pattern)
    return path


def changed(pattern: str, change: Callable[[bytes], bytes]) -> Edit:
    """Change a file's bytes."""

    def edit(root: Path) -> None:
        path = found(root, pattern)
        path.write_bytes(change(path.read_bytes()))

    return edit


def removed(pattern: str) -> Edit:
    return lambda root: drop(str(found(root, pattern).relative_to(root)))(root)


def made_a_folder(pattern: str) -> Edit:
    return lambda root: folder(str(found(root, pattern).relative_to(root)))(root)


DAMAGE: dict[str, Callable[[str], Edit]] = {
    "missing": removed,
    "empty": lambda pattern: changed(pattern, lambda content: b""),
    "cut": lambda pattern: changed(pattern, lambda content: content[: len(content) // 2]),
    "other text": lambda pattern: changed(pattern, lambda content: b"<html>not found</html>\n"),
    "a folder": made_a_folder,
}


def table(pattern: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Edit:
    """Change a table and write it as a file that can be read."""

    def edit(root: Path) -> None:
        path = found(root, pattern)
        change(pd.read_parquet(path)).to_parquet(path)

    return edit


def _shifted(frame: pd.DataFrame) -> pd.DataFrame:
    column = next(c for c in frame.columns if frame[c].dtype == "float64")
    return frame.assign(**{column: frame[column].shift(1)})


def _foreign(root: Path) -> None:
    (root / "mlflow.db").unlink()
    with sqlite3.connect(root / "mlflow.db") as db:
        db.execute("create table recipes (name text)")
        db.execute("insert into recipes values ('tofu')")
    db.close()


def _newer(root: Path) -> None:
    with sqlite3.connect(root / "mlflow.db") as db:
        db.execute("update alembic_version set version_num = 'ffffffffffff'")
    db.close()


def _in_place(path: str) -> Edit:
    """A file in the place of a folder."""

    def edit(root: Path) -> None:
        shutil.rmtree(root / path)
        (root / path).write_text("")

    return edit


CASES: tuple[Mistake, ...] = (
    *(
        Mistake(
            f"{pattern} {kind}",
            says,
            (damage(pattern),),
            command,
            filled=True,
            writes=(*WRITES, "data/warehouse/") if "warehouse" in pattern else WRITES,
        )
        for pattern, (command, says) in READ_BY.items()
        for kind, damage in DAMAGE.items()
    ),
    *(
        Mistake(
            f"{pattern} {kind}", says, (table(pattern, change),), command, filled=True,
            writes=WRITES,
        )
        for pattern, command, kind, change, says in (
            ("data/05_model_input/1w/labels.parquet", FIT, "of other numbers", _shifted,
             ("1w.labels", "split")),
            ("data/05_model_input/1w/split_plan.parquet", FIT, "with rows gone",
             lambda f: f.iloc[:-5], ("1w.split_plan", "split")),
            ("data/05_model_input/1w/sample_weights.parquet", FIT, "of other numbers", _shifted,
             ("1w.sample_weights", "split")),
            ("data/07_model_output/1w/lightgbm/predictions.parquet", EVALUATE, "with rows gone",
             lambda f: f.iloc[:50], ("1w.lightgbm.predictions", "50 rows")),
            ("data/07_model_output/1w/vol_cone/predictions.parquet", EVALUATE, "of other numbers",
             _shifted, ("1w.vol_cone.predictions",)),
            (f"{SNAPSHOTS}/*/matrix.parquet", LABELS, "with rows gone",
             lambda f: f.iloc[:-1], ("snapshot", "changed", "--pipeline=split")),
            (f"{SNAPSHOTS}/*/regimes.parquet", LABELS, "of other numbers", _shifted,
             ("snapshot", "changed", "--pipeline=split")),
        )
    ),
    *(
        Mistake(
            f"mlflow.db {kind}", ("mlflow.db", *says), (edit,), command, filled=True,
            writes=WRITES,
        )
        for command in (EVALUATE, COMPARE)
        for kind, edit, says in (
            (f"of another program, {command[1]}", _foreign, ()),
            (f"of a newer MLflow, {command[1]}", _newer, ()),
            (f"cut, {command[1]}", changed("mlflow.db", lambda c: c[: len(c) // 2]), ()),
            (f"other text, {command[1]}", put("mlflow.db", "hello\n" * 900), ()),
            (f"a folder, {command[1]}", folder("mlflow.db"), ()),
        )
    ),
    Mistake("mlruns is a file", ("mlruns",), (_in_place("mlruns"),), EVALUATE, filled=True,
            writes=WRITES),
    Mistake("data is a file", ("data",), (put("data", ""),)),
    Mistake("08_reporting is a file", ("08_reporting",), (_in_place("data/08_reporting"),),
            EVALUATE, filled=True, writes=WRITES),
    Mistake("07_model_output is a file", ("07_model_output",),
            (_in_place("data/07_model_output"),), EVALUATE, filled=True, writes=WRITES),
    Mistake("nothing tracked", ("kedro run --pipeline=train",), (), COMPARE,
            writes=WRITES),
    Mistake("nothing fitted", ("snapshot", "--pipeline=split"), (), EVALUATE, writes=WRITES),
    Mistake("no snapshot", ("snapshot", "split"), (), FIT, writes=WRITES),
    Mistake("warehouse of another source", ("databento.duckdb", "--pipeline=ingest"), (),
            ("run", "--pipelines=features", "--params=source.kind=databento,source.path=bars"),
            filled=True, writes=(*WRITES, "data/warehouse/")),
    Mistake("snapshot of another market", ("snapshot", "source.synthetic.seed", "train"), (),
            ("run", "--nodes=1w.lightgbm.fit", f"{PARAMS},source.synthetic.seed=5"), filled=True,
            writes=WRITES),
    Mistake("labels of another plan", ("1w.split_plan", "split"), (),
            ("run", "--nodes=1w.lightgbm.evaluate",
             PARAMS.replace("refit_every=252", "refit_every=126")), filled=True, writes=WRITES),
    Mistake("forecasts of another configuration", ("1w.lightgbm.predictions", "fit"), (),
            ("run", "--nodes=1w.lightgbm.evaluate", f"{PARAMS},lightgbm.num_leaves=5"),
            filled=True, writes=WRITES),
    *(
        Mistake(
            f"tracking address {name}", says, (), command, filled=True, hides=(SECRET,),
            writes=WRITES, environment={"MLFLOW_TRACKING_URI": address},
        )
        for command in (EVALUATE, COMPARE)
        for name, address, says in (
            (f"of nobody, {command[1]}", f"http://me:{SECRET}@127.0.0.1:9", ("127.0.0.1:9",)),
            (f"of no kind, {command[1]}", f"nowhere://me:{SECRET}@host", ("nowhere",)),
            (f"of a file store, {command[1]}", "./mlruns", ("mlruns", "sqlite")),
            (f"of a database away, {command[1]}",
             f"postgresql://me:{SECRET}@127.0.0.1:9/db", ("tracking",)),
            (f"of a misspelt scheme, {command[1]}", "sqlit:///mlflow.db", ("sqlit",)),
        )
    ),
    *(
        Mistake(f"plan {kind}", ("warehouse_plan.json", "kedro warehouse plan"),
                (put("data/08_reporting/warehouse_plan.json", text),), ("warehouse", "apply"),
                filled=True, writes=WRITES)
        for kind, text in (
            ("cut", '{"changes": ['), ("empty", ""), ("a list", "[]"), ("of nothing", "{}"),
        )
    ),
)  # fmt: skip
