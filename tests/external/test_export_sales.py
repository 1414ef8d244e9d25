"""Weekly export sales: release days, files by country and in total, and a table that is shared."""

import datetime as dt
import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from outside_files import MemoryStore

from soyoil.contracts.contract import load_contract
from soyoil.contracts.validation import validate
from soyoil.external.config import ExternalConfig, PlantedConfig
from soyoil.external.load import Loaded, load_external, owned_rows, rows_in_use
from soyoil.external.readers.export_sales import FIGURES, NAME, first_weeks
from soyoil.external.registry import SOURCES
from soyoil.external.releases import (
    EXPORT_SALES_EXCEPTIONS,
    export_sales_known_at,
    export_sales_release_days,
)
from soyoil.external.twins.export_sales import export_sales_twin
from soyoil.external.twins.market import TwinMarket, true_effect
from soyoil.features.groups.export_sales import export_sales_features
from soyoil.sources.synthetic.config import SyntheticConfig

TABLE = "raw_intelligence.usda_granular"
NOW = pd.Timestamp("2024-06-03 12:00", tz="UTC").as_unit("us")
LATER = NOW + pd.Timedelta(days=7)
HEADER = (
    "commodityCode,countryCode,weeklyExports,accumulatedExports,outstandingSales,grossNewSales,"
    "currentMYNetSales,currentMYTotalCommitment,nextMYOutstandingSales,nextMYNetSales,unitId,"
    "weekEndingDate,marketYear"
)
OIL = f"{NAME}.soybean_oil"
Write = Callable[[str, str], Path]
MARKET = TwinMarket(SyntheticConfig(start=dt.date(2018, 1, 2), end=dt.date(2018, 3, 29)), "ZL")


def days(*text: str) -> np.ndarray:
    return np.array(text, dtype="datetime64[D]")


def line(week: str, country: int = 1220, *, code: int = 902, year: int = 2024, **more: Any) -> str:
    """A row of a country as the service of the FAS gives it."""
    row = {
        "exports": 10, "shipped": 100, "open": 50, "gross": 30, "net": 20, "sold": None,
        "next_open": 5, "next_net": 2, "unit": 1,
    } | more  # fmt: skip
    sold = row["shipped"] + row["open"] if row["sold"] is None else row["sold"]
    figures = [row["exports"], row["shipped"], row["open"], row["gross"], row["net"], sold]
    rest = [row["next_open"], row["next_net"], row["unit"], f"{week}T00:00:00", year]
    return ",".join(str(value) for value in [code, country, *figures, *rest])


def text(*lines: str, header: str = HEADER) -> str:
    return "\n".join([header, *lines]) + "\n"


def load(store: MemoryStore, now: pd.Timestamp = NOW, **sections: Any) -> Loaded:
    loaded = load_external(ExternalConfig.model_validate(sections), store, now, MARKET)
    for name, rows in loaded.records.tables.items():
        validate(rows, load_contract(name))
    store.write(loaded.records)
    return loaded


def values_of(store: MemoryStore, figure: str, name: str = OIL) -> dict[str, float]:
    rows = store.rows(TABLE)
    own = rows[rows["series_id"] == f"{name}.{figure}"].sort_values("event_time")
    return dict(zip(own["event_time"].dt.strftime("%F"), own["value"], strict=True))


def reasons(loaded: Loaded) -> dict[str, int]:
    return {str(k): int(n) for k, n in loaded.rejected["reason"].value_counts().items()}


@pytest.mark.parametrize(
    ("week", "release"),
    [
        ("2017-09-28", "2017-10-05"),  # the usual Thursday
        ("2023-09-21", "2023-09-28"),
        ("2023-10-12", "2023-10-19"),  # Columbus Day lies within the week itself
        ("2024-02-15", "2024-02-23"),  # Presidents' Day: Friday
        ("2024-02-22", "2024-02-29"),
        ("2021-09-02", "2021-09-10"),  # Labor Day
        ("2020-07-02", "2020-07-10"),  # the Friday after the week was a holiday
        ("2025-06-26", "2025-07-03"),  # July 4th on the Friday after the release
        ("2023-11-16", "2023-11-24"),  # Thanksgiving: the day after
        ("2014-12-18", "2014-12-29"),  # Christmas on Thursday, and offices closed on the 26th
        ("2016-09-29", "2016-10-06"),  # the marketing year of oil ends a day later
        ("2015-10-01", "2015-10-09"),  # closes that of oil, an upper bound
        ("2024-09-05", "2024-09-12"),  # closes that of soybeans, and came on Thursday
        ("2013-09-19", "2013-09-26"),  # shutdown of 2013
        ("2013-09-26", "2013-10-21"),
        ("2013-10-17", "2013-10-31"),
        ("2013-10-24", "2013-10-31"),
        ("2018-12-13", "2018-12-20"),  # shutdown of 2018-19
        ("2018-12-20", "2019-01-31"),
        ("2018-12-27", "2019-02-07"),
        ("2019-01-03", "2019-02-14"),
        ("2019-01-10", "2019-02-22"),
        ("2019-02-14", "2019-02-22"),
        ("2019-02-21", "2019-02-28"),
        ("2022-08-11", "2022-08-18"),  # the new system of 2022
        ("2022-08-18", "2022-09-15"),
        ("2022-09-08", "2022-09-15"),
        ("2025-09-18", "2025-09-25"),  # shutdown of 2025
        ("2025-10-09", "2025-11-25"),
        ("2025-11-06", "2025-12-08"),
        ("2025-12-11", "2025-12-23"),
        ("2025-12-25", "2026-01-05"),
        ("2026-01-01", "2026-01-08"),
        ("2026-01-08", "2026-01-15"),
    ],
)
def test_a_week_is_released(week: str, release: str) -> None:
    assert export_sales_release_days(days(week))[0] == np.datetime64(release)


def test_weeks_come_in_order_and_never_early() -> None:
    weeks = np.arange(days("2009-01-01")[0], days("2027-01-01")[0], 7)
    released = export_sales_release_days(weeks)
    assert (np.diff(released.astype(int)) >= 0).all()
    assert (released - weeks >= np.timedelta64(7, "D")).all()
    usual = ~np.isin(weeks, days(*EXPORT_SALES_EXCEPTIONS))
    assert (released[usual] - weeks[usual] <= np.timedelta64(11, "D")).all()
    assert np.is_busday(released).all()
    assert set(days(*EXPORT_SALES_EXCEPTIONS)) <= set(weeks)
    known = export_sales_known_at(days("2023-09-21", "2023-11-30"))
    assert [f"{t:%F %H:%M %Z}" for t in known] == ["2023-09-28 12:30 UTC", "2023-12-07 13:30 UTC"]


def test_first_weeks_of_marketing_years() -> None:
    assert first_weeks(np.array([2022, 2023, 2024]), 9).astype(str).tolist() == [
        "2022-09-01", "2023-09-07", "2024-09-05",
    ]  # fmt: skip


def test_countries_are_summed_and_a_second_load_writes_nothing(
    store: MemoryStore, write: Write
) -> None:
    path = write("sales.csv", text(
        line("2024-05-02"), line("2024-05-02", 2010, shipped=300, open=0, net=-50),
        line("2024-05-02", 2010, shipped=300, open=0, net=-50),  # a copy
        line("2024-05-09", 2, next_net=-7),
        line("2024-05-09", code=801, shipped=7000), line("2024-05-09", code=901),
        line("2024-05-09", code=401),  # corn is not wanted
    ))  # fmt: skip
    loaded = load(store, export_sales={"path": str(path)})
    assert loaded.rejected.empty
    assert not loaded.warnings
    want = {
        "weekly_exports": (20.0, 10.0), "accumulated_exports": (400.0, 100.0),
        "outstanding_sales": (50.0, 50.0), "net_sales": (-30.0, 20.0),
        "next_outstanding_sales": (10.0, 5.0), "next_net_sales": (4.0, -7.0),
    }  # fmt: skip
    assert set(want) == set(FIGURES)
    for figure, (first, second) in want.items():
        assert values_of(store, figure) == {"2024-05-02": first, "2024-05-09": second}
    assert values_of(store, "accumulated_exports", f"{NAME}.soybeans") == {"2024-05-09": 7000.0}
    rows = store.rows(TABLE)
    assert set(rows["series_id"].str.split(".").str[1]) == {
        "soybeans", "soybean_meal", "soybean_oil",
    }  # fmt: skip
    assert set(rows["vintage"]) == {"undated"}
    assert sorted({f"{t:%F %H:%M}" for t in rows["known_at"]}) == [
        "2024-05-09 12:30", "2024-05-16 12:30",
    ]  # fmt: skip
    assert not load(store, LATER, export_sales={"path": str(path)}).records.tables


def test_a_revised_week_is_known_from_the_load_that_found_it(
    store: MemoryStore, write: Write
) -> None:
    first = write("first.csv", text(line("2024-05-02"), line("2024-05-09")))
    second = write("second.csv", text(line("2024-05-02", open=60), line("2024-05-09")))
    load(store, export_sales={"path": str(first)})
    loaded = load(store, LATER, export_sales={"path": str(second)})
    assert "1 new, 1 of them revisions" in loaded.notes[0]
    rows = store.rows(TABLE)
    own = rows[rows["series_id"] == f"{OIL}.outstanding_sales"].sort_values(["event_time", "value"])
    assert own["value"].tolist() == [50.0, 60.0, 50.0]
    assert own["known_at"].iloc[1] == LATER
    assert own["vintage"].iloc[1].startswith("seen 2024-06-10")
    # An older file does not undo a newer one.
    assert not load(store, LATER, export_sales={"path": str(first)}).records.tables


OWN_HEADER = (
    "Commodity,Country,Week Ending,Marketing Year,Weekly Exports,Accumulated Exports,"
    "Outstanding Sales,Net Sales,Next MY Outstanding Sales,Next MY Net Sales,Unit"
)


def test_totals_and_other_names_are_understood(store: MemoryStore, write: Write) -> None:
    lines = (
        'Soybean Oil,MEXICO,09/07/2023,2022/23,10,"1,100",50,20,5,2,Metric Tons',
        "Soybean Oil,CANADA,09/07/2023,2022/2023,1,200,0,3,0,0,Metric Tons",
        'Soybean Oil,GRAND TOTAL,09/07/2023,2022/23,11,"1,300",50,23,5,2,Metric Tons',
        "Soybean cake & meal,TOTAL,09/07/2023,2022/23,9,9,9,9,9,9,Metric Tons",
    )
    path = write("own.csv", text(*lines, header=OWN_HEADER))
    loaded = load(store, export_sales={"path": str(path)})
    assert loaded.rejected.empty
    assert values_of(store, "accumulated_exports") == {"2023-09-07": 1300.0}
    assert values_of(store, "net_sales") == {"2023-09-07": 23.0}
    assert values_of(store, "net_sales", f"{NAME}.soybean_meal") == {"2023-09-07": 9.0}
    # A total that is not the sum of its countries: neither can be told to be right.
    wrong = lines[2].replace("1,300", "1,350")
    path = write("own.csv", text(*lines[:2], wrong, header=OWN_HEADER))
    loaded = load(MemoryStore(), export_sales={"path": str(path)})
    assert reasons(loaded) == {"countries_do_not_add_up": 1}


def test_a_parquet_file_and_a_folder_say_the_same(
    store: MemoryStore, write: Write, tmp_path: Path
) -> None:
    lines = [
        line("2024-05-02"),
        line("2024-05-02", 2010),
        line("2024-05-09"),
        line("2024-05-09", 2),
    ]
    load(store, export_sales={"path": str(write("sales.csv", text(*lines)))})
    frame = pd.read_csv(tmp_path / "sales.csv")
    frame["weekEndingDate"] = pd.to_datetime(frame["weekEndingDate"])
    numbers = ["marketYear", "countryCode", "commodityCode", "unitId"]
    frame = frame.astype(dict.fromkeys(numbers, "float64"))
    frame.to_parquet(tmp_path / "sales.parquet")
    other = MemoryStore()
    load(other, export_sales={"path": str(tmp_path / "sales.parquet")})
    pd.testing.assert_frame_equal(store.rows(TABLE), other.rows(TABLE))
    # One country in one file, the rest in another: a week is the sum over all files.
    folder = tmp_path / "folder"
    folder.mkdir()
    frame.iloc[:1].to_parquet(folder / "a.parquet")
    frame.astype(dict.fromkeys(numbers, "int64")).to_csv(folder / "b.csv", index=False)
    again = MemoryStore()
    load(again, export_sales={"path": str(folder)})
    pd.testing.assert_frame_equal(store.rows(TABLE), again.rows(TABLE))


def test_the_week_in_which_the_marketing_year_changes(store: MemoryStore, write: Write) -> None:
    """September 1st 2022 was a Thursday: the week closes one year and opens the next."""
    lines = [
        line("2022-08-25", code=801, year=2022, shipped=9000),
        line("2022-09-01", code=801, year=2022, shipped=9100),  # what was left of the old year
        line("2022-08-31", code=801, year=2022, shipped=9100),  # the same by its last day
        line("2022-09-01", code=801, year=2023, shipped=11),
        line("2022-09-01", code=902, year=2022, shipped=800),  # oil changes a month later
        line("2022-10-06", code=902, year=2022, shipped=900),
        line("2022-10-06", code=902, year=2023, shipped=12),
    ]
    loaded = load(store, export_sales={"path": str(write("sales.csv", text(*lines)))})
    assert loaded.rejected.empty
    assert values_of(store, "accumulated_exports", f"{NAME}.soybeans") == {
        "2022-08-25": 9000.0, "2022-09-01": 11.0,
    }  # fmt: skip
    assert values_of(store, "accumulated_exports") == {"2022-09-01": 800.0, "2022-10-06": 12.0}
    # Without the year the two rows of the week cannot be told apart.
    without = [row.rpartition(",")[0] for row in (HEADER, *lines[:1], lines[1], lines[3])]
    path = write("sales.csv", text(*without[1:], header=without[0]))
    other = MemoryStore()
    loaded = load(other, export_sales={"path": str(path)})
    assert reasons(loaded) == {"two_values_for_one_day": 2}
    assert list(values_of(other, "net_sales", f"{NAME}.soybeans")) == ["2022-08-25"]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (line("2024-05-08", 2010), "week_ends_on_another_day"),
        (line("2024-05-09", 2010, unit=2), "another_unit"),
        (line("2024-05-09", 2010, open="x", sold=150), "no_number"),
        (line("2024-05-09", 2010, open="", sold=100), "no_number"),
        (line("2024-05-09", 2010, sold=170), "commitments_do_not_add_up"),
        (line("2024-05-09", 2010, year=2023), "another_marketing_year"),
        (line("2024-05-09", 2010, year=2025), "another_marketing_year"),
        (line("2024-05-09", 1220, net=21), "two_values_for_one_day"),
    ],
)
def test_a_defective_row_takes_its_week_with_it(
    store: MemoryStore, write: Write, bad: str, reason: str
) -> None:
    lines = [line("2024-05-02"), line("2024-05-02", 2010), line("2024-05-09"), bad]
    loaded = load(store, export_sales={"path": str(write("sales.csv", text(*lines)))})
    found = reasons(loaded)
    assert found.pop(reason) == (2 if reason == "two_values_for_one_day" else 1)
    # A sum without a country is none.
    assert set(found) <= {"a_country_is_missing"}
    assert list(values_of(store, "net_sales")) == ["2024-05-02"]
    assert loaded.rejected["source"].eq(NAME).all()
    assert loaded.rejected["series"].str.startswith("soybean_oil").all()


def test_figures_that_cannot_be_are_set_aside(store: MemoryStore, write: Write) -> None:
    lines = [line("2024-05-02", open=-80, sold=20), line("2024-05-09", net=-9000)]
    loaded = load(store, export_sales={"path": str(write("sales.csv", text(*lines)))})
    assert reasons(loaded) == {"implausible": 1}
    assert values_of(store, "net_sales") == {"2024-05-09": -9000.0}


def test_a_file_by_country_that_was_cut_is_refused(store: MemoryStore, write: Write) -> None:
    whole = text(line("2024-05-02"), line("2024-05-02", 2010))
    for content, words in (
        (whole[:-1], "was cut"),
        (whole[:-30], "was cut"),
        (text(line("2024-05-02"), line("soon", 2010)), "1 rows of a country without a week"),
        (whole.replace("nextMYNetSales", "x"), "lacks the columns nextMYNetSales"),
        (text(line("2024-05-02", code=401)), "holds none of the commodities 801"),
        ("<html>\n", "holds no row"),
        ("", "is empty"),
    ):
        path = write("sales.csv", content)
        loaded = load(store, export_sales={"path": str(path)})
        assert words in loaded.warnings[0]
        assert "external.export_sales is left out" in loaded.warnings[0]
        assert not loaded.records.tables
    # In a file of totals a line is a week, and no other one hangs on it.
    header = ",".join(name for name in HEADER.split(",") if name != "countryCode")
    lines = [line("2024-05-02").replace("902,1220,", "902,"), "902,1"]
    loaded = load(store, export_sales={"path": str(write("t.csv", text(*lines, header=header)))})
    assert reasons(loaded) == {"cut_or_overlong_line": 1}
    assert list(values_of(store, "net_sales")) == ["2024-05-02"]


def wasde(path: Path, value: float = 1602.0) -> Path:
    pd.DataFrame(
        {
            "commodity": ["soybean_oil", "soybeans"],
            "attribute": "ending_stocks",
            "marketing_year": "2023/24",
            "forecast_month": "Dec",
            "value": [value, 250.0],
            "release_datetime": pd.Timestamp("2023-12-08 12:00"),
        }
    ).to_parquet(path)
    return path


def test_sources_of_one_table_share_no_series() -> None:
    for one, other in itertools.permutations(SOURCES.values(), 2):
        if one.table == other.table:
            assert one.twin is not None
            rows = one.twin(MARKET)
            assert len(owned_rows(one, rows)) == len(rows)
            assert owned_rows(other, rows).empty
            assert (one.series, one.values) == (other.series, other.values)


STEPS = {
    "usda files": ("usda", "path"),
    "usda twin": ("usda", "synthetic"),
    "sales files": (NAME, "path"),
    "sales twin": (NAME, "synthetic"),
}
# Each step follows on each other one.
WALK = (
    "usda files", "sales files", "usda files", "usda twin", "usda files", "sales twin",
    "sales files", "usda twin", "sales files", "sales twin", "usda twin", "sales twin",
    "usda files",
)  # fmt: skip


@pytest.fixture
def quick_twins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twins of the two sources are made once, and are short."""
    for name in ("usda", NAME):
        twin = SOURCES[name].twin
        assert twin is not None
        rows = twin(MARKET)
        rows = rows[rows["known_at"] >= "2018-02-01"].reset_index(drop=True)
        monkeypatch.setitem(SOURCES, name, replace(SOURCES[name], twin=lambda _, rows=rows: rows))


@pytest.mark.usefixtures("quick_twins")
def test_two_sources_in_one_table_never_touch_each_other(
    store: MemoryStore, write: Write, tmp_path: Path
) -> None:
    """Whatever is switched on, off or over in whatever order: each finds its own rows again."""
    assert len(set(itertools.pairwise(WALK))) == 12
    files = {
        "usda": str(wasde(tmp_path / "wasde.parquet")),
        NAME: str(write("sales.csv", text(line("2024-05-02"), line("2024-05-09")))),
    }

    def section(step: str) -> dict[str, Any]:
        source, origin = STEPS[step]
        return {source: {"path": files[source]} if origin == "path" else {"origin": origin}}

    def in_order(rows: pd.DataFrame) -> pd.DataFrame:
        key = ["series_id", "event_time", "vintage"]
        return rows.drop(columns="ingested_at").sort_values(key).reset_index(drop=True)

    def in_use(step: str, where: MemoryStore) -> pd.DataFrame:
        config = ExternalConfig.model_validate(section(step))
        return in_order(rows_in_use(config, where)[STEPS[step][0]])

    alone = {}
    for step in STEPS:
        fresh = MemoryStore()
        load(fresh, **section(step))
        alone[step] = in_use(step, fresh)
        assert len(alone[step]) > 1
    for place, step in enumerate(WALK):
        other = SOURCES[NAME if STEPS[step][0] == "usda" else "usda"]
        before = in_order(owned_rows(other, store.rows(TABLE)))
        load(store, NOW + pd.Timedelta(days=place), **section(step))
        pd.testing.assert_frame_equal(in_order(owned_rows(other, store.rows(TABLE))), before)
        pd.testing.assert_frame_equal(in_use(step, store), alone[step])
    # A second load writes nothing.
    assert not load(store, NOW + pd.Timedelta(days=20), **section(WALK[-1])).records.tables


@pytest.mark.usefixtures("quick_twins")
def test_both_are_written_by_one_load(store: MemoryStore, write: Write, tmp_path: Path) -> None:
    path = str(write("sales.csv", text(line("2024-05-02"))))
    both = {"usda": {"path": str(wasde(tmp_path / "w.parquet"))}, NAME: {"path": path}}
    loaded = load(store, **both)
    assert set(loaded.records.tables) == {TABLE}
    assert len(store.rows(TABLE)) == 2 + len(FIGURES)
    twins = {name: {"origin": "synthetic"} for name in both}
    assert set(load(store, **twins).records.tables) == {TABLE}
    in_use = rows_in_use(ExternalConfig.model_validate(twins), store)
    for name in both:
        assert set(in_use[name]["provenance"]) == {"synthetic"}
    assert not load(store, **twins).records.tables


def test_the_twin_adds_up_and_keeps_the_true_days() -> None:
    own = TwinMarket(SyntheticConfig(start=dt.date(2018, 1, 2), end=dt.date(2019, 4, 30)), "ZL")
    rows = export_sales_twin(own)
    assert (rows["event_time"].dt.dayofweek == 3).all()
    known = rows.drop_duplicates("event_time").set_index("event_time")["known_at"]
    assert f"{known[pd.Timestamp('2018-12-20', tz='UTC')]:%F %H:%M}" == "2019-01-31 13:30"
    for name, month in (("soybeans", 9), ("soybean_meal", 10), ("soybean_oil", 10)):
        parts = {
            figure: rows[rows["series_id"] == f"{NAME}.{name}.{figure}"].set_index("event_time")
            for figure in FIGURES
        }
        book = pd.DataFrame({figure: part["value"] for figure, part in parts.items()})
        assert (book[["accumulated_exports", "outstanding_sales", "weekly_exports"]] >= 0).all(
            axis=None
        )
        weeks = book.index
        year = weeks.year - (weeks.month < month)
        opens = np.r_[False, year[1:] != year[:-1]]
        assert opens.sum() == 7
        carried = book["next_outstanding_sales"].shift().where(opens, 0.0)
        flow = book["net_sales"] + carried - book["weekly_exports"]
        assert (book["outstanding_sales"].diff()[1:] == flow[1:]).all()
        shipped = book["weekly_exports"].groupby(year).cumsum()
        assert (book["accumulated_exports"] == shipped).all()


@pytest.mark.ci
def test_a_planted_effect_is_found_and_a_leak_looks_better() -> None:
    """R² at 1m of the net sales on rows by knowledge time, beside what it is in truth."""
    own = TwinMarket(SyntheticConfig(seed=2), "ZL", PlantedConfig(source=NAME, strength=0.5))
    rows = export_sales_twin(own)
    at = pd.DataFrame(
        {
            "symbol": "ZL",
            "data_date": own.path.sessions.dates.astype("datetime64[us]"),
            "decision_time": own.decisions,
        }
    )[own.path.sessions.dates <= own.end]
    total = np.cumsum(own.path.returns)
    label = (total[21:] - total[:-21])[: len(at)]
    found = []
    for given in (rows, rows.assign(known_at=rows["event_time"])):
        values = export_sales_features(at, {NAME: given})
        sales = values[f"{NAME}.oil_net_sales_1w"]
        known = ~np.isnan(sales)
        # The shutdowns and the new system of 2022 hold weeks back.
        assert known.mean() > 0.96
        found.append(float(np.corrcoef(sales[known], label[known])[0, 1] ** 2))
        # Another commodity of the same report knows nothing.
        other = values[f"{NAME}.soybean_net_sales_1w"]
        assert np.corrcoef(other[known], label[known])[0, 1] ** 2 < 0.03
    truth = true_effect(own, rows["known_at"].drop_duplicates()).r_squared
    assert abs(found[0] - truth) < 0.1
    assert found[1] > found[0] + 0.04
