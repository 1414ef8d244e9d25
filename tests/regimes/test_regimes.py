"""Regime table, weights at a cutoff, effective sample size."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from soyoil.base.errors import RegimeError
from soyoil.regimes.table import (
    RegimeConfig,
    check_regimes,
    default_known_at,
    regime_frame,
    regime_hash,
)
from soyoil.regimes.weights import (
    RoleRows,
    effective_n,
    known_weights,
    label_regimes,
    sample_weights,
    weight_report,
)


def regime(name: str, start: str, end: str | None, weight: float, **extra: object) -> RegimeConfig:
    return RegimeConfig.model_validate(
        {"name": name, "start": start, "end": end, "weight": weight, "description": name, **extra}
    )


def rows(days: pd.Series, cutoff: pd.Timestamp, h: int = 21) -> RoleRows:
    """Consecutive sessions, the cutoff right after them."""
    return RoleRows(days, np.arange(len(days)), len(days), cutoff, h)


@pytest.fixture
def table() -> pd.DataFrame:
    return regime_frame(
        [
            regime("normal", "2010-01-01", "2018-03-01", 100),
            regime("trade_war", "2018-03-01", "2020-01-01", 300),
            regime("covid", "2020-01-01", None, 200, known_at="2020-03-11"),
        ]
    )


def test_default_known_at_is_63_weekdays_after_the_start() -> None:
    assert default_known_at(dt.date(2018, 3, 1)) == dt.date(2018, 5, 29)
    # A weekend counts from its Monday: a name is never known too early.
    assert default_known_at(dt.date(2018, 3, 3)) == default_known_at(dt.date(2018, 3, 5))
    assert default_known_at(dt.date(2018, 3, 5)) == dt.date(2018, 5, 31)


def test_cutoff_between_start_and_known_at_keeps_the_earlier_weight(table: pd.DataFrame) -> None:
    """2018-04-02 lies in the trade war, but its name was not known before 2018-05-29."""
    before, after = pd.Timestamp("2018-05-28"), pd.Timestamp("2018-05-29")
    assert known_weights(table, before).tolist() == [100, 100, 100]
    assert known_weights(table, after).tolist() == [100, 300, 300]
    days = pd.Series(pd.to_datetime(["2017-01-03", "2018-04-02"]))
    np.testing.assert_allclose(sample_weights(rows(days, before), table), [1.0, 1.0])
    np.testing.assert_allclose(sample_weights(rows(days, after), table), [0.5, 1.5])


def test_half_open_spans_on_literal_dates(table: pd.DataFrame) -> None:
    days = pd.Series(pd.to_datetime(["2018-02-28", "2018-03-01", "2019-12-31", "2020-01-01"]))
    labels = label_regimes(days, table)
    assert labels["name"].tolist() == ["normal", "trade_war", "trade_war", "covid"]
    assert labels["weight"].tolist() == [100, 300, 300, 200]


@pytest.mark.parametrize(
    ("second_start", "word"), [("2018-02-01", "overlap"), ("2018-04-01", "leave a gap")]
)
def test_overlap_and_gap_are_refused(second_start: str, word: str) -> None:
    with pytest.raises(RegimeError, match=f"'a' .*2018-03-01.* and 'b' .*{second_start}.* {word}"):
        regime_frame(
            [regime("a", "2010-01-01", "2018-03-01", 1), regime("b", second_start, None, 1)]
        )


def test_open_regime_in_the_middle_and_repeated_name_are_refused() -> None:
    with pytest.raises(RegimeError, match="'a' has no end but 'b' follows"):
        regime_frame([regime("a", "2010-01-01", None, 1), regime("b", "2011-01-01", None, 1)])
    with pytest.raises(RegimeError, match="'a' stands twice"):
        regime_frame(
            [regime("a", "2010-01-01", "2011-01-01", 1), regime("a", "2011-01-01", None, 1)]
        )
    with pytest.raises(RegimeError, match="empty"):
        regime_frame([])


def test_weight_must_be_positive_and_description_given() -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        regime("a", "2010-01-01", None, 0)
    with pytest.raises(ValidationError, match="description"):
        RegimeConfig.model_validate({"name": "a", "start": "2010-01-01", "weight": 1})
    for weight in (float("inf"), float("nan")):
        with pytest.raises(ValidationError, match="weight"):
            regime("a", "2010-01-01", None, weight)


def test_known_at_before_the_start_is_refused() -> None:
    with pytest.raises(ValidationError, match="known_at 2010-01-01 is before its start"):
        regime("a", "2010-01-04", None, 1, known_at="2010-01-01")


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("weight", 0.0, "'trade_war' has weight 0.0; weights must be positive"),
        ("weight", np.inf, "'trade_war' has weight inf"),
        ("weight", np.nan, "'trade_war' has weight nan"),
        ("known_at", pd.NaT, "'trade_war' has no known_at"),
        ("known_at", pd.Timestamp("2018-02-28"), "'trade_war' .* before its start"),
        ("end_date", pd.Timestamp("2020-02-01"), "'trade_war' .* and 'covid' .* overlap"),
        ("end_date", pd.Timestamp("2019-12-31"), "'trade_war' .* and 'covid' .* leave a gap"),
        ("regime_name", "covid", "'covid' stands twice"),
    ],
)
def test_a_table_changed_in_the_warehouse_is_checked_again(
    table: pd.DataFrame, column: str, value: object, message: str
) -> None:
    table.loc[1, column] = value
    with pytest.raises(RegimeError, match=message):
        check_regimes(table)


def test_a_session_outside_the_table_is_refused(table: pd.DataFrame) -> None:
    with pytest.raises(RegimeError, match=r"No regime covers 2009-12-31 \(1 sessions\)"):
        label_regimes(pd.Series(pd.to_datetime(["2009-12-31", "2012-01-03"])), table)


def test_a_session_after_the_end_of_the_last_regime_is_refused() -> None:
    closed = regime_frame([regime("a", "2010-01-01", "2020-01-01", 1)])
    days = pd.Series(pd.to_datetime(["2019-12-31", "2020-01-01", "2020-01-02"]))
    with pytest.raises(RegimeError, match=r"No regime covers 2020-01-01 \(2 .* ends 2020-01-01"):
        label_regimes(days, closed)


def test_hash_sees_content_not_order(table: pd.DataFrame) -> None:
    assert regime_hash(table.iloc[::-1]) == regime_hash(table)
    assert regime_hash(table.assign(weight=table["weight"] * 2)) != regime_hash(table)


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=50))
def test_effective_n_is_bounded_and_scale_free(values: list[float]) -> None:
    weights = np.array(values)
    n = effective_n(weights)
    assert 1 - 1e-9 <= n <= len(values) + 1e-9
    assert effective_n(weights * 7) == pytest.approx(n)


def test_report_names_dominant_and_unused_regimes(table: pd.DataFrame) -> None:
    days = pd.Series(pd.bdate_range("2017-12-01", "2018-12-31"))
    role = rows(days, pd.Timestamp("2019-06-03"))
    report = weight_report(role, sample_weights(role, table), table)
    war = int((days >= "2018-03-01").sum())
    expected = 300 * war / (300 * war + 100 * (len(days) - war))
    assert report.shares["trade_war"] == pytest.approx(expected)
    assert report.dominant == ("trade_war",)
    assert report.unused == ("covid",)
    assert report.independent_n == pytest.approx(report.effective_n / 21)
    assert report.uniqueness_sum == pytest.approx((len(days) + 20) / 21)
