"""Past evenings: equal to what is stored, and what does not belong to them is found."""

import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from leak_scene import Scene
from pydantic import ValidationError

from soyoil.base.errors import ConfigError
from soyoil.external.registry import SOURCES
from soyoil.features.groups import positioning
from soyoil.features.outside import OutsideView
from soyoil.features.registry import features_of
from soyoil.leakage.compare import as_stored, differences, same_cells
from soyoil.leakage.config import ReplayConfig
from soyoil.leakage.replay import check_asof, evening_of, replay, revised

DAY = dt.date(2019, 3, 13)  # a Wednesday: between the day of a report and its release
"""The evening of most tests."""


def test_an_evening_comes_out_as_it_is_stored(scene: Scene) -> None:
    found = replay(DAY, scene.material, scene.matrix)
    assert found.passed
    assert len(found.differing) == 0
    known = scene.matrix[scene.matrix["known_at"] <= found.evening.moment]
    assert found.rows == len(known)
    # The row of the evening is there for the target, and for CL, which trades on, it is not.
    last = known.groupby("symbol")["data_date"].max()
    assert last["ZL"] == last["ZS"] == pd.Timestamp(DAY)
    assert last["CL"] == pd.Timestamp("2019-03-12")
    # Saturday: the evening of Friday.
    own = scene.matrix[scene.matrix["symbol"] == "ZL"]
    assert str(evening_of(dt.date(2019, 3, 16), own)) == "2019-03-15"


def test_what_was_not_known_is_not_in_the_rebuild(scene: Scene) -> None:
    own = scene.matrix[scene.matrix["symbol"] == "ZL"]
    moment = evening_of(DAY, own).moment
    then = scene.material.known(moment)
    bars = then.batch.bars
    assert (bars["ts_event"] < moment).all()
    late = bars[bars["symbol"] == "CL"]
    assert (late["ts_event"] + pd.Timedelta(hours=1) <= moment).all()
    assert all((rows["known_at"] <= moment).all() for rows in then.tables.values())
    assert all(len(rows) < len(scene.material.tables[n]) for n, rows in then.tables.items())


def without_outside(matrix: pd.DataFrame) -> pd.DataFrame:
    """The matrix of a run without outside sources."""
    return matrix.assign(**{s.name: np.nan for s in features_of("external")})


def test_a_cell_that_is_one_bit_off_is_an_error(scene: Scene) -> None:
    stored = scene.matrix.copy()
    at = stored.index[(stored["symbol"] == "ZL") & (stored["data_date"] == "2019-03-12")][0]
    name = "market_data.rsi_14"
    stored.loc[at, name] = np.nextafter(stored.loc[at, name], 0)
    found = replay(DAY, scene.bars_only(), without_outside(stored.drop(index=at - 1)))
    assert not found.passed
    row, cell = found.unexplained.to_dict("records")
    assert (row["column"], row["symbol"]) == ("(row)", "ZL")
    assert (cell["column"], cell["symbol"]) == (name, "ZL")
    assert cell["stored"] != cell["rebuilt"]


def dated_later(scene: Scene) -> dict[str, pd.DataFrame]:
    """Rates whose publisher has dated the values of the last days a year later."""
    rates = scene.material.tables["fred"]
    days = pd.DatetimeIndex(["2019-03-08", "2019-03-11", "2019-03-12"], tz="UTC")
    first = (rates["series_id"] == "DGS10") & rates["event_time"].isin(days)
    first &= rates["vintage"] == "undated"
    later = rates[first].assign(
        vintage="2019-08-01", known_at=pd.Timestamp("2019-08-01 20:15", tz="UTC").as_unit("us")
    )
    later["value"] += 1.0
    assert 0 < len(later) <= 3
    return {**scene.material.tables, "fred": pd.concat([rates, later], ignore_index=True)}


def test_only_new_dates_of_a_value_account_for_a_difference(scene: Scene) -> None:
    material = replace(scene.material, tables=dated_later(scene))
    stored = as_stored(material.matrix(scene.sessions))
    found = replay(DAY, material, stored)
    assert found.passed
    assert len(found.differing) > 0
    assert set(found.differing["column"].str.partition(".")[0]) == {"macro"}
    listed = found.revisions[found.revisions["source"] == "fred"]
    assert {"2019-03-11"} <= set(listed.loc[listed["series"] == "DGS10", "reference_day"])
    assert (listed["now"] - listed["then"]).round(6).isin([1.0, 7.0]).all()
    # The same with another cell that nothing accounts for.
    at = stored.index[(stored["symbol"] == "ZL") & (stored["data_date"] == DAY.isoformat())][0]
    stored.loc[at, "macro.vix"] = 99.0
    wrong = replay(DAY, material, stored)
    assert wrong.unexplained["column"].tolist() == ["macro.vix"]


@pytest.mark.slow
def test_a_leak_is_never_taken_for_a_revision(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reports that are used on their own day differ although vintages came later too."""
    true = positioning.view_of

    def early(name: str, tables: Any) -> OutsideView | None:
        view = true(name, tables)
        assert view is not None
        moved = view.rows.assign(known_at=view.rows[["known_at", "event_time"]].min(axis=1))
        return OutsideView(view.source, moved)

    monkeypatch.setattr(positioning, "view_of", early)
    material = replace(scene.material, tables=dated_later(scene))
    found = replay(DAY, material, as_stored(material.matrix(scene.sessions)))
    assert not found.passed
    assert set(found.unexplained["column"].str.partition(".")[0]) == {"positioning"}


def test_revisions_are_listed_by_series_and_day() -> None:
    moments = pd.to_datetime(["2020-01-03", "2020-01-03", "2020-02-01", "2020-03-01"], utc=True)
    days = pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-01", "2020-01-15"], utc=True)
    rows = pd.DataFrame(
        {
            "series_id": ["A"] * 4,
            "event_time": days.as_unit("us"),
            "known_at": moments.as_unit("us"),
            "vintage": ["undated", "undated", "seen 2020-02-01", "undated"],
            "value": [1.0, 2.0, 1.5, 9.0],
        }
    )
    found = revised(SOURCES["fred"], rows, pd.Timestamp("2020-01-10", tz="UTC"))
    assert found.to_numpy().tolist() == [
        ["fred", "A", "2020-01-01", "value", 1.0, "2020-01-03 00:00", 1.5, "2020-02-01 00:00"]
    ]


def test_cells_are_compared_to_the_bit(scene: Scene) -> None:
    one = pd.Series([0.0, np.nan, 1.0, np.nan])
    other = pd.Series([-0.0, np.nan, 1.0, 2.0])
    assert same_cells(one, other).tolist() == [False, True, True, False]
    flags = pd.Series([True, None, False], dtype="boolean")
    assert same_cells(flags, pd.Series([True, None, None], dtype="boolean")).tolist() == [
        True, True, False,
    ]  # fmt: skip
    part = scene.matrix.head(3)
    assert differences(part, part.iloc[::-1]).empty
    assert differences(part, part.head(2))["column"].tolist() == ["(row)"]


def test_evenings_are_dates_within_the_data() -> None:
    assert ReplayConfig.model_validate({"asof": "2021-06-30+2022-01-03"}).asof == (
        dt.date(2021, 6, 30),
        dt.date(2022, 1, 3),
    )
    assert ReplayConfig.model_validate({"asof": dt.date(2021, 6, 30)}).asof == (
        dt.date(2021, 6, 30),
    )
    assert ReplayConfig.model_validate({"asof": None}).asof == ()
    for wrong in ("soon", "2021-06-31", 20210630, "20210630", True, ["2021-06-30", 5]):
        with pytest.raises(ValidationError):
            ReplayConfig.model_validate({"asof": wrong})
    dates = pd.Series(pd.DatetimeIndex(["2020-01-02", "2020-01-06"]))
    check_asof((dt.date(2020, 1, 4),), dates)
    for day, words in (("2020-01-01", "before the first"), ("2020-01-07", "after the last")):
        with pytest.raises(ConfigError, match=words):
            check_asof((dt.date.fromisoformat(day),), dates)
    with pytest.raises(ConfigError, match="is not set"):
        check_asof((), dates)
