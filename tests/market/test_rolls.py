"""Roll-free returns against a slow oracle and literal cases."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soyoil.market.rolls import forward_index, roll_free


def oracle(open_: list[float], close: list[float], ids: list[int], window: int) -> list[float]:
    """Row by row, straight from the definition."""
    out = [math.nan]
    for t in range(1, len(close)):
        if ids[t] == ids[t - 1]:
            out.append(math.log(close[t] / close[t - 1]))
            continue
        seen = [k for k in range(max(0, t - window), t) if ids[k] == ids[t]]
        if not seen:
            out.append(math.log(close[t] / open_[t]))
            continue
        booked = sum(r for r in out[seen[-1] + 1 : t] if not math.isnan(r))
        out.append(math.log(close[t] / close[seen[-1]]) - booked)
    return out


prices = st.floats(5.0, 90.0)


@given(st.data(), st.integers(1, 40), st.integers(0, 6))
@settings(max_examples=150, deadline=None)
def test_matches_the_oracle(data: st.DataObject, n: int, window: int) -> None:
    open_ = data.draw(st.lists(prices, min_size=n, max_size=n))
    close = data.draw(st.lists(prices, min_size=n, max_size=n))
    ids = data.draw(st.lists(st.integers(1, 4), min_size=n, max_size=n))
    got = roll_free(np.array(open_), np.array(close), np.array(ids, dtype="int64"), window)
    np.testing.assert_allclose(
        got.returns, oracle(open_, close, ids, window), rtol=1e-12, atol=1e-12
    )


@given(st.data(), st.integers(2, 40))
@settings(max_examples=80, deadline=None)
def test_later_sessions_change_nothing(data: st.DataObject, n: int) -> None:
    open_ = np.array(data.draw(st.lists(prices, min_size=n, max_size=n)))
    close = np.array(data.draw(st.lists(prices, min_size=n, max_size=n)))
    ids = np.array(data.draw(st.lists(st.integers(1, 4), min_size=n, max_size=n)))
    cut = data.draw(st.integers(1, n))
    full, part = (roll_free(open_[:k], close[:k], ids[:k]) for k in (n, cut))
    np.testing.assert_array_equal(full.returns[:cut], part.returns)
    np.testing.assert_array_equal(full.is_roll[:cut], part.is_roll)
    np.testing.assert_array_equal(full.is_flip_back[:cut], part.is_flip_back)
    np.testing.assert_array_equal(forward_index(full.returns)[:cut], forward_index(part.returns))


def test_flip_back_books_the_contracts_own_return() -> None:
    """Contract 1 closes at 50, is away for a session of contract 2, closes at 52 after."""
    got = roll_free(np.array([50.0, 60.0, 51.0]), np.array([50.0, 61.0, 52.0]), np.array([1, 2, 1]))
    assert got.is_flip_back.tolist() == [False, False, True]
    assert got.returns[1] == pytest.approx(math.log(61 / 60))
    assert np.nansum(got.returns) == pytest.approx(math.log(52 / 50))


def test_negative_prices_leave_a_gap_and_do_not_break_the_run() -> None:
    """CL on 2020-04-20: a close of -37.63 has no logarithm."""
    close = np.array([20.0, -37.63, 10.0, 11.0])
    got = roll_free(close, close, np.array([1, 1, 1, 1]))
    assert np.isnan(got.returns[:3]).all()
    assert got.returns[3] == pytest.approx(math.log(1.1))
    assert forward_index(got.returns) == pytest.approx([1, 1, 1, 1.1])


@pytest.mark.parametrize(("away", "own"), [(1, True), (2, True), (4, True), (5, False), (9, False)])
def test_a_contract_away_for_up_to_four_sessions_is_booked_as_its_own(away: int, own: bool) -> None:
    """Contract 1 closes at 50, contract 2 trades for a while, contract 1 opens 54, closes 52.

    A contract seen five sessions before is still the same position; one not seen for longer
    starts anew at its open. The flag of a flip-back reaches back three sessions.
    """
    ids = np.array([1, *[2] * away, 1])
    open_ = np.array([50.0, 60.0, *[61.0] * (away - 1), 54.0])
    close = np.array([50.0, *[61.0] * away, 52.0])
    got = roll_free(open_, close, ids)
    total = math.log(52 / 50) if own else math.log(61 / 60) + math.log(52 / 54)
    assert np.nansum(got.returns) == pytest.approx(total)
    assert got.is_roll.tolist() == [False, True, *[False] * (away - 1), True]
    assert got.is_flip_back[-1] == (away + 1 <= 3)
