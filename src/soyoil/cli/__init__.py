"""The project's command line; Kedro looks for `cli` here."""

from soyoil.cli.main import cli, run

__all__ = ["cli", "run"]
