"""Files of the EIA's biofuels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from outside_files import MemoryStore

from soyoil.contracts.contract import load_contract
from soyoil.contracts.validation import validate
from soyoil.external.config import ExternalConfig
from soyoil.external.load import Loaded, load_external
from soyoil.external.readers.eia import BIODIESEL, SOYBEAN_OIL
from soyoil.external.releases import biofuel_known_at

TABLE = "raw_intelligence.eia_biofuels"
NOW = pd.Timestamp("2024-06-03 12:00", tz="UTC").as_unit("us")
HEADER = (
    "period,duoarea,area-name,product,product-name,process,process-name,series,"
    "series-description,value,units"
)


def line(month: str, value: object, series: str = SOYBEAN_OIL, units: str = "MMLB") -> str:
    """A row as the browser of the EIA exports it."""
    return (
        f'{month},NUS,U.S.,EPOOBDSO,Soybean Oil,YIFBP,Feedstock,{series},"Oil, {series}",'
        f"{value},{units}"
    )


def load(store: MemoryStore, path: Path, now: pd.Timestamp = NOW, **section: Any) -> Loaded:
    loaded = load_external(ExternalConfig(eia={"path": str(path), **section}), store, now)
    for name, rows in loaded.records.tables.items():
        validate(rows, load_contract(name))
    store.write(loaded.records)
    return loaded


def write(folder: Path, lines: Sequence[str], name: str = "eia.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def values_of(store: MemoryStore) -> dict[tuple[str, str], float]:
    rows = store.rows(TABLE)
    months = rows["event_time"].dt.strftime("%F")
    return dict(zip(zip(rows["series_id"], months, strict=True), rows["value"], strict=True))


@pytest.mark.parametrize(
    ("month", "known"),
    [
        ("2023-01-01", "2023-04-06 20:15"),
        ("2023-03-01", "2023-06-05 20:15"),  # over a Sunday
        ("2023-04-01", "2023-07-05 20:15"),  # July 4th
        ("2023-10-01", "2024-01-04 21:15"),
        ("2024-02-01", "2024-05-06 20:15"),  # February 29th, and over a weekend
        ("2025-09-01", "2026-02-02 21:15"),  # the shutdown of 2025, an upper bound
    ],
)
def test_a_month_is_known_65_days_after_its_end(month: str, known: str) -> None:
    moments = biofuel_known_at(np.array([month], dtype="datetime64[D]"))
    assert f"{moments[0]:%F %H:%M}" == known


def test_an_export_is_read_and_a_second_load_writes_nothing(
    store: MemoryStore, tmp_path: Path
) -> None:
    path = write(tmp_path, [
        HEADER,
        line("2023-03", 1018), line("2023-02", 904), line("2023-02", 904),  # a copy
        line("2023-03", 3300, BIODIESEL, "MBBL"),
        line("2023-03", "W", "M_EPOOBDFSYG_YIFBP_NUS_MMLB"),  # withheld
        line("2023-03", 25000, "M_EPOOBDAFC_YIFBP_NUS_MMLB"),  # corn is not wanted
    ])  # fmt: skip
    loaded = load(store, path)
    assert values_of(store) == {
        (SOYBEAN_OIL, "2023-02-01"): 904.0,
        (SOYBEAN_OIL, "2023-03-01"): 1018.0,
        (BIODIESEL, "2023-03-01"): 3300.0,
    }
    assert loaded.rejected.empty
    assert not loaded.warnings
    assert not load(store, path, NOW + pd.Timedelta(days=1)).records.tables


@pytest.mark.parametrize("column", ["series-id", "series_id", "series"])
def test_other_names_of_the_series(store: MemoryStore, tmp_path: Path, column: str) -> None:
    path = write(tmp_path, [f"period,{column},value,units", f"2023-03,PET.{SOYBEAN_OIL}.M,5,MMLB"])
    load(store, path)
    assert values_of(store) == {(SOYBEAN_OIL, "2023-03-01"): 5.0}


def test_a_column_per_series(store: MemoryStore, tmp_path: Path) -> None:
    path = write(tmp_path, [
        f"period,{SOYBEAN_OIL},OTHER,{BIODIESEL}", "2023-02,904,1,3100", "2023-03,,2,3300",
    ])  # fmt: skip
    load(store, path)
    assert values_of(store) == {
        (SOYBEAN_OIL, "2023-02-01"): 904.0,
        (BIODIESEL, "2023-02-01"): 3100.0,
        (BIODIESEL, "2023-03-01"): 3300.0,
    }


def test_defective_rows_are_set_aside(store: MemoryStore, tmp_path: Path) -> None:
    path = write(tmp_path, [
        HEADER,
        line("2023-03", 1018),
        line("2023-02", 904), line("2023-02", 905),
        line("March 2023", 904),
        line("2023-01", "904 lb"),
        line("2022-12", -1),
        line("2022-11", 904, units="MBBL"),
        line("2022-10", 904).rpartition(",")[0],
    ])  # fmt: skip
    loaded = load(store, path)
    assert values_of(store) == {(SOYBEAN_OIL, "2023-03-01"): 1018.0}
    assert loaded.rejected["reason"].value_counts().to_dict() == {
        "two_values_for_one_day": 2, "no_day": 1, "no_number": 1, "implausible": 1,
        "another_unit": 1, "cut_or_overlong_line": 1,
    }  # fmt: skip


def test_files_that_disagree_are_both_set_aside(store: MemoryStore, tmp_path: Path) -> None:
    write(tmp_path, [HEADER, line("2023-02", 904), line("2023-03", 1018)], "a.csv")
    write(tmp_path, [HEADER, line("2023-02", 904), line("2023-03", 1019)], "b.csv")
    loaded = load(store, tmp_path)
    assert values_of(store) == {(SOYBEAN_OIL, "2023-02-01"): 904.0}
    assert sorted(loaded.rejected["file"]) == ["a.csv", "b.csv"]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["period,series,value", "2023-03,OTHER,5"], "holds none of the series"),
        (["period,OTHER", "2023-03,5"], "holds none of the series"),
        (["period,series", f"2023-03,{SOYBEAN_OIL}"], "lacks the column value"),
        (["date,value", "2023-03,5"], "lacks the columns period"),
    ],
)
def test_a_file_of_another_form_is_named(
    store: MemoryStore, tmp_path: Path, lines: list[str], said: str
) -> None:
    loaded = load(store, write(tmp_path, lines))
    assert not loaded.records.tables
    assert said in loaded.warnings[0]


def test_a_revised_month_is_known_from_its_load_on(store: MemoryStore, tmp_path: Path) -> None:
    load(store, write(tmp_path, [HEADER, line("2023-03", 1018)]))
    later = NOW + pd.Timedelta(days=30)
    load(store, write(tmp_path, [HEADER, line("2023-03", 1025)]), later)
    rows = store.rows(TABLE).sort_values("known_at")
    assert rows["value"].tolist() == [1018.0, 1025.0]
    assert rows["known_at"].iloc[-1] == later
