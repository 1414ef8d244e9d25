"""Workers that share one study: by the journal on one machine, by PostgreSQL over several."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from soyoil.base.errors import SoyoilError
from soyoil.pipelines.sweep.nodes import make_studies
from soyoil.sweep.journal import open_database
from soyoil.sweep.ledger import Ledger

HERE = Path(__file__).parent

WORKER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import market
from soyoil.sweep.study import search_shared
from soyoil.pipelines.sweep.nodes import make_studies

market.install_engine()
storage = sys.argv[3] or None
inputs = market.make_inputs(Path(sys.argv[2]), trials=14, shared_workers=2, storage=storage)
specs, spans = make_studies(inputs)
search_shared(specs[0], spans[0])
"""


def share(folders: list[Path], storage: str) -> None:
    """Two processes search the same study."""
    command = [sys.executable, "-c", WORKER, str(HERE)]
    workers = [
        subprocess.Popen([*command, str(folder), storage], stderr=subprocess.PIPE, text=True)
        for folder in folders
    ]
    for worker in workers:
        _, errors = worker.communicate(timeout=200)
        assert worker.returncode == 0, errors


def check(market, folders: list[Path], storage: str | None) -> None:  # type: ignore[no-untyped-def]
    inputs = market.make_inputs(folders[0], trials=14, shared_workers=2, storage=storage)
    key = make_studies(inputs)[0][0].key
    assert not key.reproducible
    found = [t for f in dict.fromkeys(folders) for t in Ledger(f / "ledger").read([key.name])]
    numbers = sorted(t.number for t in found)
    assert numbers == list(range(len(numbers))), "no trial twice, none lost"
    assert 14 <= len(numbers) <= 15
    assert {t.state for t in found} >= {"complete"}


@pytest.mark.ci
def test_two_workers_share_a_journal(market, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    share([tmp_path, tmp_path], "")
    check(market, [tmp_path, tmp_path], None)


def programs() -> Path | None:
    """Folder of PostgreSQL's server programs, as Debian installs them."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    path = shutil.which("initdb")
    return Path(path).parent if path else None


@pytest.fixture
def postgres() -> Iterator[str]:
    """Address of a server of the test's own."""
    pytest.importorskip("psycopg")
    folder = programs()
    if folder is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    # Not below pytest's own folder, which other users may not enter.
    home = Path(tempfile.mkdtemp(prefix="soyoil-postgres-"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    prefix: list[str] = []
    if os.geteuid() == 0:
        # The server refuses to run as root; Debian's package makes this user.
        prefix = ["runuser", "-u", "postgres", "--"]
        shutil.chown(home, "postgres", "postgres")

    def call(*command: str) -> None:
        done = subprocess.run(
            [*prefix, *command], capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr

    data = home / "data"
    call(str(folder / "initdb"), "-D", str(data), "-U", "sweep", "-A", "trust", "-E", "UTF8")
    options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1"
    log = ("-l", str(home / "log"))
    call(str(folder / "pg_ctl"), "-D", str(data), "-o", options, "-w", *log, "start")
    try:
        yield f"postgresql+psycopg://sweep@127.0.0.1:{port}/postgres"
    finally:
        call(str(folder / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(home)


@pytest.mark.slow
def test_two_machines_share_a_database(market, postgres: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    folders = [tmp_path / "one", tmp_path / "two"]
    share(folders, postgres)
    check(market, folders, postgres)
    inputs = market.make_inputs(folders[0], trials=14, shared_workers=2, storage=postgres)
    name = make_studies(inputs)[0][0].key.name
    assert len(open_database(postgres, name).get_trials()) >= 14


def test_a_database_that_is_not_there_is_told_without_its_password() -> None:
    pytest.importorskip("psycopg")
    address = "postgresql+psycopg://sweep:geheim@127.0.0.1:1/none"
    with pytest.raises(SoyoilError, match=r"sweep\.storage cannot be used") as caught:
        open_database(address, "x")
    assert "geheim" not in str(caught.value)
