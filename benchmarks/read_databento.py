"""Time and memory of reading a folder of Databento files.

Usage: ``python benchmarks/read_databento.py FOLDER [ROOT ...]``; roots default to all that
soyoil knows. Each size runs in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SHARES = (0.25, 0.5, 1.0)


def measure(folder: Path, roots: list[str]) -> dict[str, float]:
    """Read `folder` in this process and report."""
    from soyoil.sources.base import SourceConfig
    from soyoil.sources.databento import load as databento
    from soyoil.sources.databento.file import VendorFile

    counts: list[int] = []
    read_dbn = databento.read_dbn

    def counting(path: Path, wanted: tuple[str, ...]) -> VendorFile:
        file = read_dbn(path, wanted)
        counts.append(file.records)
        return file

    databento.read_dbn = counting
    start = time.perf_counter()
    batch = databento.read_folder(
        SourceConfig(kind="databento", path=str(folder), symbols=tuple(roots))
    )
    seconds = time.perf_counter() - start
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return {
        "files": len(counts),
        "bars read": sum(counts),
        "bars kept": len(batch.bars),
        "quarantined": len(batch.quarantine),
        "seconds": round(seconds, 2),
        "peak RSS MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit,
    }


def main() -> None:
    """Measure a quarter, half and all of the files; the last ones, on which every root is."""
    from soyoil.market.instruments import INSTRUMENTS

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("roots", nargs="*")
    parser.add_argument("--once", action="store_true", help="this folder as it is, as JSON")
    options = parser.parse_args()
    roots = options.roots or list(INSTRUMENTS)
    if options.once:
        print(json.dumps(measure(options.folder, roots)))
        return
    files = sorted(options.folder.glob("*.dbn*"))
    for share in SHARES:
        with tempfile.TemporaryDirectory() as name:
            for file in files[-max(1, round(share * len(files))) :]:
                (Path(name) / file.name).symlink_to(file.resolve())
            command = [sys.executable, __file__, name, *roots, "--once"]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
        print("  ".join(f"{key} {value:,}" for key, value in json.loads(done.stdout).items()))


if __name__ == "__main__":
    main()
