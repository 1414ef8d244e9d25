"""Peak memory is that of the process itself."""

import subprocess
import sys

import numpy as np

from soyoil.base.process import peak_memory_mb

SMALL = "from soyoil.base.process import peak_memory_mb; print(peak_memory_mb())"


def test_a_child_does_not_begin_with_the_size_of_its_parent() -> None:
    before = peak_memory_mb()
    block = np.ones(300 * 2**17)
    assert peak_memory_mb() >= before
    assert peak_memory_mb() >= block.nbytes / 2**20
    done = subprocess.run([sys.executable, "-c", SMALL], capture_output=True, text=True, check=True)
    assert 5 < float(done.stdout) < 150
