"""Schemes of sample weights against slow oracles."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soyoil.regimes.table import RegimeConfig, regime_frame
from soyoil.regimes.weights import (
    RoleRows,
    label_uniqueness,
    sample_weights,
    time_decay,
    weight_report,
)

SCHEMES = ("uniform", "regime", "regime_uniqueness", "regime_decay", "regime_uniqueness_decay")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    entries = [
        {"name": "old", "start": "2010-01-01", "end": "2015-07-01", "weight": 100},
        {"name": "new", "start": "2015-07-01", "weight": 300, "known_at": "2015-08-03"},
    ]
    return regime_frame([RegimeConfig(**e, description=e["name"]) for e in entries])  # type: ignore[arg-type]


def slow_uniqueness(positions: list[int], h: int) -> list[float]:
    """For each label the mean over its sessions of 1 / number of labels that hold it."""
    out = []
    for p in positions:
        shares = []
        for session in range(p + 1, p + h + 1):
            holders = sum(1 for q in positions if q + 1 <= session <= q + h)
            shares.append(1 / holders)
        out.append(sum(shares) / h)
    return out


@given(st.sets(st.integers(0, 120), min_size=1, max_size=60), st.integers(1, 30))
@settings(max_examples=150, deadline=None)
def test_uniqueness_is_that_of_brute_force(origins: set[int], h: int) -> None:
    positions = np.array(sorted(origins))
    got = label_uniqueness(positions, h)
    np.testing.assert_allclose(got, slow_uniqueness(positions.tolist(), h), rtol=1e-12)
    assert (got >= 1 / h - 1e-12).all()
    assert (got <= 1 + 1e-12).all()
    covered = {s for p in positions.tolist() for s in range(p + 1, p + h + 1)}
    assert got.sum() == pytest.approx(len(covered) / h)


def test_uniqueness_of_three_labels_by_hand() -> None:
    """h = 2: sessions 1 2 | 2 3 | 9 10; only session 2 is shared."""
    np.testing.assert_allclose(label_uniqueness(np.array([0, 1, 8]), 2), [0.75, 0.75, 1.0])


def test_uniqueness_of_a_role_counts_only_its_rows() -> None:
    """Weekly origins with a horizon of a week do not overlap; daily ones do."""
    assert label_uniqueness(np.arange(0, 100, 5), 5).tolist() == [1.0] * 20
    assert label_uniqueness(np.arange(100), 5)[50] == pytest.approx(0.2)


def test_decay_halves_with_every_half_life() -> None:
    got = time_decay(np.array([100, 300, 499, 500]), cutoff=500, halflife=200)
    np.testing.assert_allclose(got, [0.25, 0.5, 0.5 ** (1 / 200), 1.0])


def role(n: int, h: int, seed: int, cutoff: str = "2016-12-30") -> RoleRows:
    """Random rows of a random calendar and a later cutoff."""
    rng = np.random.default_rng(seed)
    positions = np.sort(rng.choice(3 * n, n, replace=False))
    days = pd.Series(pd.bdate_range("2014-06-02", periods=3 * n)[positions])
    return RoleRows(days, positions, 3 * n + h, pd.Timestamp(cutoff), h)


@given(st.integers(1, 200), st.integers(1, 25), st.integers(0, 2**32 - 1), st.integers(1, 500))
@settings(max_examples=60, deadline=None)
def test_schemes_are_products_with_mean_one(n: int, h: int, seed: int, halflife: int) -> None:
    entries = [
        {"name": "old", "start": "2010-01-01", "end": "2015-07-01", "weight": 100},
        {"name": "new", "start": "2015-07-01", "weight": 300},
    ]
    table = regime_frame([RegimeConfig(**e, description="x") for e in entries])  # type: ignore[arg-type]
    rows = role(n, h, seed)
    factors = {
        "uniform": np.ones(n),
        "regime": np.where(rows.dates < "2015-07-01", 100.0, 300.0),
        "uniqueness": np.array(slow_uniqueness(rows.positions.tolist(), h)),
        "decay": np.array([0.5 ** ((rows.cutoff - p) / halflife) for p in rows.positions]),
    }
    for scheme in SCHEMES:
        got = sample_weights(rows, table, scheme, halflife)
        expected = np.prod([factors[name] for name in scheme.split("_")], axis=0)
        np.testing.assert_allclose(got, expected / expected.mean(), rtol=1e-9)
        assert got.mean() == pytest.approx(1.0)


def test_regime_of_the_cutoff_holds_under_every_scheme(table: pd.DataFrame) -> None:
    """2015-07-31: the new regime is not known, so its rows weigh as the old ones."""
    early, late = (role(200, 5, 1, cutoff) for cutoff in ("2015-07-31", "2015-08-03"))
    new = (early.dates >= "2015-07-01").to_numpy()
    for scheme in SCHEMES[1:]:
        blind = sample_weights(early, table, scheme, 100)
        without = scheme.replace("regime", "uniform")
        np.testing.assert_allclose(blind, sample_weights(early, table, without, 100))
        told = sample_weights(late, table, scheme, 100)
        ratio = told / blind
        assert ratio[new].min() / ratio[~new].max() == pytest.approx(3.0)


def test_no_rows_have_no_weights(table: pd.DataFrame) -> None:
    empty = RoleRows(
        pd.Series([], dtype="datetime64[us]"), np.array([], dtype="int64"), 9,
        pd.Timestamp("2016-12-30"), 5,
    )  # fmt: skip
    for scheme in SCHEMES:
        assert len(sample_weights(empty, table, scheme, 100)) == 0


def test_unknown_factor_and_missing_half_life_are_errors(table: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="no weights for 'year'"):
        sample_weights(role(5, 2, 0), table, "regime_year")
    with pytest.raises(ValueError, match="no weights for 'decay' in 'regime_decay', half-life"):
        sample_weights(role(5, 2, 0), table, "regime_decay")


def test_report_of_a_decayed_fold_by_hand(table: pd.DataFrame) -> None:
    days = pd.Series(pd.to_datetime(["2015-06-29", "2015-06-30", "2015-07-01", "2015-07-02"]))
    rows = RoleRows(days, np.arange(4), 3, pd.Timestamp("2015-12-01"), 2)
    weights = sample_weights(rows, table, "regime_decay", 1)
    # 100/8, 100/4, 300/2, 300 and mean 1.
    np.testing.assert_allclose(weights, np.array([12.5, 25, 150, 300]) * 4 / 487.5)
    report = weight_report(rows, weights, table)
    assert report.shares == pytest.approx({"old": 37.5 / 487.5, "new": 450 / 487.5})
    effective = 487.5**2 / (12.5**2 + 25**2 + 150**2 + 300**2)
    assert report.effective_n == pytest.approx(effective)
    assert report.independent_n == pytest.approx(effective / 2)
    assert report.uniqueness_sum == pytest.approx(5 / 2)
    assert report.dominant == ("new",)
    assert report.unused == ()
