"""Run many ``kedro`` commands one after the other in one process.

Usage: ``python many.py COMMANDS.json RESULTS.jsonl``. A command is ``{"name", "args", "keep"}``;
before each the data folder is emptied unless ``keep`` says otherwise. A result has the exit code,
all output, and whether an exception got through that is no exit.
"""

import json
import shutil
import sys
import traceback
from pathlib import Path

from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project

SESSIONS = "market_data.soyoil_futures_sessions"


def sessions_of(warehouse: Path) -> str | None:
    """Sessions in the warehouse as a Parquet file beside the results."""
    import duckdb

    if not warehouse.exists():
        return None
    with duckdb.connect(str(warehouse), read_only=True) as db:
        try:
            return str(
                db.sql(f"SELECT * FROM {SESSIONS} ORDER BY symbol, data_date").df().to_json()
            )
        except duckdb.CatalogException:
            return None


def reasons(data: Path) -> list[str]:
    """Reasons for which bars were set aside."""
    import pandas as pd

    path = data / "08_reporting" / "quarantine.csv"
    return sorted(pd.read_csv(path)["reason"].unique()) if path.exists() else []


def main() -> None:
    commands = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    bootstrap_project(Path.cwd())
    from soyoil.cli import run

    data = Path("data")
    with Path(sys.argv[2]).open("w", encoding="utf-8") as results:
        for command in commands:
            if not command.get("keep"):
                shutil.rmtree(data, ignore_errors=True)
            outcome = CliRunner().invoke(run, command["args"])
            text = outcome.output
            crash = outcome.exception
            if crash is not None and not isinstance(crash, SystemExit):
                text += "".join(traceback.format_exception(crash))
            found = sessions_of(data / "warehouse" / "databento.duckdb")
            results.write(
                json.dumps(
                    {
                        "name": command["name"],
                        "code": outcome.exit_code,
                        "text": text,
                        "rows": found,
                        "set_aside": reasons(data),
                    }
                )
                + "\n"
            )
            results.flush()


if __name__ == "__main__":
    main()
