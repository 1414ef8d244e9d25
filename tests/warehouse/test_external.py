"""Raw tables of outside sources on every backend."""

from pathlib import Path

import pandas as pd
import pytest
from backends import Backend

from soyoil.datasets.external import WarehouseExternalStore
from soyoil.external.config import ExternalConfig
from soyoil.external.load import Loaded, load_external

pytestmark = pytest.mark.ci_on_bigquery

TABLE = "raw_intelligence.fred_economic"
NOW = pd.Timestamp("2023-10-20 12:00", tz="UTC").as_unit("us")


def test_vintages_are_kept_and_a_second_load_writes_nothing(
    backend: Backend, tmp_path: Path
) -> None:
    store = WarehouseExternalStore(backend.warehouse)
    config = ExternalConfig(fred={"path": str(tmp_path), "series": ("DGS10", "DGS2")})

    def load(days: int, ten: str) -> Loaded:
        for series, text in {"DGS10": ten, "DGS2": "2023-09-25,5.1"}.items():
            body = f"observation_date,{series}\n{text}\n"
            (tmp_path / f"{series}.csv").write_text(body, encoding="utf-8")
        loaded = load_external(config, store, NOW + pd.Timedelta(days=days))
        store.write(loaded.records)
        return loaded

    assert store.rows(TABLE).empty
    load(0, "2023-09-25,4.55\n2023-09-26,4.56")
    first = store.rows(TABLE)
    assert not load(1, "2023-09-25,4.55\n2023-09-26,4.56").records.tables
    pd.testing.assert_frame_equal(store.rows(TABLE), first)
    revised = load(2, "2023-09-25,4.55\n2023-09-26,4.57\n2023-09-27,4.6")
    # Only the series with something new is written.
    assert set(revised.records.tables[TABLE]["series_id"]) == {"DGS10"}
    rows = store.rows(TABLE)
    assert rows.groupby("series_id").size().to_dict() == {"DGS10": 4, "DGS2": 1}
    known = rows.merge(first, how="inner")
    assert len(known) == len(first)


@pytest.mark.parametrize(
    ("source", "table", "first", "second"),
    [
        (
            "weather",
            "raw_intelligence.weather_segmented",
            ["date,region,station_id,tmax_c,tmin_c,precip_mm", "2023-07-01,US,IOWA,30,20,", ""],
            ["2023-07-02,,725460,,20.5,2"],
        ),
        (
            "eia",
            "raw_intelligence.eia_biofuels",
            ["period,series,value,units", "2023-03,M_EPOOBDSO_YIFBP_NUS_MMLB,1018.5,MMLB", ""],
            ["2023-03,M_EPOORDB_YNP_NUS_MBBL,3300,MBBL"],
        ),
    ],
)
def test_rows_come_back_as_they_were(
    backend: Backend,
    tmp_path: Path,
    source: str,
    table: str,
    first: list[str],
    second: list[str],
) -> None:
    store = WarehouseExternalStore(backend.warehouse)
    path = tmp_path / "file.csv"
    config = ExternalConfig.model_validate({source: {"path": str(path), "required": True}})

    def load(lines: list[str], days: int) -> Loaded:
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")
        loaded = load_external(config, store, NOW + pd.Timedelta(days=days))
        store.write(loaded.records)
        return loaded

    load(first, 0)
    before = store.rows(table)
    assert len(before) == 1
    # Days without a value are no revisions of days without a value.
    assert not load(first, 1).records.tables
    loaded = load([*first, *second], 2)
    rows = store.rows(table)
    assert len(rows) == 2
    assert len(rows.merge(before, how="inner")) == 1
    written = loaded.records.tables[table]
    kept = rows[rows["event_time"].isin(written["event_time"])].reset_index(drop=True)
    key = list(written.columns[:2])
    pd.testing.assert_frame_equal(
        kept.sort_values(key).tail(1).reset_index(drop=True),
        written.sort_values(key).tail(1).reset_index(drop=True),
    )


def test_policy_with_empty_cells_comes_back_as_it_was(backend: Backend, tmp_path: Path) -> None:
    store = WarehouseExternalStore(backend.warehouse)
    config = ExternalConfig(policy={"path": str(tmp_path), "required": True})
    events = "published_at,kind,sign,intensity\n"
    events += "2023-10-02T18:00:00Z,tariff,-1,0.5\n2023-10-03,fed,0,0.1\n2023-10-03,fed,0,0.1001\n"
    days = "date,sentiment,trump_mentions,trump_procurement_alert\n"
    days += "2023-10-02,,3,true\n2023-10-03,0.5,,\n"
    (tmp_path / "days.csv").write_text(days, encoding="utf-8")
    (tmp_path / "events.csv").write_text(events, encoding="utf-8")
    loaded = load_external(config, store, NOW)
    store.write(loaded.records)
    rows = store.rows("raw_intelligence.policy_events")
    key = ["series_id", "event_time"]
    written = loaded.records.tables["raw_intelligence.policy_events"][rows.columns]
    pd.testing.assert_frame_equal(
        rows.sort_values(key, ignore_index=True), written.sort_values(key, ignore_index=True)
    )
    assert len(rows) == 5
    again = load_external(config, store, NOW + pd.Timedelta(days=1))
    assert not again.records.tables
    # One kind gets a row; the rows of the others are not written again.
    more = events + "2023-10-04T18:00:00Z,tariff,-1,0.7\n"
    (tmp_path / "events.csv").write_text(more, encoding="utf-8")
    added = load_external(config, store, NOW + pd.Timedelta(days=2)).records
    assert set(added.tables["raw_intelligence.policy_events"]["series_id"]) == {"tariff"}
    store.write(added)
    assert len(store.rows("raw_intelligence.policy_events")) == 6


def test_two_sources_keep_their_rows_in_one_table(backend: Backend, tmp_path: Path) -> None:
    """WASDE and export sales: a load of one leaves the other as it was, on and off."""
    store = WarehouseExternalStore(backend.warehouse)
    wasde, sales = tmp_path / "wasde.parquet", tmp_path / "sales.csv"
    table = "raw_intelligence.usda_granular"

    def balance(value: float, day: str) -> None:
        figure = {"commodity": "soybean_oil", "attribute": "ending_stocks", "value": value}
        released = pd.Timestamp(day)
        year = {"marketing_year": "2022/23", "forecast_month": f"{released:%b}"}
        pd.DataFrame([figure | year | {"release_datetime": released}]).to_parquet(wasde)

    def weeks(last: int) -> None:
        head = "commodity,week ending,weekly exports,accumulated exports,outstanding sales,"
        lines = [head + "net sales,next MY outstanding sales,next MY net sales"]
        lines += [f"902,2023-10-{day:02d},1,{day},2,3,4,5" for day in range(5, last + 1, 7)]
        sales.write_text("\n".join([*lines, ""]), encoding="utf-8")

    def load(days: int, **on: Path) -> Loaded:
        sections = {name: {"path": str(path), "required": True} for name, path in on.items()}
        config = ExternalConfig.model_validate(sections)
        loaded = load_external(config, store, NOW + pd.Timedelta(days=days))
        store.write(loaded.records)
        return loaded

    def part(begins: str) -> pd.DataFrame:
        rows = store.rows(table)
        own = rows[rows["series_id"].str.startswith(begins)]
        return own.sort_values(["series_id", "event_time", "vintage"], ignore_index=True)

    balance(1602.0, "2023-10-12 12:00")
    weeks(12)
    load(0, usda=wasde, export_sales=sales)
    assert len(part("soybean_oil.")) == 1
    assert len(part("export_sales.")) == 12
    before = part("soybean_oil.")
    weeks(19)
    load(7, export_sales=sales)
    pd.testing.assert_frame_equal(part("soybean_oil."), before)
    before = part("export_sales.")
    assert len(before) == 18
    balance(1570.0, "2023-11-09 12:00")
    load(21, usda=wasde)
    pd.testing.assert_frame_equal(part("export_sales."), before)
    assert len(part("soybean_oil.")) == 2
    assert not load(22, usda=wasde, export_sales=sales).records.tables
