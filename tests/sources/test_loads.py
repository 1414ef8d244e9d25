"""Loading in parts equals loading at once."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import databento_dbn as dbn
import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from load_market import FIRST, ROOTS, Bar, Files, Loaded, load, read

from soyoil.base.errors import ContractError, SourceError, SoyoilError, WarehouseBusyError
from soyoil.contracts.contract import TableContract, load_contract
from soyoil.contracts.validation import validate
from soyoil.datasets.vendor_store import WarehouseVendorStore
from soyoil.params import TargetConfig
from soyoil.pipelines.features.nodes import compute_features
from soyoil.pipelines.ingest.nodes import make_sessions, read_source
from soyoil.sources.base import SourceConfig
from soyoil.sources.databento.dbn import read_dbn
from soyoil.sources.databento.file import VendorFile
from soyoil.sources.vendor_store import BARS, FILES, SESSIONS, NoStore
from soyoil.warehouse.backend import Warehouse, WriteResult
from soyoil.warehouse.bigquery.backend import BigQueryWarehouse
from soyoil.warehouse.connection import DuckDBConnection
from soyoil.warehouse.duckdb.backend import DuckDBWarehouse
from tiers import ci, slow

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


@pytest.fixture(params=["duckdb", pytest.param("bigquery", marks=pytest.mark.slow)])
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


Load = tuple[tuple[str, ...], tuple[str, ...]]


@st.composite
def _loads(draw: st.DrawFn) -> list[Load]:
    """Loads of all files and roots, some of them again: (files, roots) each."""
    whole = [(name, root) for name in NAMES for root in ROOTS]
    order = draw(st.permutations(whole))
    again = draw(st.lists(st.sampled_from(whole), max_size=4))
    left, loads = [*order, *again], []
    while left:
        size = draw(st.integers(min(len(left), 5), len(left)))
        part, left = left[:size], left[size:]
        names = {root: tuple(sorted({n for n, r in part if r == root})) for root in ROOTS}
        if names[ROOTS[0]] == names[ROOTS[1]]:
            loads.append((names[ROOTS[0]], ROOTS))
        else:
            loads += [(names[root], (root,)) for root in ROOTS if names[root]]
    return loads


def check_loads(files: Files, once: tuple[pa.Table, Loaded], loads: list[Load]) -> None:
    with tempfile.TemporaryDirectory() as place:
        warehouse = local(Path(place))
        for n, (names, roots) in enumerate(loads[:-1]):
            batch = read(warehouse, files.put(names, Path(place) / str(n)), roots)
            assert batch.records is not None
            WarehouseVendorStore(warehouse).add(batch.records)
        last = load(warehouse, files.put(loads[-1][0], Path(place) / "last"), loads[-1][1])
        assert sessions(warehouse).equals(once[0])
    pd.testing.assert_frame_equal(last.quarantine, once[1].quarantine)
    pd.testing.assert_frame_equal(last.batch.bars, once[1].batch.bars)
    assert last.batch.coverage is not None
    pd.testing.assert_frame_equal(last.batch.coverage, once[1].batch.coverage)


@settings(max_examples=2, deadline=None)
@given(loads=_loads())
def test_any_order_and_partition_equals_one_load(
    files: Files, at_once: tuple[pa.Table, Loaded], loads: list[Load]
) -> None:
    check_loads(files, at_once, loads)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(loads=_loads())
def test_many_orders_and_partitions_equal_one_load(
    files: Files, at_once: tuple[pa.Table, Loaded], loads: list[Load]
) -> None:
    check_loads(files, at_once, loads)


def test_backfill_and_append_on_both_backends(
    any_warehouse: Warehouse, files: Files, at_once: tuple[pa.Table, Loaded], tmp_path: Path
) -> None:
    load(any_warehouse, files.put(NAMES[1::2], tmp_path / "some"))
    last = load(any_warehouse, files.put(NAMES[::2], tmp_path / "others"))
    assert sessions(any_warehouse).equals(at_once[0])
    pd.testing.assert_frame_equal(last.quarantine, at_once[1].quarantine)


def test_a_second_load_of_a_part_changes_nothing(
    warehouse: DuckDBWarehouse, files: Files, tmp_path: Path
) -> None:
    load(warehouse, files.put(NAMES[:3], tmp_path / "files"))
    again = load(warehouse, files.put(NAMES[1:2], tmp_path / "again"))
    assert again.records.is_empty
    assert not again.result.changed


def test_known_files_are_not_read_again(
    warehouse: DuckDBWarehouse, files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = files.put(NAMES[:2], tmp_path / "files")
    load(warehouse, folder, ("ZL",))
    was_read: list[tuple[str, tuple[str, ...]]] = []

    def watch(path: Path, roots: tuple[str, ...]) -> VendorFile:
        was_read.append((path.name, roots))
        return read_dbn(path, roots)

    monkeypatch.setattr("soyoil.sources.databento.load.read_dbn", watch)
    load(warehouse, folder, ("ZL",))
    assert was_read == []
    (folder / NAMES[0]).rename(folder / "renamed.dbn")
    load(warehouse, files.put(NAMES[2:3], folder))
    assert was_read == [("renamed.dbn", ("CL",)), (NAMES[1], ("CL",)), (NAMES[2], ROOTS)]


class Killed(KeyboardInterrupt):
    """The process ends."""


@dataclass
class Dying:
    """A warehouse whose process dies when it is about to write a table."""

    inner: Warehouse
    table: str

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    def write(self, contract: TableContract, table: pa.Table) -> WriteResult:
        if contract.name == self.table:
            raise Killed
        return self.inner.write(contract, table)


@pytest.mark.parametrize("table", [slow(BARS), FILES, ci(SESSIONS)])
def test_a_killed_load_leaves_nothing_that_counts_twice_or_half(
    table: str,
    warehouse: DuckDBWarehouse,
    files: Files,
    at_once: tuple[pa.Table, Loaded],
    tmp_path: Path,
) -> None:
    load(warehouse, files.put(NAMES[:4], tmp_path / "first"))
    before = sessions(warehouse)
    rest = files.put(NAMES[4:], tmp_path / "rest")
    with pytest.raises(Killed):
        load(Dying(warehouse, table), rest)
    assert sessions(warehouse).equals(before)
    counted = WarehouseVendorStore(warehouse).files()["name"].nunique()
    assert counted == (9 if table == SESSIONS else 4)
    # Whatever is loaded next, sessions are those of all files that count.
    load(warehouse, tmp_path / "first")
    assert sessions(warehouse).equals(before) == (table != SESSIONS)
    load(warehouse, rest)
    assert sessions(warehouse).equals(at_once[0])


def refusal(warehouse: Warehouse, path: Path, **options: object) -> str:
    """Message of a load that is refused and leaves everything as it was."""
    store = WarehouseVendorStore(warehouse)
    before = store.files(), store.bars(), sessions(warehouse)
    with pytest.raises(SoyoilError) as caught:
        load(warehouse, path, **options)  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(store.files(), before[0])
    pd.testing.assert_frame_equal(store.bars(), before[1])
    assert sessions(warehouse).equals(before[2])
    return str(caught.value)


def week(files: Files, n: int) -> tuple[list[Bar], pd.Timestamp, pd.Timestamp]:
    start = FIRST - pd.Timedelta(days=1) + n * pd.Timedelta(days=7)
    end = start + pd.Timedelta(days=7)
    return files.between(start, end), start, end


def test_another_roll_rule_is_refused(
    warehouse: DuckDBWarehouse, files: Files, tmp_path: Path
) -> None:
    load(warehouse, files.put(NAMES[:1], tmp_path / "first"))
    other = tmp_path / "other"
    other.mkdir()
    (other / "calendar.dbn").write_bytes(files.build(*week(files, 1), rule="c"))
    message = refusal(warehouse, other, roots=("ZL",))
    assert message.startswith(f"ZL rolls by calendar in {other / 'calendar.dbn'}, but by volume")
    assert "week0.dbn (in the warehouse)" in message
    assert "--params=source.replace=everything" in message
    load(warehouse, other, ("ZL",), replace="everything")
    frame = sessions(warehouse).to_pandas()
    assert set(frame["symbol"]) == {"ZL"}
    assert len(frame) == 5


def test_another_schema_is_refused(
    warehouse: DuckDBWarehouse,
    files: Files,
    encode: Callable[..., bytes],
    make_bar: Callable[..., bytes],
    tmp_path: Path,
) -> None:
    load(warehouse, files.put(NAMES[:1], tmp_path / "first"))
    days = [str(day.date()) for day in pd.bdate_range("2024-01-15", periods=5)]
    records = [make_bar(day, 20, rtype=dbn.RType.OHLCV_1D) for day in days]
    mappings = {"ZL.v.0": [("2024-01-15", "2024-01-22", 20)]}
    span = ("2024-01-15", "2024-01-22")
    daily = tmp_path / "daily"
    daily.mkdir()
    (daily / "days.dbn").write_bytes(
        encode(records, mappings, span=span, schema=dbn.Schema.OHLCV_1D)
    )
    message = refusal(warehouse, daily, roots=("ZL",))
    assert f"{daily / 'days.dbn'} is ohlcv-1d, but the warehouse was made from ohlcv-1h" in message
    assert "source.replace=everything" in message
    load(warehouse, daily, ("ZL",), replace="everything")
    assert set(sessions(warehouse)["source_schema"].to_pylist()) == {"ohlcv-1d"}
    message = refusal(warehouse, tmp_path / "first")
    assert "is ohlcv-1h, but the warehouse was made from ohlcv-1d" in message


def test_same_name_and_other_bars(warehouse: DuckDBWarehouse, files: Files, tmp_path: Path) -> None:
    load(warehouse, files.put(NAMES[:2], tmp_path / "first"))
    bars, start, end = week(files, 1)
    dearer = [replace(bar, volume=bar.volume + 7) if i < 3 else bar for i, bar in enumerate(bars)]
    other = tmp_path / "other"
    other.mkdir()
    (other / NAMES[1]).write_bytes(files.build(dearer, start, end))
    message = refusal(warehouse, other)
    assert message.startswith("week1.dbn was loaded before with other bars:")
    assert "source.replace=same_name" in message
    load(warehouse, other, replace="same_name")
    fresh = local(tmp_path / "fresh")
    load(fresh, files.put(NAMES[:1], other))
    assert sessions(warehouse).equals(sessions(fresh))
    # The old content stays out, whatever is loaded later.
    load(warehouse, tmp_path / "other")
    assert sessions(warehouse).equals(sessions(fresh))


def test_a_file_that_has_grown_is_added(
    warehouse: DuckDBWarehouse, files: Files, tmp_path: Path
) -> None:
    """One name, more bars, and an hour that was not over before: as a daily job leaves it."""
    bars, start, _ = week(files, 0)
    cut = len(bars) // 2
    folder = tmp_path / "files"
    folder.mkdir()
    half = [*bars[:cut], files.halved(bars[cut])]
    (folder / NAMES[0]).write_bytes(
        files.build(half, start, bars[cut].time + pd.Timedelta(minutes=30))
    )
    load(warehouse, folder)
    load(warehouse, files.put(NAMES[:1], folder))
    fresh = local(tmp_path / "fresh")
    load(fresh, folder)
    assert sessions(warehouse).equals(sessions(fresh))


def test_sessions_without_bars_are_not_lost(
    warehouse: DuckDBWarehouse, files: Files, tmp_path: Path
) -> None:
    """A warehouse that was filled before bars were kept."""
    batch = read(warehouse, files.put(NAMES[:3], tmp_path / "all"))
    contract = load_contract(SESSIONS)
    warehouse.write(contract, validate(make_sessions(batch)[1], contract))
    message = refusal(warehouse, files.put(NAMES[2:3], tmp_path / "last"))
    assert message.startswith("The warehouse holds 20 sessions (CL 2024-01-08 to ZL 2024-01-19)")
    assert not load(warehouse, tmp_path / "all").result.changed


@pytest.mark.parametrize(
    "statement",
    [
        ci(f"DELETE FROM {BARS} WHERE position < 3 AND symbol = 'CL'"),
        f"UPDATE {BARS} SET close = close + 1 WHERE position = 3 AND symbol = 'CL'",
        slow(
            f"INSERT INTO {BARS} SELECT * REPLACE (position + 9999 AS position) FROM {BARS} "
            "WHERE symbol = 'CL' AND position < 2"
        ),
    ],
    ids=["gone", "altered", "added"],
)
def test_bars_that_are_not_as_read_are_read_again_or_named(
    statement: str,
    warehouse: DuckDBWarehouse,
    files: Files,
    at_once: tuple[pa.Table, Loaded],
    tmp_path: Path,
) -> None:
    folder = files.put(NAMES, tmp_path / "files")
    load(warehouse, folder)
    with duckdb.connect(tmp_path / "warehouse.duckdb") as connection:
        connection.execute(statement).fetchall()
    lone = files.put(NAMES[:1], tmp_path / "lone")
    assert "Bars of 8 files are no longer in the warehouse as they were read" in refusal(
        warehouse, lone
    )
    load(warehouse, folder)
    load(warehouse, lone)
    assert sessions(warehouse).equals(at_once[0])


@pytest.mark.parametrize(
    "statement",
    [
        f"DELETE FROM {FILES} WHERE symbol = 'CL'",
        ci(f"UPDATE {FILES} SET roll_rule = 'n' WHERE symbol = 'CL'"),
        slow(f"UPDATE {FILES} SET is_retired = true WHERE symbol = 'CL'"),
    ],
    ids=["gone", "altered", "retired"],
)
def test_files_that_are_not_as_written_are_refused_until_dropped(
    statement: str,
    warehouse: DuckDBWarehouse,
    files: Files,
    at_once: tuple[pa.Table, Loaded],
    tmp_path: Path,
) -> None:
    folder = files.put(NAMES, tmp_path / "files")
    load(warehouse, folder)
    with duckdb.connect(tmp_path / "warehouse.duckdb") as connection:
        connection.execute(statement).fetchall()
    with pytest.raises(ContractError, match=rf"was altered since .* \(DROP TABLE {FILES}\)"):
        load(warehouse, folder)
    with duckdb.connect(tmp_path / "warehouse.duckdb") as connection:
        connection.execute(f"DROP TABLE {FILES}").fetchall()
    lone = files.put(NAMES[:1], tmp_path / "lone")
    assert "whose bars it did not keep" in refusal(warehouse, lone)
    load(warehouse, folder)
    load(warehouse, lone)
    assert sessions(warehouse).equals(at_once[0])


def test_degraded_days_are_kept_with_the_files(
    warehouse: DuckDBWarehouse, files: Files, tmp_path: Path
) -> None:
    first = files.put(NAMES[:1], tmp_path / "first")
    (first / "condition.json").write_text('[{"date": "2024-01-10", "condition": "degraded"}]')
    load(warehouse, first)
    load(warehouse, files.put(NAMES[:2], tmp_path / "second"))
    frame = sessions(warehouse).to_pandas()
    marked = frame.loc[frame["is_vendor_degraded"], "data_date"].astype("str")
    assert marked.tolist() == ["2024-01-10"] * 2


def test_a_load_that_came_between_is_noticed(
    warehouse: DuckDBWarehouse, files: Files, at_once: tuple[pa.Table, Loaded], tmp_path: Path
) -> None:
    one = read(warehouse, files.put(NAMES[:4], tmp_path / "one"))
    load(warehouse, files.put(NAMES[4:], tmp_path / "other"))
    assert one.records is not None
    with pytest.raises(WarehouseBusyError, match="run again to make the sessions of all files"):
        WarehouseVendorStore(warehouse).add(one.records)
    load(warehouse, tmp_path / "one")
    assert sessions(warehouse).equals(at_once[0])


def test_observed_bars_never_enter_a_synthetic_warehouse(
    warehouse: DuckDBWarehouse, files: Files, tmp_path: Path
) -> None:
    batch = read(warehouse, files.put(NAMES[:1], tmp_path / "files"))
    contract = load_contract(SESSIONS)
    made = make_sessions(batch)[1].assign(provenance="synthetic")
    warehouse.write(contract, validate(made, contract))
    assert "holds provenance synthetic" in refusal(warehouse, tmp_path / "files")


def test_rows_of_another_synthetic_market_do_not_stay(warehouse: DuckDBWarehouse) -> None:
    contract = load_contract(SESSIONS)
    found = []
    for seed, roots in ((1, "ZL+CL"), (2, "ZL")):
        source = {"symbols": roots, "synthetic": {"seed": seed}}
        batch = read_source(SourceConfig.model_validate(source), NoStore())
        records, made, *_ = make_sessions(batch)
        assert records.is_empty
        warehouse.write(contract, validate(made, contract))
        found.append(set(sessions(warehouse)["symbol"].to_pylist()))
    assert found == [{"ZL", "CL"}, {"ZL"}]


def test_features_of_a_root_without_sessions_are_refused(
    warehouse: DuckDBWarehouse, files: Files, tmp_path: Path
) -> None:
    load(warehouse, files.put(NAMES[:1], tmp_path / "files"))
    source = SourceConfig(symbols=("ZL", "ES"))
    with pytest.raises(SourceError, match="no session of ES"):
        compute_features(sessions(warehouse).to_pandas(), source, TargetConfig())


@pytest.mark.real_data
@pytest.mark.ci
def test_months_in_any_order_equal_one_load(
    warehouse: DuckDBWarehouse, databento_dir: Path, tmp_path: Path
) -> None:
    months = sorted(databento_dir.glob("*2018*.dbn.zst"))
    assert len(months) == 12
    once = local(tmp_path / "once")
    whole = tmp_path / "all"
    whole.mkdir()
    for path in months:
        (whole / path.name).symlink_to(path)
    load(once, whole)
    for n in np.random.default_rng(5).permutation(len(months)):
        load(warehouse, months[n])
    assert sessions(warehouse).equals(sessions(once))
