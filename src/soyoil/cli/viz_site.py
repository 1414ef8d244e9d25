"""Make what ``kedro viz build`` wrote fit to be published: no path of this machine in it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from soyoil.base.errors import SoyoilError

API = "api"
"""Folder of the answers that the page asks for; the rest is Kedro-Viz itself."""


def relative_paths(site: Path, root: Path) -> int:
    """Make the paths of a built site relative to the project.

    Parameters
    ----------
    site
        Folder that ``kedro viz build`` wrote.
    root
        Root of the project.

    Returns
    -------
    int
        Number of files that were changed.

    Raises
    ------
    SoyoilError
        If there is no built site, or a path below the home folder is left.
    """
    folder = site / API
    if not folder.is_dir():
        raise SoyoilError(f"{site} is no site of Kedro-Viz. Run `kedro viz build` first.")
    changed = 0
    home = str(Path.home())
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        text = file.read_text(encoding="utf-8")
        cleaned = text.replace(f"{root}/", "").replace(str(root), ".")
        if f"{home}/" in cleaned:
            raise SoyoilError(
                f"{file} names a path below {home} that is not of the project: set a relative "
                "path in the catalog, or leave the site unpublished."
            )
        if cleaned != text:
            file.write_text(cleaned, encoding="utf-8")
            changed += 1
    return changed


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: ``python -m soyoil.cli.viz_site build``."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog="Example: python -m soyoil.cli.viz_site build"
    )
    parser.add_argument("site", type=Path, help="folder that `kedro viz build` wrote")
    given = parser.parse_args(arguments)
    try:
        relative_paths(given.site, Path.cwd())
    except SoyoilError as error:
        raise SystemExit(f"Error: {error}") from None


if __name__ == "__main__":
    main()
