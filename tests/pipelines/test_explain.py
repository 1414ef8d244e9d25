"""The explanation from the command line: two tracked runs, fitted again to the bit."""

import sqlite3

import pandas as pd
import pytest

PARAMS = "source.symbols=ZL"
FIRST = "split.first_origin=2023-01-03"
SECOND = "split.first_origin=2023-06-01"
STAGES = "ingest,regimes,features,split,fit,evaluate"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_tracked_runs(shared_project) -> None:  # type: ignore[no-untyped-def]
    root = shared_project.root
    for stages, split in ((STAGES, FIRST), ("split,fit,evaluate", SECOND)):
        command = [f"--pipelines={stages}", "--tags=drift", f"--params={PARAMS},{split}"]
        code, output = shared_project.run_many({"run": command})["run"]
        assert code == 0, output
    with sqlite3.connect(root / "mlflow.db") as db:
        query = (
            "select r.run_uuid from runs r join tags t on t.run_uuid = r.run_uuid "
            "where t.key = 'kind' and t.value = 'pipeline' order by r.start_time"
        )
        a, b = (str(name) for (name,) in db.execute(query))
    given = f"--params={PARAMS},explain.runs={a}+{b},explain.horizon=1w"
    done = shared_project.run_many(
        {
            "plan": ["--pipeline=explain", f"{given},explain.plan_only=true"],
            "made": ["--pipeline=explain", given],
            "none": ["--pipeline=explain", f"--params={PARAMS}"],
            "model": ["--pipeline=explain", f"{given},explain.model=tft"],
        }
    )
    code, output = done["plan"]
    assert code == 0, output
    assert "At most 0 fits" in output
    code, output = done["made"]
    assert code == 0, output
    table = pd.read_csv(root / "data/08_reporting/compare/explain.csv")
    drift = table[table["model"] == "drift"].set_index("cause")
    assert drift["differs"].to_dict() == {
        "data": False, "split": True, "weights": False, "params": False, "seed": False,
        "code": False,
    }  # fmt: skip
    # A baseline is fitted on nothing: on common rows another plan changes nothing.
    assert (table["part"] == 0).all()
    assert (table["repeats"] == "to the bit").all()
    with sqlite3.connect(root / "mlflow.db") as db:
        kinds = [k for (k,) in db.execute("select value from tags where key = 'kind'")]
    assert kinds.count("explain") == 2
    code, output = done["none"]
    assert code != 0
    assert "explain.runs names no runs" in output
    code, output = done["model"]
    assert code != 0
    assert "explain.model leave nothing" in output
    for path in (root / "data/05_model_input/snapshots").glob("*/manifest.json"):
        path.unlink()
    code, output = shared_project.run_many({"gone": ["--pipeline=explain", given]})["gone"]
    assert code != 0
    assert "cannot be fitted again. Snapshot " in output
