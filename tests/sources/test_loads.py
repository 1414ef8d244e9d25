"""Loading in parts equals loading at once."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from load_market import ROOTS, Files, Loaded, load

from soyoil.sources.vendor_store import SESSIONS
from soyoil.warehouse.backend import Warehouse
from soyoil.warehouse.bigquery import BigQueryWarehouse
from soyoil.warehouse.connection import DuckDBConnection
from soyoil.warehouse.contract import load_contract
from soyoil.warehouse.duckdb import DuckDBWarehouse

NAMES = (
    "week0.dbn", "week1.dbn", "week2.dbn", "week3.dbn", "week4.dbn", "week5.dbn",
    "twice.dbn", "early.dbn", "other.dbn",
)  # fmt: skip


@pytest.fixture(scope="module")
def files(encode: Callable[..., bytes], make_bar: Callable[..., bytes]) -> Files:
    return Files(encode, make_bar)


def local(folder: Path) -> DuckDBWarehouse:
    return DuckDBWarehouse(DuckDBConnection(path=folder / "warehouse.duckdb"))


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    return local(tmp_path)


@pytest.fixture(params=["duckdb", "bigquery"])
def any_warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    if request.param == "bigquery":
        return BigQueryWarehouse(request.getfixturevalue("bigquery_connection"))
    return local(tmp_path)


def sessions(warehouse: Warehouse) -> pa.Table:
    return warehouse.read(load_contract(SESSIONS))


@pytest.fixture(scope="module")
def at_once(files: Files, tmp_path_factory: pytest.TempPathFactory) -> tuple[pa.Table, Loaded]:
    folder = tmp_path_factory.mktemp("once")
    warehouse = local(folder)
    loaded = load(warehouse, files.put(NAMES, folder / "files"))
    return sessions(warehouse), loaded


def test_the_market_has_what_a_seam_may_break(at_once: tuple[pa.Table, Loaded]) -> None:
    table, loaded = at_once
    frame = table.to_pandas()
    assert frame.groupby("symbol").size().to_dict() == {"CL": 30, "ZL": 30}
    assert (frame["is_roll"].sum(), frame["is_flip_back"].sum()) == (10, 6)
    assert frame["is_thin"].sum() == 3
    reasons = loaded.quarantine.groupby("reason")["count"].sum().to_dict()
    assert reasons["conflicting_duplicate"] == 2
    assert reasons["unfinished_bar"] == 2
    assert reasons["duplicate_bar"] > 100


def _loads() -> st.SearchStrategy[list[tuple[tuple[str, ...], tuple[str, ...]]]]:
    """Loads of all files and roots, some of them again: (files, roots) each."""
    whole = [(name, root) for name in NAMES for root in ROOTS]

    @st.composite
    def draw_loads(draw: st.DrawFn) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
        order = draw(st.permutations(whole))
        again = draw(st.lists(st.sampled_from(whole), max_size=4))
        left, loads = [*order, *again], []
        while left:
            size = draw(st.integers(1, len(left)))
            part, left = left[:size], left[size:]
            for root in ROOTS:
                if names := tuple(sorted({n for n, r in part if r == root})):
                    loads.append((names, (root,)))
            if len(loads) > 1 and loads[-1][0] == loads[-2][0]:
                loads[-2:] = [(loads[-1][0], ROOTS)]
        return loads

    return draw_loads()


@settings(max_examples=12, deadline=None)
@given(loads=_loads())
def test_any_order_and_partition_equals_one_load(
    files: Files,
    at_once: tuple[pa.Table, Loaded],
    loads: list[tuple[tuple[str, ...], tuple[str, ...]]],
) -> None:
    with tempfile.TemporaryDirectory() as place:
        warehouse = local(Path(place))
        for n, (names, roots) in enumerate(loads):
            last = load(warehouse, files.put(names, Path(place) / str(n)), roots)
        assert sessions(warehouse).equals(at_once[0])
    once = at_once[1]
    pd.testing.assert_frame_equal(last.quarantine, once.quarantine)
    pd.testing.assert_frame_equal(last.batch.bars, once.batch.bars)
    assert last.batch.coverage is not None
    pd.testing.assert_frame_equal(last.batch.coverage, once.batch.coverage)
