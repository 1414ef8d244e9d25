"""Names of metrics and their parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soyoil.metrics.keys import SCOPES, WEIGHTINGS, MetricKey, is_over_all_rows, pooled

NAMES = st.from_regex(r"[a-z][a-z0-9_]*", fullmatch=True)


@given(
    NAMES,
    st.sampled_from(WEIGHTINGS),
    st.sampled_from(SCOPES),
    st.none() | st.from_regex(r"[A-Za-z0-9_]+", fullmatch=True),
)
def test_a_key_says_what_it_was_made_of(metric, weighting, scope, regime) -> None:  # type: ignore[no-untyped-def]
    key = MetricKey(metric, weighting, scope, regime)
    assert MetricKey.parse(str(key)) == key


def test_keys_are_those_that_runs_have_always_had() -> None:
    assert pooled("skill_mae_low") == "pooled.uniform.skill_mae_low"
    assert pooled("mae", regime="covid") == "pooled.uniform.mae.covid"
    assert str(MetricKey("n", "regime", "fold")) == "fold.regime.n"
    assert is_over_all_rows("pooled.worst.mae")
    assert not is_over_all_rows("pooled.uniform.mae.covid")
    assert not is_over_all_rows("fit.seconds")


@pytest.mark.parametrize(
    "key", ["mae", "pooled.mae", "pooled.best.mae", "fit.seconds", "a.uniform.b"]
)
def test_what_is_no_key(key: str) -> None:
    with pytest.raises(ValueError, match="no metric key"):
        MetricKey.parse(key)
