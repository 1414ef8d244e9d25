"""Run the daily forecast evening by evening, as if each were today.

Usage: ``python evenings.py EVENINGS.json RESULTS.jsonl FIRST``. An evening is ``{"today",
"arrive", "kill", "args"}``: files move from ``late`` to ``bars``, then the command runs; with
``kill`` this process ends with SIGKILL while that dataset is saved. A result has the exit code, the
output, and hash by sequence number of the ledger.
"""

import datetime as dt
import json
import shutil
import sys
import time
import traceback
from pathlib import Path

import strike
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project

LEDGER = "SELECT row_hash FROM forecasts.zl_predictions ORDER BY sequence"


def ledger() -> list[str]:
    """Hashes of the ledger in its order."""
    import duckdb

    with duckdb.connect("data/warehouse/databento.duckdb", read_only=True) as db:
        return [row[0] for row in db.sql(LEDGER).fetchall()]


def main() -> None:
    evenings = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    bootstrap_project(Path.cwd())
    from soyoil.base import clock
    from soyoil.cli import run

    with Path(sys.argv[2]).open("a", encoding="utf-8") as results:
        for evening in evenings[int(sys.argv[3]) :]:
            today = dt.date.fromisoformat(evening["today"])
            clock.today = lambda today=today: today
            for name in evening["arrive"]:
                if (Path("late") / name).exists():
                    shutil.move(Path("late") / name, Path("bars") / name)
            if evening["kill"] and not Path("killed").exists():
                Path("killed").touch()
                strike.while_saved(evening["kill"], 0)
            began = time.perf_counter()
            outcome = CliRunner().invoke(run, evening["args"])
            text, crash = outcome.output, outcome.exception
            if crash is not None and not isinstance(crash, SystemExit):
                text += "".join(traceback.format_exception(crash))
            result = {
                "today": evening["today"],
                "code": outcome.exit_code,
                "seconds": time.perf_counter() - began,
                "text": text,
                "ledger": ledger(),
            }
            results.write(json.dumps(result) + "\n")
            results.flush()


if __name__ == "__main__":
    main()
