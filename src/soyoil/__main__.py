"""``python -m soyoil``: run the project without Kedro's own command."""

import sys
from pathlib import Path

from kedro.framework.project import configure_project

from soyoil.cli import run


def main() -> None:
    """Run the default pipeline, with the options of ``kedro run``."""
    configure_project(Path(__file__).parent.name)
    sys.exit(run(standalone_mode=True))


if __name__ == "__main__":
    main()
