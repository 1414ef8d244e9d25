"""What a user asks for is checked before a run: files of conf, values, names, numbers."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
import yaml
from kedro.io import DatasetError
from kedro_datasets.pandas import ParquetDataset

from soyoil.base.conf_check import (
    MAX_NODES,
    check_configuration,
    check_file,
    check_folder,
    check_known,
)
from soyoil.base.config import Config, bounded
from soyoil.base.errors import ConfigError, SourceError, readable, soyoil_cause
from soyoil.cli.run_check import RUNNERS, check_runner, check_values

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 10)}]\n" for i in range(6)
)
FILES = {
    "tab": (b"a:\n\tb: 1\n", "line 2"),
    "key twice": (b"a: 1\nb: 2\na: 3\n", "line 3: the key 'a' stands there a second time"),
    "nested key twice": (b"x:\n  a: 1\n  a: 2\n", "line 3"),
    "not UTF-8": ("a: \u00e9".encode("latin-1"), "is not UTF-8"),
    "still to be given": (b"a: ???\n", "line 1: ???"),
    "two documents": (b"a: 1\n---\nb: 2\n", "2 documents"),
    "alias bomb": (BOMB.encode(), f"at most {MAX_NODES:,}"),
    "alias of itself": (b"a: &a\n  b: *a\n", "refers to itself"),
    "a list": (b"- a\n- b\n", "is a list at its top level"),
    "a word": (b"hello\n", "is a single value"),
    "open bracket": (b"a: [1, 2\n", "is no YAML"),
    "deep": (b"a: " + b"[" * 1200, "nested too deeply"),
    "unknown alias": (b"a: *b\n", "line 1"),
    "sexagesimal": (b"a: 12:30\n", "12:30 as a number to the base of 60"),
    "octal": (b"a:\n  b: 0300\n", "line 2: YAML 1.1 reads 0300 as a number to the base of 8"),
    "truth": (b"a: [1, no]\n", "no as true or false"),
    "truth as key": (b"on: 1\n", "on as true or false"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_mistake_in_a_file_names_the_file_and_the_cause(name: str, tmp_path: Path) -> None:
    content, words = FILES[name]
    path = tmp_path / "parameters.yml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        check_file(path, Path("conf/base/parameters.yml"))
    assert "conf/base/parameters.yml" in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "a: '12:30'\nb: \"no\"\nc: 10\nd: true\ne: 0\nf: 0.5\ng: 1e3\n",
             "day: 2020-01-02\nx: &x {a: 1}\ny: {<<: *x, b: 2}\n", "\ufeffa: 1\n"],
)  # fmt: skip
def test_sound_files_pass(text: str, tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "parameters.yml").write_text(text, encoding="utf-8")
    check_folder(tmp_path / "base")


def test_the_projects_own_files_pass(project_root: Path) -> None:
    for folder in (project_root / "conf").iterdir():
        check_folder(folder)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ("a.b=0300", "a.b=0300"),
        ("a=1,b=12:30", "b=12:30"),
        ("a=no", "true or false"),
        ("a=[1,no],b=2", "no would be read"),
        ("a={b: off}", "off would be read"),
    ],
)
def test_values_that_yaml_reads_otherwise_are_refused(params: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_values(params)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "params", ["", "a=1", "source.symbols=ZL+ZS,b=2020-01-02", "a=[1,2],b=true", "path=/a/no/b"]
)
def test_sound_values_pass(params: str) -> None:
    check_values(params)


def test_an_unknown_name_has_its_neighbour_in_the_message() -> None:
    with pytest.raises(ConfigError, match=r"Unknown node 'ingest.read'.*Did you mean 'ingest.re"):
        check_known(["ingest.read"], ["ingest.read_source", "split.plan"], "node")


@pytest.mark.parametrize(
    "name", ["Nope", "..x", "pathlib.Path", "soyoil.base.errors.SoyoilError", "."]
)
def test_what_is_no_runner_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="Unknown runner"):
        check_runner(name, {})


@pytest.mark.parametrize("name", RUNNERS)
def test_runners_pass(name: str) -> None:
    check_runner(name, {})


def test_an_unknown_environment_is_refused(project_root: Path) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'bigquery'"):
        check_configuration(project_root / "conf", "bigqery")
    check_configuration(project_root / "conf", None)


class Numbers(Config):
    count: int = bounded(1, ge=0, le=10, why="ten fingers")
    share: float | None = None
    flag: bool = False


@pytest.mark.parametrize(
    "values",
    [{"count": True}, {"share": False}, {"share": float("inf")}, {"share": float("nan")},
     {"count": 11}, {"count": "12:30"}],
)  # fmt: skip
def test_what_is_no_number_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="number|equal|integer"):
        Numbers.model_validate(values)
    assert Numbers.model_validate({"flag": True, "count": "5", "share": 0.5}).count == 5


@pytest.mark.parametrize("value", [0, 1451865600, "1451865600", 1.5])
def test_a_number_is_no_date(value: object) -> None:
    from soyoil.splits.plan import SplitConfig

    with pytest.raises(ValueError, match="no date"):
        SplitConfig.model_validate({"first_origin": value})


def test_the_reason_of_a_bound_is_told(project_root: Path) -> None:
    from soyoil.params import check_parameters

    raw = yaml.safe_load((project_root / "conf/base/parameters.yml").read_text(encoding="utf-8"))
    with pytest.raises(ConfigError, match="the engines take seeds of 32 bits"):
        check_parameters({**raw, "fit": {**raw["fit"], "seed": 2**40}})


def test_only_a_stated_cause_counts() -> None:
    def with_bug() -> None:
        try:
            raise SourceError("a user's mistake")
        except SourceError:
            raise KeyError("a bug while it was handled")  # noqa: B904

    def stated() -> None:
        try:
            raise SourceError("a user's mistake")
        except SourceError as error:
            raise RuntimeError("wrapped") from error

    with pytest.raises(KeyError) as bug:
        with_bug()
    assert soyoil_cause(bug.value) is None
    assert readable(bug.value) is None
    with pytest.raises(RuntimeError) as wrapped:
        stated()
    assert readable(wrapped.value) == "a user's mistake"


def test_a_missing_file_is_a_users_only_where_a_dataset_reads_it() -> None:
    missing = FileNotFoundError(errno.ENOENT, "x", "data/a.parquet")
    assert readable(missing) is None
    wrapped = DatasetError("Failed while loading data")
    wrapped.__cause__ = missing
    message = readable(wrapped)
    assert message is not None
    assert "data/a.parquet" in message


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_trouble_with_the_disk_is_one_message(number: int) -> None:
    message = readable(OSError(number, "x", "data/08_reporting/a.csv"))
    assert message is not None
    assert "data/08_reporting/a.csv" in message


@pytest.mark.parametrize("content", [b"", b"PAR1", b"<html></html>", b"PAR1" + bytes(90) + b"PAR1"])
def test_a_file_that_cannot_be_read_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "labels.parquet"
    path.write_bytes(content)
    with pytest.raises(DatasetError) as caught:
        ParquetDataset(filepath=str(path)).load()
    message = readable(caught.value)
    assert message is not None
    assert str(path) in message
    assert "Make it anew" in message


def test_a_programming_error_is_none() -> None:
    assert readable(TypeError("x")) is None
