"""Features of outside sources: known when they were known, and as they were known."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from outside_tables import LOADED, LONG, cot, fred, random_tables, raw

from soyoil.base.errors import ConfigError
from soyoil.contracts.contract import load_contract
from soyoil.external.config import ALL_OFF, ExternalConfig
from soyoil.external.load import load_external, staleness_of
from soyoil.external.readers.cftc import DISAGGREGATED, LEGACY, Report
from soyoil.external.registry import GROUPS, SOURCES
from soyoil.external.store import NoExternalStore
from soyoil.features.matrix import build_matrix, outside_features
from soyoil.features.outside import present, refuse_off
from soyoil.features.registry import features_of
from soyoil.models.arrays import feature_names, horizon_arrays
from soyoil.params import TargetConfig
from soyoil.pipelines.features.nodes import compute_features
from soyoil.sources.base import SourceConfig
from soyoil.sources.identity import identity_differences, market_identity

NET = "positioning.noncommercial_net_share"
NETS = {LEGACY.name: NET, DISAGGREGATED.name: "managed_money.net_share"}
"""The net share that `cot` sets, by report."""
REPORTS = pytest.mark.parametrize("report", [LEGACY, DISAGGREGATED], ids=lambda r: r.name)


def rows_on(first: str, last: str, symbols: tuple[str, ...] = ("ZL",)) -> pd.DataFrame:
    """Matrix rows of every weekday; decisions at 13:20 in Chicago."""
    days = pd.bdate_range(first, last, unit="us")
    at = (days + pd.Timedelta(hours=13, minutes=20)).tz_localize("America/Chicago")
    parts = [
        pd.DataFrame(
            {
                "symbol": pd.Series([symbol] * len(days), dtype="str"),
                "data_date": days,
                "decision_time": at.tz_convert("UTC").as_unit("us"),
            }
        )
        for symbol in symbols
    ]
    return pd.concat(parts, ignore_index=True)


def first_seen(frame: pd.DataFrame, rows: pd.DataFrame, column: str, value: float) -> str:
    """Trade date of the first row with a value."""
    at = np.flatnonzero(np.isclose(frame[column].to_numpy(dtype="float64"), value))
    return f"{rows['data_date'].iloc[at[0]]:%Y-%m-%d}"


@REPORTS
@pytest.mark.parametrize(
    ("day", "row"),
    [
        ("2023-09-26", "2023-10-02"),  # released on Friday after the close
        ("2023-04-04", "2023-04-10"),  # on Good Friday
        ("2023-11-21", "2023-11-28"),  # on the Monday after Thanksgiving, after the close
        ("2023-01-24", "2023-01-30"),
        ("2023-01-31", "2023-02-27"),  # the outage of 2023
        ("2018-12-24", "2019-02-04"),  # the shutdown of 2018-19
        ("2013-10-01", "2013-10-31"),  # the shutdown of 2013, an upper bound
    ],
)
def test_a_report_is_first_seen(report: Report, day: str, row: str) -> None:
    days = np.array([day], dtype="datetime64[D]")
    net = NETS[report.name]
    rows = rows_on(str(days[0] - 5), str(days[0] + 60))
    # An age beyond the cap hides a late report until it is known, and from then on if it is old.
    tables = {report.name: cot(days, np.array([70]), report=report)}
    known = report.known_at(days).iloc[0]
    seen = rows["decision_time"] >= known
    assert f"{rows.loc[seen, 'data_date'].iloc[0]:%Y-%m-%d}" == row
    found = outside_features(rows, tables)
    assert found.loc[~seen, net].isna().all()
    if pd.Timestamp(row) - pd.Timestamp(day) <= pd.Timedelta(days=21):
        assert first_seen(found, rows, net, 0.07) == row


def test_the_history_of_the_disaggregated_report_is_first_seen_when_it_came() -> None:
    reports = np.arange("2008-01-01", "2009-10-14", 7, dtype="datetime64[D]")
    tables = {"cftc_disaggregated": cot(reports, np.full(len(reports), 70), report=DISAGGREGATED)}
    rows = rows_on("2009-08-31", "2009-10-23", ("ZL", "ES"))
    found = outside_features(rows, tables)[rows["symbol"] == "ZL"]
    found = found.set_axis(rows.loc[rows["symbol"] == "ZL", "data_date"])
    net, rank = NETS["cftc_disaggregated"], "managed_money.net_share_percentile"
    # The report of September 1st came on Friday the 4th, after the close.
    assert f"{found[net].first_valid_index():%F}" == "2009-09-07"
    assert f"{found['managed_money.net_share_change_4w'].first_valid_index():%F}" == "2009-10-05"
    # Only with the history there are 52 reports to rank among.
    assert f"{found[rank].first_valid_index():%F}" == "2009-10-21"
    # Financial futures are in another report.
    own = [name for name in found.columns if name.startswith("managed_money.")]
    others = outside_features(rows, tables).loc[rows["symbol"] == "ES", own]
    assert others.isna().all(axis=None)


@pytest.mark.parametrize(
    ("series", "column", "day", "row"),
    [
        ("DGS10", "rate_10y", "2023-09-26", "2023-09-28"),
        ("DGS10", "rate_10y", "2023-09-29", "2023-10-03"),
        ("VIXCLS", "vix", "2023-11-22", "2023-11-27"),
    ],
)
def test_a_daily_value_is_first_seen(series: str, column: str, day: str, row: str) -> None:
    days = np.array([day], dtype="datetime64[D]")
    rows = rows_on("2023-09-01", "2023-12-29")
    found = outside_features(rows, {"fred": fred(series, days, np.array([4.5]))})
    assert first_seen(found, rows, f"macro.{column}", 4.5) == row


def test_prices_are_compared_with_the_year_before_only_once_they_are_out() -> None:
    months = np.arange("2022-01", "2023-10", dtype="datetime64[M]").astype("datetime64[D]")
    index = 100 * 1.002 ** np.arange(len(months))
    index[-2] *= 1.01
    rows = rows_on("2023-06-01", "2023-11-30")
    found = outside_features(rows, {"fred": fred("CPIAUCSL", months, index)})
    usual, august = 1.002**12 - 1, 1.01 * 1.002**12 - 1
    got = found["macro.cpi_yoy"].set_axis(rows["data_date"])
    np.testing.assert_allclose(got.loc[:"2023-10-02"], usual)
    # August is known on Monday October 2nd after the close.
    np.testing.assert_allclose(got.loc["2023-10-03":"2023-10-31"], august)
    np.testing.assert_allclose(got.loc["2023-11-01":], usual)
    # Without the month of the year before there is no rate.
    gap = fred("CPIAUCSL", np.delete(months, 7), np.delete(index, 7))
    lost = outside_features(rows, {"fred": gap})["macro.cpi_yoy"].set_axis(rows["data_date"])
    assert lost.loc["2023-10-03":"2023-10-31"].isna().all()
    assert lost.loc["2023-11-01":].notna().all()


def test_a_revised_value_shows_the_old_one_until_it_is_revised() -> None:
    rows = cot(np.array(["2023-09-26"], dtype="datetime64[D]"), np.array([70]))
    late = pd.Timestamp("2023-10-04 12:00", tz="UTC").as_unit("us")
    revised = rows.assign(noncommercial_long=190, known_at=late, vintage="seen 2023-10-04")
    at = rows_on("2023-10-02", "2023-10-06")
    found = outside_features(at, {"cftc": pd.concat([revised, rows], ignore_index=True)})
    np.testing.assert_allclose(found[NET].astype("float64"), [0.07, 0.07, 0.09, 0.09, 0.09])


def test_a_value_that_is_too_old_is_null_and_counted() -> None:
    days = np.array(["2023-09-26"], dtype="datetime64[D]")
    rows = rows_on("2023-10-02", "2023-10-31")
    found = outside_features(rows, {"cftc": cot(days, np.array([70]))})
    age = (rows["data_date"] - pd.Timestamp("2023-09-26")).dt.days
    fresh = age <= 21
    assert found["positioning.staleness_days"][fresh].tolist() == age[fresh].tolist()
    assert found.loc[~fresh].isna().all(axis=None)
    newest = pd.Timestamp("2023-10-31")
    (warning,) = staleness_of(SOURCES["cftc"], cot(days, np.array([70])), newest)
    assert "ends on 2023-09-26, 35 days before the newest session" in warning
    assert staleness_of(SOURCES["cftc"], cot(days, np.array([70])), newest.replace(day=2)) == ()


def history_by_hand(rows: pd.DataFrame, decision: pd.Timestamp) -> pd.DataFrame:
    """Each reference day's last vintage known at a decision, the slow way."""
    known = rows[rows["known_at"] <= decision].sort_values("known_at")
    return known.groupby("event_time").tail(1).sort_values("event_time")


def of_series(tables: dict[str, pd.DataFrame], name: str, at: pd.Series) -> tuple[list[Any], float]:
    """Values and age of a FRED series at a row, the slow way; none where it is too old."""
    rows = tables["fred"]
    seen = history_by_hand(rows[rows["series_id"] == name], at["decision_time"])
    if seen.empty:
        return [], math.nan
    age = (at["data_date"] - seen["event_time"].iloc[-1].tz_localize(None)).days
    if age > (110 if name == "CPIAUCSL" else 14):
        return [], math.nan
    days = seen["event_time"].dt.tz_localize(None)
    return list(zip(days, seen["value"], strict=True)), age


def of_own_market(tables: dict[str, Any], report: Report, at: pd.Series) -> dict[str, float]:
    """Columns of a report of positions at a row, the slow way; none where it is too old."""
    market = {"ZL": "007601", "ZS": "005602"}.get(at["symbol"])
    reports = tables[report.name]
    seen = history_by_hand(reports[reports["market_code"] == market], at["decision_time"])
    if seen.empty:
        return {}
    age = (at["data_date"] - seen["event_time"].iloc[-1].tz_localize(None)).days
    if age > 21:
        return {}
    column, last = NETS[report.name], seen.iloc[-1]
    group = column.partition(".")[0]
    short = LONG[report.name].replace("long", "short")
    net = ((seen[LONG[report.name]] - seen[short]) / 1000).tolist()
    out = {f"{group}.staleness_days": age, column: net[-1]}
    others = {"cftc": ["commercial"], "cftc_disaggregated": ["producer", "swap_dealer"]}
    for kind in others[report.name]:
        out[f"{group}.{kind}_net_share"] = (last[f"{kind}_long"] - last[f"{kind}_short"]) / 1000
    for weeks, name in ((1, "change_1w"), (4, "change_4w")):
        if len(net) > weeks:
            out[f"{column}_{name}"] = net[-1] - net[-1 - weeks]
    if report is LEGACY and len(net) > 4:
        out["positioning.open_interest_log_change_4w"] = 0.0
    if len(net[-156:]) >= 52:
        out[f"{column}_percentile"] = sum(v <= net[-1] for v in net[-156:]) / len(net[-156:])
    return out


def test_features_match_the_slow_way() -> None:
    rng = np.random.default_rng(seed := 1)
    tables = random_tables(rng)
    rows = rows_on("2016-12-01", "2018-06-29", ("ZL", "ZS", "MES"))
    rows = rows.sample(130, random_state=seed).reset_index(drop=True)
    found = outside_features(rows, tables)
    want = []
    for _, at in rows.iterrows():
        out = dict.fromkeys(found.columns, math.nan)
        for report in (LEGACY, DISAGGREGATED):
            out |= of_own_market(tables, report, at)
        names = {"rates": "DGS10", "dollar": "DTWEXBGS", "cpi": "CPIAUCSL", "vix": "VIXCLS"}
        series = {name: of_series(tables, name, at) for name in (*names.values(), "DGS2")}
        for short, name in names.items():
            out[f"macro.staleness_days_{short}"] = series[name][1]
        ten, two = series["DGS10"][0], series["DGS2"][0]
        if ten:
            out["macro.rate_10y"] = ten[-1][1]
        if len(ten) > 21:
            out["macro.rate_10y_change_21d"] = ten[-1][1] - ten[-22][1]
        if ten and two and ten[-1][0] == two[-1][0]:
            out["macro.curve_2y_10y"] = ten[-1][1] - two[-1][1]
        dollar, vix, cpi = (series[name][0] for name in ("DTWEXBGS", "VIXCLS", "CPIAUCSL"))
        if len(dollar) > 21:
            out["macro.dollar_log_change_21d"] = math.log(dollar[-1][1] / dollar[-22][1])
        if vix:
            out["macro.vix"] = vix[-1][1]
        if len(vix) > 5:
            out["macro.vix_change_5d"] = vix[-1][1] - vix[-6][1]
        before = dict(cpi).get(cpi[-1][0] - pd.DateOffset(years=1) if cpi else None)
        if before is not None:
            out["macro.cpi_yoy"] = cpi[-1][1] / before - 1
        want.append(out)
    groups = ("positioning.", "managed_money.", "macro.")
    names = [name for name in found.columns if name.startswith(groups)]
    expected = pd.DataFrame(want)[names]
    got = found[names].astype("float64")
    np.testing.assert_allclose(got.to_numpy(), expected.to_numpy(), rtol=1e-9, atol=1e-12)
    assert got.notna().any().all()


def test_nothing_known_later_changes_a_row() -> None:
    tables = random_tables(np.random.default_rng(5))
    rows = rows_on("2017-02-01", "2018-06-29", ("ZL", "ZS"))
    whole = outside_features(rows, tables)
    for cut in ("2017-06-06", "2017-11-24", "2018-03-02"):
        end = pd.Timestamp(f"{cut} 23:00", tz="UTC")
        known = {name: part[part["known_at"] <= end] for name, part in tables.items()}
        upto = rows["data_date"] <= cut
        pd.testing.assert_frame_equal(
            outside_features(rows[upto], known), whole[upto], check_exact=True
        )


def test_without_sources_columns_are_null_and_models_do_not_get_them(make_sessions: Any) -> None:
    matrix = build_matrix(make_sessions(3, 80))
    names = [spec.name for spec in features_of("external")]
    assert {name.partition(".")[0] for name in names} == set(GROUPS)
    assert matrix[names].isna().all(axis=None)
    given = present(feature_names(), matrix)
    assert set(feature_names()) - set(given) == set(names) & set(feature_names())
    # Roots that are not configured stay, as ever: an engine draws from all columns it is given.
    assert matrix[[n for n in given if n.startswith("cross_asset.")]].isna().all().any()
    arrays = horizon_arrays(matrix, np.zeros(len(matrix)), 5)
    assert arrays.feature_names == given
    assert arrays.X.shape == (len(matrix), len(given))
    one = matrix.assign(**{NET: 0.1})
    assert set(present(feature_names(), one)) - set(given) == {NET}
    # A snapshot of an earlier version has no such columns at all.
    assert present(feature_names(), matrix.drop(columns=names)) == given


def wasde_by_hand(rows: pd.DataFrame, commodity: str, decision: pd.Timestamp) -> list[float]:
    """Stocks to use of each marketing year in its last release known, the slow way."""
    known = rows[rows["known_at"] <= decision]
    parts = []
    for name in ("ending_stocks", "use_total"):
        own = known[known["series_id"] == f"{commodity}.{name}"].sort_values("known_at")
        parts.append(own.groupby("event_time")["value"].last())
    return list((parts[0] / parts[1]).sort_index())


def test_supply_and_use_match_the_slow_way() -> None:
    tables = random_tables(np.random.default_rng(4))
    rows = rows_on("2016-03-01", "2018-06-15").iloc[::9].reset_index(drop=True)
    found = outside_features(rows, tables)
    for row, (_, at) in enumerate(rows.iterrows()):
        for short, commodity in (("oil", "soybean_oil"), ("soybean", "soybeans")):
            want = wasde_by_hand(tables["usda"], commodity, at["decision_time"])
            got = found[f"fundamentals.{short}_stocks_to_use"].iloc[row]
            change = found[f"fundamentals.{short}_stocks_to_use_change_1y"].iloc[row]
            np.testing.assert_allclose([got, change], [want[-1], want[-1] - want[-2]])


def test_wasde_is_seen_on_its_day_and_a_new_year_from_may_on() -> None:
    release = pd.Timestamp("2023-05-12 12:00", tz="America/New_York").tz_convert("UTC")
    old = pd.Timestamp("2023-04-11 12:00", tz="America/New_York").tz_convert("UTC")
    parts = []
    for known, year, stocks in (
        (old, "2022", 20.0),
        (release, "2022", 30.0),
        (release, "2023", 40.0),
    ):
        for name, value in (("ending_stocks", stocks), ("use_total", 100.0)):
            moment = pd.Series([known.as_unit("us")])
            rows = raw("series_id", f"soybean_oil.{name}", [f"{year}-10-01"], moment, value=value)
            parts.append(rows.assign(vintage=f"{known:%Y-%m-%d}"))
    rows = rows_on("2023-05-11", "2023-05-15")
    found = outside_features(rows, {"usda": pd.concat(parts, ignore_index=True)})
    np.testing.assert_allclose(found["fundamentals.oil_stocks_to_use"], [0.2, 0.4, 0.4])
    np.testing.assert_allclose(
        found["fundamentals.oil_stocks_to_use_change_1y"].to_numpy()[1:], [0.1, 0.1]
    )
    assert found["fundamentals.days_since_wasde"].tolist() == [30, 0, 3]


class Refusing:
    """A store that nothing may ask."""

    def rows(self, table: str) -> pd.DataFrame:
        raise AssertionError(table)


def test_a_source_that_is_off_is_not_read(make_sessions: Any) -> None:
    source = SourceConfig(symbols=("ZL",))
    built = compute_features(make_sessions(3, 60), source, TargetConfig(), ALL_OFF, Refusing())
    assert built[NET].isna().all()
    on = ExternalConfig(cftc={"path": "x"})
    with pytest.raises(AssertionError, match="cftc_positioning"):
        compute_features(make_sessions(3, 60), source, TargetConfig(), on, Refusing())


def test_rows_know_the_sources_they_were_made_with() -> None:
    source = SourceConfig(symbols=("ZL",))
    off, on = (market_identity(source, "ZL", names) for names in ((), ("cftc", "fred")))
    assert identity_differences(off, off) == identity_differences(on, on) == []
    assert identity_differences(on, off) == [
        "it was made with the outside sources cftc+fred, this run has none"
    ]
    assert len(identity_differences(off, on)) == 1
    assert "external" not in off


def test_a_group_without_values_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="'macro' in fit.feature_groups holds no value"):
        refuse_off(("pivots", "macro"), ("pivots",))
    refuse_off(("macro",), ("macro",))


def test_every_column_says_what_it_is() -> None:
    columns = load_contract("features.daily_ml_matrix").flat_columns()
    for declared in features_of("external"):
        assert columns[declared.name].unit
        assert columns[declared.name].nullable


@pytest.mark.real_data
def test_real_files_are_whole_and_plausible(databento_dir: Path) -> None:
    data = databento_dir.parent
    config = ExternalConfig(
        cftc={"path": str(data / "cftc" / "legacy_futures_only.csv"), "required": True},
        fred={"path": str(data / "fred"), "required": True},
        usda={"path": str(data / "usda" / "wasde_us_soy_vintages.parquet"), "required": True},
    )
    loaded = load_external(config, NoExternalStore(), LOADED)
    # The corrected release of 2008-10-28 says two things of one marketing year.
    assert loaded.rejected["source"].eq("usda").all()
    assert loaded.rejected["event_time"].str.startswith("2008-").all()
    assert len(loaded.rejected) == 50
    assert not loaded.warnings
    tables = {name: loaded.records.tables[SOURCES[name].table] for name in config.on()}
    rows = rows_on("2010-06-07", "2023-12-29")
    found = outside_features(rows, tables).set_axis(rows["data_date"]).astype("float64")
    macro = found[[name for name in found.columns if name.startswith("macro.")]]
    assert macro.notna().all(axis=None)
    wasde = found[[name for name in found.columns if name.startswith("fundamentals.")]]
    assert wasde.notna().all(axis=None)
    assert wasde["fundamentals.oil_stocks_to_use"].between(0.03, 0.25).all()
    # The release of October 2013 and that of January 2019 never came.
    assert wasde["fundamentals.days_since_wasde"].loc["2013-11-07"] == 56
    assert wasde["fundamentals.days_since_wasde"].loc["2023-12-08"] == 0
    # Only the shutdowns and the outage leave reports too old to be used.
    gone = found.index[found[NET].isna()]
    assert set(gone.year) == {2013, 2019, 2023}
    assert len(gone) < 80
    assert found.loc["2023-09-29", "positioning.staleness_days"] == 10
    assert found.loc["2023-10-02", "positioning.staleness_days"] == 6
