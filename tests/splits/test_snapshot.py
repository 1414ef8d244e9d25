"""The snapshot is addressed by its content and complete or absent."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from soyoil.base.errors import SplitError
from soyoil.splits.snapshot import Snapshot, read_snapshot, take_snapshot, write_snapshot
from soyoil.warehouse.origins import OTHERS


@pytest.fixture
def matrix() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "symbol": pd.Series(["ZL", "CL", "ZL"], dtype="str"),
            "data_date": pd.to_datetime(["2024-01-03", "2024-01-02", "2024-01-02"]),
            "provenance": pd.Series(["observed"] * 3, dtype="str"),
            "market_data.close": [48.0, 70.0, 47.0],
        }
    )


@pytest.fixture
def regimes() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "regime_name": pd.Series(["a"], dtype="str"),
            "start_date": pd.to_datetime(["2000-01-01"]),
            "weight": [1.0],
        }
    )


@pytest.fixture
def snapshot(matrix: pd.DataFrame, regimes: pd.DataFrame) -> Snapshot:
    return take_snapshot(matrix, regimes, "ZL", {"t": "h"})


def test_rolls_are_unknown_if_they_are_of_one_row(
    matrix: pd.DataFrame, regimes: pd.DataFrame, snapshot: Snapshot, tmp_path: Path
) -> None:
    """Of a row of the symbol: what is known of others says nothing."""
    assert (snapshot.rolls, snapshot.data_text) == ("known", "observed data")
    for rolls, expected in (
        (["known", "unknown", "known"], "known"),
        (["unknown", "known", "known"], "unknown"),
        ([None, None, None], "known"),
    ):
        rows = matrix.assign(rolls=pd.array(rolls, dtype="str"))
        write_snapshot(take_snapshot(rows, regimes, "ZL", {"t": "h"}), tmp_path)
        assert read_snapshot(tmp_path).rolls == expected


def test_rows_of_the_symbol_in_date_order(snapshot: Snapshot) -> None:
    assert snapshot.matrix["market_data.close"].tolist() == [47.0, 48.0]


def test_hash_depends_on_every_part_and_not_on_row_order(
    snapshot: Snapshot, matrix: pd.DataFrame, regimes: pd.DataFrame
) -> None:
    def other(**parts: object) -> str:
        given = {"m": matrix, "r": regimes, "s": "ZL", "c": {"t": "h"}} | parts
        return take_snapshot(given["m"], given["r"], given["s"], given["c"]).content_hash

    same = snapshot.content_hash
    assert other(m=matrix.iloc[::-1]) == same
    assert other(m=matrix.assign(**{"market_data.close": [48.0, 70.0, 47.1]})) != same
    assert other(m=matrix.assign(**{"market_data.close": [48.0, 71.0, 47.0]})) == same
    assert other(r=regimes.assign(weight=2.0)) != same
    assert other(c={"t": "i"}) != same


def test_round_trip_and_second_write(snapshot: Snapshot, tmp_path: Path) -> None:
    first = write_snapshot(snapshot, tmp_path)
    stamp = (first / "matrix.parquet").stat().st_mtime_ns
    again = read_snapshot(tmp_path)
    assert again.content_hash == snapshot.content_hash
    pd.testing.assert_frame_equal(again.matrix, snapshot.matrix)
    assert write_snapshot(snapshot, tmp_path) == first
    assert (first / "matrix.parquet").stat().st_mtime_ns == stamp
    assert not list(tmp_path.glob(".unfinished-*"))


def test_tampering_is_noticed(snapshot: Snapshot, tmp_path: Path) -> None:
    folder = write_snapshot(snapshot, tmp_path)
    snapshot.matrix.assign(**{"market_data.close": 1.0}).to_parquet(folder / "matrix.parquet")
    with pytest.raises(SplitError, match="was changed after writing"):
        read_snapshot(tmp_path)


def _damages(content: bytes) -> Iterator[bytes]:
    yield from (b"", b"null", b"[]", b"{}", b"\xff\xfe{}", b"\0" * 50)
    draw = random.Random(0)
    for _ in range(5):
        yield content[: draw.randrange(len(content))]
    for _ in range(80):
        at = draw.randrange(len(content))
        yield content[:at] + bytes([content[at] ^ (1 << draw.randrange(8))]) + content[at + 1 :]


@pytest.mark.parametrize(
    "name", ["current.json", "manifest.json", "matrix.parquet", "regimes.parquet"]
)
def test_a_damaged_file_is_refused_or_makes_no_difference(
    snapshot: Snapshot, tmp_path: Path, name: str
) -> None:
    folder = write_snapshot(snapshot, tmp_path)
    path = tmp_path / name if name == "current.json" else folder / name
    refused = 0
    for content in _damages(path.read_bytes()):
        path.write_bytes(content)
        try:
            found = read_snapshot(tmp_path)
        except SplitError as error:
            assert "kedro run --pipeline=split" in str(error)
            refused += 1
        else:
            assert found.content_hash == snapshot.content_hash
    assert refused >= 40


def test_missing_snapshot_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(SplitError, match="kedro run --pipeline=split"):
        read_snapshot(tmp_path)
    (tmp_path / "current.json").write_text(json.dumps({"snapshot": "gone"}))
    with pytest.raises(SplitError, match="no complete snapshot"):
        read_snapshot(tmp_path)


def test_symbol_without_rows_and_mixed_provenance_are_refused(
    matrix: pd.DataFrame, regimes: pd.DataFrame
) -> None:
    with pytest.raises(SplitError, match="'ZS' .*there: CL, ZL"):
        take_snapshot(matrix, regimes, "ZS", {})
    mixed = matrix.assign(provenance=["observed", "observed", "synthetic"])
    with pytest.raises(SplitError, match="mix provenances observed, synthetic"):
        take_snapshot(mixed, regimes, "ZL", {})


def test_a_target_without_rows_names_the_symbols_that_have_some(
    matrix: pd.DataFrame, regimes: pd.DataFrame
) -> None:
    """Also where the warehouse read no others."""
    none = matrix.iloc[:0]
    none.attrs[OTHERS] = {"symbol": ["CL", "ZL"]}
    for rows in (matrix, none):
        with pytest.raises(SplitError, match=r"'ZX' \(symbols there: CL, ZL\)"):
            take_snapshot(rows, regimes, "ZX", {})
