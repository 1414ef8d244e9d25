"""Make each mistake in a copy of a project and run the real ``kedro`` on it.

Usage: ``python forked.py PLAIN FILLED RESULTS.jsonl [NAME ...]`` in an empty folder. `PLAIN` is a
project without data, `FILLED` one that has run. Kedro and its libraries are imported once; every
command runs in a fork of its own, so that none sees the settings of another.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mistake_tables import ALL, HARMLESS
from mistakes import Mistake

TIMEOUT_S = 120


def lay(source: Path, root: Path) -> None:
    """Bring a project into a folder, in the place of what is there."""
    for path in root.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    shutil.copytree(source, root, dirs_exist_ok=True)
    store = root / "mlflow.db"
    if store.exists():
        # The store names the folder of its artifacts in full.
        with contextlib.closing(sqlite3.connect(store)) as db, db:
            for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
                db.execute(
                    f"update {table} set {column} = replace({column}, ?, ?)",
                    (str(source), str(root)),
                )


def tree(root: Path) -> dict[str, str]:
    """Hash of every file by its place; folders are none."""
    return {
        str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(root.rglob("*"))
        if p.is_file() and not p.is_symlink()
    }


def kedro() -> Callable[[list[str]], None]:
    """Kedro's command line, everything imported that its commands import."""
    from kedro.framework.cli.cli import KedroCLI, _init_plugins

    _init_plugins()
    cli = KedroCLI(project_path=Path.cwd())

    def call(words: list[str]) -> None:
        sys.argv = ["kedro", *words]
        cli(prog_name="kedro")

    return call


def code_of(end: SystemExit) -> int:
    if end.code is None:
        return 0
    return end.code if isinstance(end.code, int) else 1


def forked(call: Callable[[list[str]], None], case: Mistake) -> tuple[int, str]:
    """Exit code and output of a command in a fork."""
    with tempfile.TemporaryFile() as output:
        child = os.fork()
        if child == 0:
            code = 1
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            os.environ.update(case.environment)
            try:
                call(list(case.command))
                code = 0
            except SystemExit as end:
                if isinstance(end.code, str):
                    sys.stderr.write(end.code + "\n")
                code = code_of(end)
            except BaseException:
                traceback.print_exc()
            finally:
                atexit._run_exitfuncs()
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        status = wait_for(child)
        output.seek(0)
        return status, output.read().decode("utf-8", "replace")


def wait_for(child: int) -> int:
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -signal.SIGKILL


def fresh(case: Mistake) -> tuple[int, str]:
    """Exit code and output of a command in a new process."""
    done = subprocess.run(
        [sys.executable, "-m", "kedro", *case.command],
        env={**os.environ, **case.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return done.returncode, done.stdout


def attempt(call: Callable[[list[str]], None], case: Mistake, source: Path) -> dict[str, Any]:
    """Make one mistake, and tell what came of it."""
    root = Path.cwd()
    lay(source, root)
    for edit in case.edits:
        edit(root)
    before = tree(root)
    started = time.monotonic()
    code, text = fresh(case) if case.fresh else forked(call, case)
    seconds = time.monotonic() - started
    after = tree(root)
    leaks = [
        word
        for word in case.hides
        for path, found in after.items()
        if before.get(path) != found and word.encode() in (root / path).read_bytes()
    ]
    return {
        "name": case.name,
        "code": code,
        "text": text,
        "changed": sorted(p for p in before.keys() | after.keys() if before.get(p) != after.get(p)),
        "leaks": leaks,
        "seconds": round(seconds, 2),
    }


def main() -> None:
    plain, filled, results, *names = sys.argv[1:]
    lay(Path(plain), Path.cwd())
    call = kedro()
    # A first refused command imports what the others would import each for themselves.
    with contextlib.suppress(SystemExit):
        call(["run", "--params=profile=warm"])
    with Path(results).open("w", encoding="utf-8") as stream:
        for case in (*ALL, *HARMLESS):
            if names and case.name not in names:
                continue
            found = attempt(call, case, Path(filled if case.filled else plain))
            stream.write(json.dumps(found) + "\n")
            stream.flush()


if __name__ == "__main__":
    main()
