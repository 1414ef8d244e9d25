"""Mistakes in the YAML files of ``conf/``, found before Kedro reads them.

YAML 1.1 reads ``12:30`` as 750, ``0300`` as 192 and ``no`` as false, keeps the last of two equal
keys without a word, and lets a file of a few lines grow to gigabytes by aliases. Each is refused
here with the file and the line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import yaml

from soyoil.base.errors import ConfigError
from soyoil.base.redact import HIDDEN, is_secret_name, redact
from soyoil.base.suggest import did_you_mean, nearest

BASE: Final = "base"
LOCAL: Final = "local"
SHOWN: Final = 12
MAX_NODES: Final = 100_000
"""Values that one file may hold with its aliases written out: the largest has a few hundred."""

GLOBALS: Final = "globals.yml"
_READ: Final = ("catalog", "parameters", "credentials", "logging")
"""Beginnings of the names of files that are read; those of `GLOBALS` have to be whole."""
_ENDINGS: Final = (".yml", ".yaml", ".json")
_TAGS: Final = tuple(
    f"tag:yaml.org,2002:{name}"
    for name in ("null", "bool", "int", "float", "str", "timestamp", "map", "seq", "merge")
)
_KEY_TAGS: Final = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge")

_SEXAGESIMAL: Final = re.compile(r"[-+]?[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?")
_OCTAL: Final = re.compile(r"[-+]?0[0-9_]+")
_LEGACY_BOOL: Final = re.compile(r"yes|no|on|off", re.IGNORECASE)
_MISSING: Final = "???"


def legacy_value(text: str) -> str | None:
    """What YAML 1.1 may make of a plain value other than what is written; None if nothing.

    Parameters
    ----------
    text
        The value without quotes around it.
    """
    if _SEXAGESIMAL.fullmatch(text):
        return "a number to the base of 60"
    if _OCTAL.fullmatch(text):
        return "a number to the base of 8"
    if _LEGACY_BOOL.fullmatch(text):
        return "true or false"
    return None


def check_value(text: str, shown: str) -> None:
    """Check a value that is given as text and read as YAML, lists and mappings in it too.

    Raises
    ------
    ConfigError
        Naming what it belongs to, and how YAML would read it or that it cannot.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        raise ConfigError(
            f"{shown}={_hidden(shown, text)} cannot be read. Put the value in quotes if it is "
            "text; a list is written A+B, because commas separate parameters."
        ) from None
    for name, node in _nodes(root) if root is not None else ():
        if not isinstance(node, yaml.ScalarNode) or node.style is not None:
            continue
        if node.value == _MISSING:
            raise ConfigError(f"{shown}={_MISSING} is a value that is still to be given.")
        read = legacy_value(node.value)
        if read is not None:
            value = _hidden(name or shown, node.value)
            raise ConfigError(
                f"{shown}={value} would be read as {read}. Write a plain number, true or false."
            )


def check_known(given: Iterable[str], known: Sequence[str], what: str) -> None:
    """Refuse names that are not known.

    Raises
    ------
    ConfigError
        Naming the first unknown one, the nearest known one and what is known.
    """
    unknown = [name for name in given if name not in known]
    if not unknown:
        return
    hint = did_you_mean(unknown[0], known)
    more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    listed = ", ".join(known[:SHOWN]) or "none"
    raise ConfigError(f"Unknown {what} {unknown[0]!r}.{hint} Known: {listed}{more}.")


def check_configuration(source: Path, environment: str | None) -> None:
    """Check the environment's name and the YAML files that a command reads.

    Parameters
    ----------
    source
        Folder of the configuration, ``conf``.
    environment
        Folder in it that stands over ``base``; None for ``local``.

    Raises
    ------
    ConfigError
        Naming the environment, or the file, the line and what is wrong.
    """
    if source.is_file():
        return  # an archive, as `kedro package` writes it
    if not (source / BASE).is_dir():
        raise ConfigError(
            f"There is no configuration {source / BASE}. Run this in the root of a project, or "
            "name a folder or archive: --conf-source=conf-soyoil.tar.gz (kedro package makes it)."
        )
    name = environment or LOCAL
    # Kedro does without `local`, so that a fresh clone runs.
    known = sorted(p.name for p in source.iterdir() if p.is_dir() and p.name != BASE)
    if name not in (LOCAL, BASE):
        check_known([name], known, "environment in --env")
    for folder in (BASE, name):
        check_folder(source / folder)


def check_folder(folder: Path) -> None:
    """Check every YAML file below a folder of the configuration.

    Raises
    ------
    ConfigError
        Naming the file, the line and what is wrong.
    """
    if not folder.is_dir():
        return
    for path in sorted(p for ending in _ENDINGS for p in folder.rglob(f"*{ending}")):
        if not any(part.startswith(".") for part in path.relative_to(folder).parts):
            shown = path.relative_to(folder.parent.parent)
            _check_name(path, shown)
            check_file(path, shown)


def _check_name(path: Path, shown: Path) -> None:
    """A file whose name is nearly one that is read would be passed over without a word."""
    if path.name == GLOBALS or path.name.startswith(_READ):
        return
    near = nearest(path.stem, (*_READ, Path(GLOBALS).stem), cutoff=0.75)
    if path.stem.startswith(Path(GLOBALS).stem):
        near = [Path(GLOBALS).stem]
    if near:
        raise ConfigError(
            f"{shown} is read by nothing. Did you mean '{near[0]}.yml'? Names begin with "
            f"{', '.join(_READ)}, or are {GLOBALS}."
        )


def check_file(path: Path, shown: Path) -> None:
    """Check one YAML file.

    Parameters
    ----------
    path
        The file.
    shown
        How messages name it.

    Raises
    ------
    ConfigError
        Naming the file, the line and what is wrong.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{shown} is not UTF-8 (byte {error.start}): save it as UTF-8."
        ) from error
    except OSError as error:
        raise ConfigError(f"Cannot read {shown}: {error.strerror}. Check the file.") from error
    try:
        documents = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = "" if mark is None else f", line {mark.line + 1}"
        raise ConfigError(
            f"{shown}{line} is no YAML: {error.problem or error.context}."
            + _hint(text, 0 if mark is None else mark.line)
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{shown} is no YAML: {error}.") from error
    except RecursionError as error:
        raise ConfigError(f"{shown} is nested too deeply to be read.") from error
    if len(documents) > 1:
        raise ConfigError(
            f"{shown} holds {len(documents)} documents (`---`), of which only one would be read. "
            "Keep one."
        )
    if documents and documents[0] is not None:
        _check_document(documents[0], shown)


def _hint(text: str, line: int) -> str:
    lines = text.splitlines()
    if line < len(lines) and "\t" in lines[line]:
        return " The line holds a tab: indent with spaces."
    return ""


def _check_document(root: yaml.Node, shown: Path) -> None:
    if not isinstance(root, yaml.MappingNode):
        kind = "list" if isinstance(root, yaml.SequenceNode) else "single value"
        raise ConfigError(f"{shown} is a {kind} at its top level: it must be `key: value` lines.")
    size = _size(root, {}, shown)
    if size > MAX_NODES:
        raise ConfigError(
            f"{shown} stands for {size:,} values once its aliases are written out; at most "
            f"{MAX_NODES:,} are read. Write the values themselves."
        )
    for name, node in _nodes(root):
        if node.tag not in _TAGS:
            raise ConfigError(
                f"{shown}, line {node.start_mark.line + 1}: the tag {node.tag} is not known here. "
                "Write the value without it, in quotes if it is text."
            )
        if isinstance(node, yaml.MappingNode):
            _check_keys(node, shown)
        elif isinstance(node, yaml.ScalarNode):
            _check_scalar(node, shown, name)


def _nodes(root: yaml.Node) -> Iterator[tuple[str, yaml.Node]]:
    """Every node once with the key that it belongs to, keys themselves left out."""
    seen: set[int] = set()
    waiting = [("", root)]
    while waiting:
        name, node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield name, node
        if isinstance(node, yaml.MappingNode):
            waiting += [(str(key.value), value) for key, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            waiting += [(name, value) for value in node.value]


def _hidden(name: str, value: str) -> str:
    """Value for a message, which it leaves out if it may be a secret."""
    return HIDDEN if is_secret_name(name) else redact(value)


def _size(node: yaml.Node, known: dict[int, int], shown: Path) -> int:
    """Number of values of a node with its aliases written out."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) in known:
        if known[id(node)] < 0:
            raise ConfigError(
                f"{shown}, line {node.start_mark.line + 1} refers to itself by an alias."
            )
        return known[id(node)]
    known[id(node)] = -1
    values = [v for _, v in node.value] if isinstance(node, yaml.MappingNode) else node.value
    known[id(node)] = 1 + sum(_size(value, known, shown) for value in values)
    return known[id(node)]


def _check_keys(node: yaml.MappingNode, shown: Path) -> None:
    lines: dict[str, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise ConfigError(f"{shown}, line {line}: a key must be a plain word.")
        if key.value in lines and key.value != "<<":
            raise ConfigError(
                f"{shown}, line {line}: the key {key.value!r} stands there a second time, first in "
                f"line {lines[key.value]}. Keep one."
            )
        lines[key.value] = line
        _check_scalar(key, shown, "")
        if key.tag not in _KEY_TAGS:
            raise ConfigError(
                f"{shown}, line {line}: the key {key.value} is no text. Put it in quotes."
            )


def _check_scalar(node: yaml.ScalarNode, shown: Path, name: str) -> None:
    if node.style is not None:
        return
    line = node.start_mark.line + 1
    if node.value == _MISSING:
        raise ConfigError(f"{shown}, line {line}: ??? is a value that is still to be given.")
    read = legacy_value(node.value)
    if read is not None:
        raise ConfigError(
            f"{shown}, line {line}: YAML 1.1 reads {_hidden(name, node.value)} as {read}. Put it "
            "in quotes if it is text, else write it as a plain number, true or false."
        )
