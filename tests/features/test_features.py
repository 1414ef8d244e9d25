"""The matrix as a whole: registry and contract, causality, scale, rolls, bad prices."""

import re
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from soyoil.base.arrays import FloatArray
from soyoil.base.errors import ContractError
from soyoil.contracts.contract import load_contract, parse_contract
from soyoil.contracts.validation import validate
from soyoil.features import matrix as matrix_module
from soyoil.features import registry
from soyoil.features.matrix import SUPPLIED, TABLE, build_matrix, symbol_features
from soyoil.features.registry import FEATURES, FeatureSpec, check_features, features_of
from soyoil.features.windows import ratio
from soyoil.market.rolls import roll_free

MakeSessions = Callable[..., pd.DataFrame]
KINDS = ("plain", "negative", "flat", "spikes")
DATA_DEPENDENT = ("golden_zone.", "pivots.weekly_", "calendar.days_since_roll")
CONTRACT_FILE = Path(matrix_module.__file__).parents[1] / "contracts" / f"{TABLE}.yml"


def regular(sessions: pd.DataFrame) -> pd.DataFrame:
    return sessions[~sessions["is_thin"]].reset_index(drop=True)


def model_columns() -> list[str]:
    """Columns of single symbols that models are given."""
    given_to_models = set(load_contract(TABLE).feature_columns())
    return [spec.name for spec in features_of("bars") if spec.name in given_to_models]


@pytest.fixture(params=KINDS)
def sessions(request: pytest.FixtureRequest, make_sessions: MakeSessions) -> pd.DataFrame:
    return make_sessions(KINDS.index(request.param) + 31, kind=request.param)


def test_registry_and_contract_name_the_same_columns() -> None:
    columns = load_contract(TABLE).flat_columns()
    assert set(columns) == set(FEATURES) | SUPPLIED
    assert not set(FEATURES) & SUPPLIED
    for name, spec in FEATURES.items():
        assert spec.group == name.split(".")[0]
        assert spec.formula
        assert spec.history >= 1
    given_to_models = set(load_contract(TABLE).feature_columns())
    assert given_to_models <= set(FEATURES) | SUPPLIED


def test_the_order_of_the_sessions_does_not_matter(make_sessions: MakeSessions) -> None:
    both = pd.concat(
        [make_sessions(3, 40), make_sessions(4, 40).assign(symbol="ZM")], ignore_index=True
    )
    shuffled = both.sample(frac=1.0, random_state=7)
    pd.testing.assert_frame_equal(build_matrix(shuffled), build_matrix(both))
    assert build_matrix(both)["symbol"].is_monotonic_increasing


def test_levels_in_quoted_units_are_no_features() -> None:
    contract = load_contract(TABLE)
    quoted = {n for n, c in contract.flat_columns().items() if c.unit == "quoted unit"}
    assert {"pivots.distance_to_P", "pivots.weekly_P", "market_data.atr_14"} <= quoted
    assert not quoted & set(contract.feature_columns())


def test_an_undeclared_feature_is_told_its_line(
    monkeypatch: pytest.MonkeyPatch, make_sessions: MakeSessions
) -> None:
    spec = FeatureSpec("pivots.new", "close", 1, lambda bars: bars.close)
    monkeypatch.setitem(FEATURES, spec.name, spec)
    with pytest.raises(ContractError) as caught:
        build_matrix(make_sessions(1, 30))
    text = str(caught.value)
    assert "pivots.new: registered, but not in the contract" in text
    assert f"src/soyoil/contracts/{TABLE}.yml under the fields of STRUCT pivots" in text
    assert "- {name: new, type: FLOAT64, unit: <unit>, minimum: <low>" in text
    assert "make docs" in text


def test_a_declared_column_without_a_feature_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(FEATURES, "pivots.P")
    with pytest.raises(ContractError, match=r'pivots\.P: in the contract.*@feature\("pivots\.P"'):
        check_features(load_contract(TABLE), SUPPLIED)


def test_a_feature_is_registered_once_and_in_a_struct() -> None:
    with pytest.raises(ValueError, match="registered twice"):
        registry.register(FEATURES["pivots.P"])
    with pytest.raises(ValueError, match=r"struct\.column"):
        registry.register(FeatureSpec("loose", "close", 1))


def test_the_documented_example_is_complete(
    project_root: Path, monkeypatch: pytest.MonkeyPatch, make_sessions: MakeSessions
) -> None:
    """What docs/architecture.md shows is all that a new feature takes."""
    page = (project_root / "docs" / "architecture.md").read_text(encoding="utf-8")
    code, line = re.findall(r"```(?:python|yaml)\n(.*?)```", page, flags=re.DOTALL)
    monkeypatch.setattr(registry, "FEATURES", dict(FEATURES))
    names = {"SymbolBars": registry.SymbolBars, "FloatArray": FloatArray, "ratio": ratio}
    exec(code, {"feature": registry.feature, **names})
    with pytest.raises(ContractError, match=r"market_data\.close_position: registered"):
        build_matrix(make_sessions(1, 30))
    text = CONTRACT_FILE.read_text(encoding="utf-8")
    before = "  - name: pivots\n"
    assert text.count(before) == 1
    extended = parse_contract(text.replace(before, line + before), CONTRACT_FILE.name)
    monkeypatch.setattr(matrix_module, "load_contract", lambda name: extended)
    built = build_matrix(make_sessions(1, 30))
    assert built["market_data.close_position"].between(0, 1).all()
    assert "market_data.close_position" in extended.feature_columns()


def test_a_feature_of_the_wrong_length_is_refused(
    monkeypatch: pytest.MonkeyPatch, make_sessions: MakeSessions
) -> None:
    short = FeatureSpec("pivots.P", "close", 1, lambda bars: bars.close[1:])
    monkeypatch.setitem(FEATURES, "pivots.P", short)
    with pytest.raises(ValueError, match=r"pivots\.P returned shape \(29,\) for 30 sessions"):
        symbol_features(make_sessions(1, 30))


def test_thin_sessions_are_left_out(make_sessions: MakeSessions) -> None:
    sessions = make_sessions(1)
    assert sessions["is_thin"].sum() > 0
    assert len(build_matrix(sessions)) == (~sessions["is_thin"]).sum()


def test_rows_satisfy_the_contract(sessions: pd.DataFrame, make_sessions: MakeSessions) -> None:
    """Nothing infinite, nothing out of range, whatever the prices."""
    both = pd.concat([sessions, make_sessions(3, symbol="CL")], ignore_index=True)
    labels = {"regime_name": "r", "regime.name": "r", "regime.weight": 1.0}
    built = build_matrix(both).assign(**labels)
    assert validate(built, load_contract(TABLE)).num_rows == len(built)


def test_symbols_do_not_touch_each_other(make_sessions: MakeSessions) -> None:
    one, other = (regular(make_sessions(s, 150, symbol=n)) for s, n in ((4, "CL"), (5, "ZL")))
    together = symbol_features(pd.concat([one, other], ignore_index=True))
    alone = [symbol_features(one), symbol_features(other)]
    pd.testing.assert_frame_equal(together, pd.concat(alone, ignore_index=True), check_exact=True)


def test_every_column_is_causal(sessions: pd.DataFrame) -> None:
    """Columns of truncated history equal those of the full one, bit for bit."""
    whole = regular(sessions)
    expected = symbol_features(whole)
    for stop in (*range(1, 40), 64, 65, 100, 127, 128, 180, len(whole) - 1):
        got = symbol_features(whole.head(stop))
        pd.testing.assert_frame_equal(got, expected.head(stop), check_exact=True)


def test_history_is_what_the_registry_says(make_sessions: MakeSessions) -> None:
    sessions = make_sessions(8, 200).assign(realized_vol_1h=0.2)
    found = symbol_features(regular(sessions))
    for spec in features_of("bars"):
        first = int(np.argmax(found[spec.name].notna().to_numpy())) + 1
        assert found[spec.name].notna().any(), spec.name
        if spec.name.startswith(DATA_DEPENDENT):
            assert first >= spec.history, spec.name
        else:
            assert first == spec.history, spec.name
            assert found[spec.name].iloc[first:].notna().all(), spec.name


def test_features_do_not_depend_on_the_quoted_unit(make_sessions: MakeSessions) -> None:
    """Cents or dollars: only Amihud's ratio, which is per quoted unit, may tell."""
    sessions = regular(make_sessions(9))
    prices = ["open", "high", "low", "close", "vwap", "decision_close"]
    scaled = sessions.assign(**{name: sessions[name] * 128.0 for name in prices})
    a, b = symbol_features(sessions), symbol_features(scaled)
    free = [name for name in model_columns() if name != "market_data.amihud_21d"]
    pd.testing.assert_frame_equal(a[free], b[free], check_exact=False, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(
        a["market_data.amihud_21d"], 128.0 * b["market_data.amihud_21d"], rtol=1e-9
    )


def one_contract(n: int) -> pd.DataFrame:
    """Sessions of one contract that open where the last one closed."""
    rng = np.random.default_rng(12)
    close = 40 * np.exp(np.cumsum(rng.normal(0, 0.015, n)))
    open_ = np.r_[40.0, close[:-1]]
    top, bottom = np.maximum(open_, close), np.minimum(open_, close)
    return pd.DataFrame(
        {
            "symbol": "ZL",
            "data_date": pd.bdate_range("2015-01-05", periods=n, unit="us"),
            "open": open_,
            "high": top * (1 + 0.01 * rng.random(n)),
            "low": bottom * (1 - 0.01 * rng.random(n)),
            "close": close,
            "volume": rng.integers(1000, 90_000, n),
            "realized_vol_1h": 0.2,
            "instrument_id": 1,
        }
    )


def with_returns(sessions: pd.DataFrame) -> pd.DataFrame:
    open_, close = (sessions[c].to_numpy(dtype="float64") for c in ("open", "close"))
    free = roll_free(open_, close, sessions["instrument_id"].to_numpy(dtype="int64"))
    return sessions.assign(roll_free_return=free.returns, is_roll=free.is_roll)


def test_rolls_make_no_jumps() -> None:
    """A premium of later contracts changes no feature where nothing happens over night."""
    plain = one_contract(300)
    step = np.searchsorted([40, 97, 98, 150, 231], np.arange(300), side="right")
    premium = 1.1**step
    rolled = plain.assign(
        instrument_id=1 + step,
        **{name: plain[name] * premium for name in ("open", "high", "low", "close")},
    )
    a, b = symbol_features(with_returns(plain)), symbol_features(with_returns(rolled))
    # One counts from the last roll, the other is per quoted unit.
    tells = ("calendar.days_since_roll", "market_data.amihud_21d")
    free = [name for name in model_columns() if name not in tells]
    pd.testing.assert_frame_equal(a[free], b[free], check_exact=False, rtol=1e-9, atol=1e-11)
    for name in ("market_data.atr_14", "pivots.P", "pivots.weekly_P", "golden_zone.fib_618"):
        np.testing.assert_allclose(b[name], a[name] * premium, rtol=1e-9, err_msg=name)


BOUNDED = {
    "rsi_14", "stochastic_k", "stochastic_d", "bollinger_percent_b", "bollinger_bandwidth",
    "volatility_ratio_21d_63d", "regime.vol_percentile", "golden_zone.direction",
    "golden_zone.state",
}  # fmt: skip
"""Columns whose range holds by their formula, whatever the prices."""

PRICES = hnp.arrays(
    np.float64,
    st.integers(1, 90),
    elements=st.one_of(
        st.sampled_from([40.0, 40.0, 40.5, 0.0, -37.0, 1e-3, 9e5]), st.floats(1.0, 100.0)
    ),
)


@settings(max_examples=60, deadline=None)
@given(close=PRICES, seed=st.integers(0, 99), flat=st.booleans())
def test_any_prices_give_finite_values_or_none(close: np.ndarray, seed: int, flat: bool) -> None:
    rng = np.random.default_rng(seed)
    n = len(close)
    open_ = close if flat else rng.permutation(close)
    contract = np.cumsum(rng.random(n) < 0.1)
    sessions = with_returns(
        pd.DataFrame(
            {
                "symbol": "ZL",
                "data_date": pd.bdate_range("2015-01-05", periods=n, unit="us"),
                "open": open_,
                "high": np.maximum(open_, close),
                "low": np.minimum(open_, close),
                "close": close,
                "volume": rng.integers(0, 5, n),
                "realized_vol_1h": np.where(rng.random(n) < 0.2, np.nan, 0.3),
                "instrument_id": contract,
            }
        )
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        whole = symbol_features(sessions)
        part = symbol_features(sessions.head(n // 2 + 1))
    columns = load_contract(TABLE).flat_columns()
    for name in whole:
        values = whole[name].to_numpy(dtype="float64", na_value=np.nan)
        assert not np.isinf(values).any(), name
        if name.removeprefix("market_data.") in BOUNDED:
            low, high = columns[name].minimum, columns[name].maximum
            assert low is not None, name
            assert high is not None, name
            assert not ((values < low) | (values > high)).any(), name
    pd.testing.assert_frame_equal(part, whole.head(n // 2 + 1), check_exact=True)


@pytest.mark.parametrize("n", [0, 1, 2, 14, 15, 34])
def test_short_and_constant_histories(n: int, make_sessions: MakeSessions) -> None:
    """Without movement there is no oscillator, and before the history nothing at all."""
    still = make_sessions(1, 34).head(n).assign(roll_free_return=0.0, is_roll=False, is_thin=False)
    still.loc[still.index[:1], "roll_free_return"] = np.nan
    built = build_matrix(still.assign(open=40.0, high=40.0, low=40.0, close=40.0))
    assert len(built) == n
    for spec in features_of("bars"):
        assert not built[spec.name].iloc[: spec.history - 1].notna().any(), spec.name
    for name in (
        "market_data.rsi_14", "market_data.stochastic_k", "market_data.bollinger_percent_b",
        "market_data.volatility_ratio_21d_63d", "pivots.distance_to_P_atr",
        "golden_zone.swing_high", "golden_zone.state",
    ):  # fmt: skip
        assert not built[name].notna().any(), name
    if n == 34:
        assert built["market_data.volatility_21d"].iloc[-1] == 0
        assert built["market_data.atr_14"].iloc[-1] == 0
        assert built["market_data.macd_line"].iloc[-1] == pytest.approx(0, abs=1e-12)
