"""Run ``kedro`` in this process and end it with SIGKILL at a chosen moment.

Usage: ``python strike.py WHEN WHERE DELAY_MS kedro-arguments...``

``node``: when a node whose name begins with WHERE has run. ``save``: while a dataset whose name
begins with WHERE is saved, DELAY_MS after that began. ``born``: DELAY_MS after the file WHERE
appeared. ``call``: after the function WHERE (``module:name``) returned.
"""

import importlib
import os
import signal
import sys
import threading
import time
from pathlib import Path


def strike() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def strike_later(delay: float) -> None:
    def wait() -> None:
        time.sleep(delay)
        strike()

    threading.Thread(target=wait, daemon=True).start()


def after_node(where: str) -> None:
    from kedro.pipeline.node import Node

    original = Node.run

    def run(self, *args, **kwargs):
        result = original(self, *args, **kwargs)
        if self.name.startswith(where):
            strike()
        return result

    Node.run = run


def while_saved(where: str, delay: float) -> None:
    from kedro.io import DataCatalog

    original = DataCatalog.save

    def save(self, name, data):
        if name.startswith(where):
            strike_later(delay)
        original(self, name, data)
        if name.startswith(where):
            strike()

    DataCatalog.save = save


def once_born(where: str, delay: float) -> None:
    def watch() -> None:
        while not Path(where).exists():
            time.sleep(0.002)
        time.sleep(delay)
        strike()

    threading.Thread(target=watch, daemon=True).start()


def after_call(where: str) -> None:
    module_name, name = where.split(":")
    module = importlib.import_module(module_name)
    original = getattr(module, name)

    def struck(*args, **kwargs):
        result = original(*args, **kwargs)
        strike()
        return result

    setattr(module, name, struck)


def main() -> None:
    when, where, delay = sys.argv[1], sys.argv[2], float(sys.argv[3]) / 1000
    if when == "node":
        after_node(where)
    elif when == "save":
        while_saved(where, delay)
    elif when == "born":
        once_born(where, delay)
    elif when == "call":
        after_call(where)
    else:
        raise SystemExit(f"unknown moment {when}")
    from kedro.framework.cli.cli import main as kedro

    sys.argv = ["kedro", *sys.argv[4:]]
    kedro()


if __name__ == "__main__":
    main()
