"""Configuration of the plans: what does not fit together is refused."""

import datetime as dt
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from soyoil.params import WeightsConfig
from soyoil.splits.plan import PLAN_KEYS, SplitConfig


def test_base_parameters_are_the_defaults(project_root: Path) -> None:
    """A key is refused for another plan if it differs from the default."""
    written = yaml.safe_load((project_root / "conf" / "base" / "parameters.yml").read_text())
    assert SplitConfig.model_validate(written["split"]) == SplitConfig()
    assert WeightsConfig.model_validate(written["weights"]) == WeightsConfig()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"plan": "fixed", "first_origin": "2020-01-02"},
            r"split\.first_origin is a key of split\.plan=walk_forward, but split\.plan is fixed\. "
            r"Its own keys are split\.valid_from, split\.test_from",
        ),
        ({"plan": "fixed", "valid_sessions": 0}, r"split\.valid_sessions is a key"),
        ({"test_from": "2020-01-02"}, r"split\.test_from is a key of split\.plan=fixed"),
        ({"train_sessions": 500}, r"split\.train_sessions is for split\.window=rolling"),
        (
            {"plan": "fixed", "valid_from": "2024-01-02"},
            r"split\.valid_from=2024-01-02 is after split\.test_from=2024-01-01",
        ),
        ({"last_origin": "2015-01-02"}, r"last_origin=2015-01-02 is before the first test origin"),
        ({"plan": "fixed", "embargo": 1}, r"Extra inputs are not permitted"),
        ({"plan": "kfold"}, r"'walk_forward' or 'fixed'"),
    ],
)
def test_keys_that_do_not_fit_are_refused(keys: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SplitConfig.model_validate(keys)


def test_only_keys_of_the_plan_are_logged() -> None:
    walk = SplitConfig().for_profile("full").model_dump(mode="json")
    assert walk["refit_every"] == 126
    assert not set(walk) & set(PLAN_KEYS["fixed"])
    fixed = SplitConfig(plan="fixed").for_profile("full").model_dump(mode="json")
    assert fixed == {
        "plan": "fixed", "origins": "all", "warm_up": 252, "min_train_rows": 250,
        "last_origin": None, "valid_from": "2023-01-01", "test_from": "2024-01-01",
    }  # fmt: skip


def test_dates_may_come_as_text() -> None:
    assert SplitConfig(first_origin="2023-01-03").first_origin == dt.date(2023, 1, 3)  # type: ignore[arg-type]


def test_half_life_needs_a_decay() -> None:
    assert WeightsConfig(scheme="regime_decay", decay_halflife_sessions=100).decays
    with pytest.raises(ValidationError, match="is for weights.scheme=regime_decay or"):
        WeightsConfig(decay_halflife_sessions=100)
