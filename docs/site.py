"""Pages of the documentation site that no file under docs/ holds, for MkDocs.

The site has the layout of the repository, ``README.md`` beside ``docs/`` beside ``api/``, so that a
relative link works in a checkout and in the site alike.
"""

from __future__ import annotations

import re
from pathlib import Path
from posixpath import join, normpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"
DECISIONS = "docs/adr"
BESIDE_DOCS = ("*.md", "benchmarks/README.md", "notebooks/README.md")

NavItem = str | dict[str, "str | list[NavItem]"]


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill in the folders of the navigation."""
    folders = {
        f"{DECISIONS}/": [f"{DECISIONS}/README.md", *(f"{DECISIONS}/{p.name}" for p in records())],
        "api/": package_nav(SOURCE / "soyoil"),
    }
    config.nav = [
        {title: folders.get(value, value) if isinstance(value, str) else value}
        for item in config.nav or []
        for title, value in item.items()
    ]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Move the pages of docs/ to where they are in the repository, and add those beside them."""
    for file in list(files):
        if file.src_dir == config.docs_dir:
            files.remove(file)
            if file.inclusion is not InclusionLevel.EXCLUDED:
                files.append(of_repository(f"docs/{file.src_uri}", config))
    for pattern in BESIDE_DOCS:
        for path in ROOT.glob(pattern):
            files.append(of_repository(path.relative_to(ROOT).as_posix(), config))
    listed = "".join(f"- [{title_of(path)}]({path.name})\n" for path in records())
    text = f"# Decisions\n\nWhy it is so, one record for each choice.\n\n{listed}"
    files.append(File.generated(config, f"{DECISIONS}/README.md", content=text))
    for path in SOURCE.rglob("*.py"):
        if is_public(path):
            text = f"---\ntitle: {module_of(path)}\n---\n\n::: {module_of(path)}\n"
            files.append(File.generated(config, page_of(path), content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead a link to a folder to its README, and take into the site what a link leads to."""

    def link(match: re.Match[str]) -> str:
        target = match[1]
        uri = normpath(join(page.file.src_uri, "..", target))
        if "://" in target or not (ROOT / uri).exists():
            return match[0]
        if (ROOT / uri).is_dir():
            target, uri = f"{target.rstrip('/')}/README.md", f"{uri}/README.md"
        elif files.get_file_from_path(uri) is None:
            files.append(of_repository(uri, config))
        return f"]({target}{match[2]})"

    return re.sub(r"\]\(([^)#\s]+)((?:#[^)\s]*)?)\)", link, markdown)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Link the full name of a module or of what it holds, where the API has it.

    This late it meets docstrings too, which have become HTML by now.
    """
    return re.sub(
        r"<code>(soyoil\.[\w.]+)</code>",
        r'<autoref identifier="\1" optional><code>\1</code></autoref>',
        html,
    )


def of_repository(uri: str, config: MkDocsConfig) -> File:
    """File of the repository, at the same path of the site."""
    return File(uri, str(ROOT), config.site_dir, config.use_directory_urls)


def records() -> list[Path]:
    """Records of decisions, by number."""
    return sorted((ROOT / DECISIONS).glob("[0-9]*.md"))


def title_of(path: Path) -> str:
    """First heading of a page."""
    return path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")


def is_public(path: Path) -> bool:
    """Whether a module has a page."""
    return path.name == "__init__.py" or not path.name.startswith("_")


def module_of(path: Path) -> str:
    """Dotted name of a module."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def page_of(path: Path) -> str:
    """Page of a module; that of a package stands for its folder."""
    uri = path.relative_to(SOURCE).with_suffix(".md").as_posix()
    return "api/" + uri.replace("__init__.md", "README.md")


def package_nav(folder: Path) -> list[NavItem]:
    """Navigation of a package: its own page, its packages, its modules."""
    items: list[NavItem] = [page_of(folder / "__init__.py")]
    for path in sorted(folder.iterdir()):
        if (path / "__init__.py").exists():
            items.append({path.name: package_nav(path)})
    for path in sorted(folder.glob("*.py")):
        if is_public(path) and path.name != "__init__.py":
            items.append({path.stem: page_of(path)})
    return items
