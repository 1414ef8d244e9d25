"""Palm oil, implied volatility and policy as features: known when they were known."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from outside_tables import LOADED
from own_tables import (
    daily_price,
    daily_row,
    days,
    event,
    own_tables,
    pink_sheet,
    policy,
    random_policy,
    volatility,
)
from test_outside import first_seen, rows_on

from soyoil.external.config import ExternalConfig
from soyoil.external.load import load_external
from soyoil.external.readers.palm import PALM, RAPESEED, SOYBEAN, SUNFLOWER
from soyoil.external.readers.volatility import OVX, VIX
from soyoil.external.readers.volatility import ZL as ZL_30D
from soyoil.external.store import NoExternalStore
from soyoil.features.matrix import build_matrix, outside_features

CLOSE, REALISED = "market_data.close", "market_data.volatility_21d"


@pytest.mark.parametrize(
    ("month", "row"),
    [
        ("2023-09-01", "2023-10-11"),  # known on Tuesday the 10th after the close
        ("2023-08-01", "2023-09-12"),  # the 10th is a Sunday
        ("2023-10-01", "2023-11-14"),  # the 10th is Veterans Day, observed on a Friday
    ],
)
def test_a_month_of_the_pink_sheet_is_first_seen(month: str, row: str) -> None:
    rows = rows_on("2023-09-01", "2023-12-29", ("ZL", "ZS")).assign(**{CLOSE: 50.0})
    found = outside_features(rows, {"palm": pink_sheet(PALM, days(month), 861.0)})
    zl = rows["symbol"] == "ZL"
    spread = 50 * 22.0462 - 861
    assert first_seen(found[zl], rows[zl], "vegoils.palm_spread", spread) == row
    assert found.loc[~zl, "vegoils.palm_spread"].isna().all()
    age = found.loc[~zl, "vegoils.staleness_days_monthly"].dropna()
    assert age.iloc[0] == (pd.Timestamp(row) - pd.Timestamp(month)).days
    assert age.max() <= 80
    assert len(age) < zl.sum()


def test_palm_oil_against_its_rivals() -> None:
    months = days("2023-05-01", "2023-06-01", "2023-07-01", "2023-08-01")
    table = pd.concat(
        [
            pink_sheet(PALM, months, [900.0, 800.0, 850.0, 860.0]),
            pink_sheet(SOYBEAN, months, [1000.0, 1001.0, 1100.0, 1120.0]),
            pink_sheet(RAPESEED, months[2:], [1000.0, 1050.0]),
            pink_sheet(SUNFLOWER, months[:3], [900.0, 900.0, 950.0]),
        ]
    )
    rows = rows_on("2023-09-12", "2023-09-12").assign(**{CLOSE: 60.0})
    found = outside_features(rows, {"palm": table}).iloc[0]
    want = {
        "palm_spread": 60 * 22.0462 - 860,
        "zl_palm_log_ratio": math.log(60 * 22.0462 / 860),
        "soybean_palm_log_ratio": math.log(1120 / 860),
        "soybean_palm_log_ratio_change_3m": math.log(1120 / 860) - math.log(1000 / 900),
        "palm_log_change_3m": math.log(860 / 900),
        "soybean_rapeseed_log_ratio": math.log(1120 / 1050),
        # Of sunflower oil August is missing: not the same month.
        "soybean_sunflower_log_ratio": math.nan,
        "palm_spread_daily": math.nan,
    }
    got = [float(found[f"vegoils.{name}"]) for name in want]
    np.testing.assert_allclose(got, list(want.values()))
    # Without June the month 3 values before is April's, 4 months back: no change.
    gap = pd.concat(
        [table[table["event_time"].dt.month != 6], pink_sheet(PALM, days("2023-04-01"), 700.0)]
    )
    lost = outside_features(rows, {"palm": gap}).iloc[0]
    assert math.isnan(lost["vegoils.palm_log_change_3m"])
    assert lost["vegoils.palm_spread"] == want["palm_spread"]


def test_a_daily_price_of_tuesday_is_on_the_row_of_thursday() -> None:
    rows = rows_on("2023-09-25", "2023-09-29").assign(**{CLOSE: 60.0})
    found = outside_features(rows, {"palm": daily_price(days("2023-09-26"), 800.0)})
    spread = 60 * 22.0462 - 800
    assert first_seen(found, rows, "vegoils.palm_spread_daily", spread) == "2023-09-28"
    assert found["vegoils.palm_spread"].isna().all()


def test_implied_volatility_of_tuesday_is_on_the_row_of_thursday() -> None:
    at = days("2023-09-19", "2023-09-20", "2023-09-21", "2023-09-22", "2023-09-25", "2023-09-26")
    zl = volatility(ZL_30D, at, [30.0, 30.0, 30.0, 31.0, 32.0, 34.0])
    table = pd.concat([zl, volatility(OVX, at[5:], 36.0), volatility(VIX, at[5:], 18.0)])
    rows = rows_on("2023-09-25", "2023-09-29", ("ZL", "ZS")).assign(**{REALISED: 0.17})
    found = outside_features(rows, {"volatility": table})
    own = rows["symbol"] == "ZL"
    assert first_seen(found[own], rows[own], "implied.zl_30d", 34.0) == "2023-09-28"
    thursday = found[rows["data_date"] == "2023-09-28"].astype("float64")
    for _, row in thursday.iterrows():
        assert row["implied.zl_30d_change_5d"] == 4.0
        assert row["implied.ovx"] == 36.0
        assert row["implied.staleness_days_ovx"] == 2
        np.testing.assert_allclose(row["implied.ovx_vix_log_ratio"], math.log(2))
    ratio = thursday["implied.zl_implied_realised"].to_numpy()
    # Twice the volatility is four times the variance.
    np.testing.assert_allclose(ratio, [math.log(4), math.nan])
    zero = outside_features(rows.assign(**{REALISED: 0.0}), {"volatility": table})
    assert zero["implied.zl_implied_realised"].isna().all()


def test_the_matrix_sets_its_own_close_and_volatility_against_them(make_sessions: Any) -> None:
    sessions = make_sessions(3, 80)
    last = sessions["data_date"].max().to_datetime64().astype("datetime64[D]")
    month = (last.astype("datetime64[M]") - 2).astype("datetime64[D]").reshape(1)
    at = (last - 4).reshape(1)
    tables = {
        "palm": pink_sheet(PALM, month, 800.0),
        "volatility": volatility(ZL_30D, at, 30.0),
    }
    matrix = build_matrix(sessions, outside=tables)
    row = matrix[matrix["symbol"] == "ZL"].iloc[-1]
    np.testing.assert_allclose(row["vegoils.palm_spread"], row[CLOSE] * 22.0462 - 800)
    np.testing.assert_allclose(
        row["implied.zl_implied_realised"], 2 * math.log(0.3 / row[REALISED])
    )
    others = matrix[matrix["symbol"] != "ZL"]
    assert others[["vegoils.palm_spread", "implied.zl_implied_realised"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("published", "row"),
    [
        ("2025-04-02 13:00-05:00", "2025-04-02"),
        ("2025-04-02 13:20-05:00", "2025-04-02"),
        ("2025-04-02 14:00-05:00", "2025-04-03"),
        ("2025-04-02", "2025-04-03"),  # a day is over at 12:00 UTC of the next
        ("2025-04-04", "2025-04-07"),
    ],
)
def test_an_event_is_first_seen(published: str, row: str) -> None:
    rows = rows_on("2025-03-31", "2025-04-11")
    found = outside_features(rows, {"policy": policy(event(published))})
    seen = rows.loc[found["policy.signed_score"].notna(), "data_date"]
    assert f"{seen.iloc[0]:%Y-%m-%d}" == row
    assert found.loc[rows["data_date"] < row].isna().all(axis=None)
    since = found["policy.days_since_event"].dropna()
    assert since.iloc[0] == (pd.Timestamp(row) - pd.Timestamp(published[:10])).days


def test_a_day_without_events_is_zero_only_where_events_are_known() -> None:
    tables = {
        "policy": policy(
            event("2025-01-06 15:00Z", "tariff"),
            event("2025-01-20 15:00Z", "biofuel", 1, 0.5),
            event("2025-06-02 15:00Z", "tariff"),
        )
    }
    rows = rows_on("2025-01-02", "2025-07-31")
    found = outside_features(rows, tables).set_axis(rows["data_date"]).astype("float64")
    week, month = found["policy.events_7d_tariff"], found["policy.events_30d_tariff"]
    assert week.loc[:"2025-01-10"].isna().all()  # the week is not whole before January 13th
    assert week.loc["2025-01-13":"2025-02-18"].eq(0).all()
    assert month.loc[:"2025-02-04"].isna().all()
    assert month.loc["2025-02-05":"2025-02-18"].eq(0).all()
    # 30 days after the last event nobody says that nothing happened.
    assert week.loc["2025-02-19":"2025-06-06"].isna().all()
    assert month.loc["2025-02-19":"2025-07-01"].isna().all()
    assert found.loc["2025-02-19":"2025-05-30"].isna().all(axis=None)
    # A kind that the file has not had is not known to be none.
    biofuel = found["policy.events_7d_biofuel"]
    assert biofuel.loc[:"2025-01-17"].isna().all()
    assert biofuel.loc["2025-01-20":"2025-01-24"].eq(1).all()
    assert found["policy.events_7d_fed"].isna().all()
    assert found["policy.days_since_event"].loc["2025-02-18"] == 29


def test_a_score_loses_half_every_five_days() -> None:
    tables = {
        "policy": policy(
            event("2025-04-01 18:20Z", "tariff", -1, 0.8),
            event("2025-04-06 18:20Z", "biofuel", 1, 0.4),
            event("2025-04-11 18:20Z", "fed", 0, 1.0),
        )
    }
    rows = rows_on("2025-04-11", "2025-04-11")
    found = outside_features(rows, tables).iloc[0]
    np.testing.assert_allclose(found["policy.signed_score"], -0.8 / 4 + 0.4 / 2)
    np.testing.assert_allclose(found["policy.tariff_intensity"], 0.8 / 4)
    np.testing.assert_allclose(found["policy.biofuel_intensity"], 0.4 / 2)
    assert found["policy.events_7d_fed"] == 1


def test_daily_fields_keep_their_names_and_end() -> None:
    tables = {
        "policy": policy(
            *(
                daily_row(
                    f"2025-04-{day:02d}", trump_action_prob=0.1 * day, trump_mentions=day,
                    trump_procurement_alert=day % 2, mentions=10, sentiment=day / 10,
                )
                for day in range(1, 9)
            )
        )
    }  # fmt: skip
    rows = rows_on("2025-04-01", "2025-04-18")
    found = outside_features(rows, tables).set_axis(rows["data_date"])
    assert found.loc["2025-04-01"].isna().all()
    np.testing.assert_allclose(found.loc["2025-04-08", "policy.trump_action_prob"], 0.7)
    assert found.loc["2025-04-08", "policy.trump_mentions"] == 7
    assert found["policy.trump_procurement_alert"].dropna().loc["2025-04-08"]
    assert found.loc["2025-04-08", "policy.mentions_7d"] == 70
    np.testing.assert_allclose(found.loc["2025-04-08", "policy.sentiment_7d"], 0.4)
    np.testing.assert_allclose(found.loc["2025-04-14", "policy.sentiment_7d"], 0.75)
    assert found.loc["2025-04-14", "policy.mentions_7d"] == 20
    assert found.loc["2025-04-15", "policy.staleness_days_daily"] == 7
    assert found.loc["2025-04-16":].isna().all(axis=None)
    assert found["policy.signed_score"].isna().all()
    assert found["policy.trump_score"].isna().all()


def test_policy_matches_the_slow_way() -> None:
    table = random_policy(np.random.default_rng(3), "2024-01-03", 300)
    rows = rows_on("2024-01-01", "2024-10-31").iloc[::3].reset_index(drop=True)
    found = outside_features(rows, {"policy": table}).astype("float64")
    day = pd.Timedelta(days=1)
    want = []
    for decision in rows["decision_time"]:
        out: dict[str, float] = dict.fromkeys(found.columns, math.nan)
        known = table[(table["known_at"] <= decision) & (table["series_id"] != "daily")]
        first = known.sort_values("known_at").groupby(["series_id", "event_time"]).head(1)
        moments = sorted(first["known_at"])
        known = known.sort_values("known_at").groupby(["series_id", "event_time"]).tail(1)
        if moments and decision - moments[-1] <= 30 * day:
            begin = moments[-1]
            for moment in reversed(moments):
                if begin - moment > 30 * day:
                    break
                begin = moment
            ages = (decision - known["event_time"]) / day
            weight = known["intensity"] * 0.5 ** (ages / 5) * (ages < 30)
            out["policy.signed_score"] = float((known["sign"] * weight).sum())
            for kind in set(known["series_id"]):
                of = known["series_id"] == kind
                if kind in ("tariff", "biofuel"):
                    out[f"policy.{kind}_intensity"] = float(weight[of].sum())
                for span in (7, 30):
                    if decision - begin >= span * day:
                        out[f"policy.events_{span}d_{kind}"] = float((ages[of] < span).sum())
        want.append(out)
    names = [n for n in found if n.startswith(("policy.signed", "policy.events"))]
    names += ["policy.tariff_intensity", "policy.biofuel_intensity"]
    expected = pd.DataFrame(want)[names].to_numpy()
    np.testing.assert_allclose(found[names].to_numpy(), expected, atol=1e-12)
    assert found[names].notna().any().all()
    assert found[names].isna().any().all()


def test_nothing_known_later_changes_a_row() -> None:
    tables = own_tables(np.random.default_rng(4))
    rows = rows_on("2024-01-02", "2024-08-30", ("ZL", "ZS")).iloc[::2].reset_index(drop=True)
    rows = rows.assign(**{CLOSE: 50.0, REALISED: 0.2})
    whole = outside_features(rows, tables)
    for cut in ("2024-03-05", "2024-07-18"):
        end = pd.Timestamp(f"{cut} 23:00", tz="UTC")
        known = {name: part[part["known_at"] <= end] for name, part in tables.items()}
        upto = rows["data_date"] <= cut
        pd.testing.assert_frame_equal(
            outside_features(rows[upto], known), whole[upto], check_exact=True
        )


@pytest.mark.real_data
def test_real_palm_oil_is_known_on_every_row(databento_dir: Path) -> None:
    path = databento_dir.parent / "worldbank" / "cmo_monthly.csv"
    config = ExternalConfig(palm={"path": str(path), "required": True})
    tables = load_external(config, NoExternalStore(), LOADED).records.tables
    rows = rows_on("2010-06-07", "2023-12-29").assign(**{CLOSE: 50.0})
    found = outside_features(rows, {"palm": tables["raw_intelligence.palm_oil_daily"]})
    monthly = [
        "palm_spread", "zl_palm_log_ratio", "soybean_palm_log_ratio", "palm_log_change_3m",
        "soybean_palm_log_ratio_change_3m", "soybean_rapeseed_log_ratio",
        "soybean_sunflower_log_ratio", "staleness_days_monthly",
    ]  # fmt: skip
    assert found[[f"vegoils.{name}" for name in monthly]].notna().all(axis=None)
    ratio = found["vegoils.soybean_palm_log_ratio"]
    assert ratio.between(-0.2, 0.6).all()
    # The price of September 2023 is seen from October 11th on.
    at = rows["data_date"] == "2023-10-10"
    assert found.loc[at, "vegoils.staleness_days_monthly"].item() == 70
    at = rows["data_date"] == "2023-10-11"
    assert found.loc[at, "vegoils.staleness_days_monthly"].item() == 40
