"""Groups that are switched off, and how much of each feature is missing."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from soyoil.contracts.contract import load_contract
from soyoil.external.registry import GROUPS
from soyoil.features.config import FeaturesConfig
from soyoil.features.coverage import COLUMNS, feature_coverage
from soyoil.features.matrix import TABLE, build_matrix
from soyoil.features.outside import present, switched_on
from soyoil.features.registry import FEATURES as FEATURES_BY_NAME
from soyoil.sources.base import SourceConfig
from soyoil.sources.identity import identity_differences, market_identity

FEATURES = load_contract(TABLE).feature_columns()


def test_groups_that_are_off_are_empty_and_change_no_other(
    make_sessions: Callable[..., pd.DataFrame],
) -> None:
    sessions = make_sessions(3, 60)
    whole = build_matrix(sessions)
    some = build_matrix(sessions, wanted=FeaturesConfig(groups=("market_data", "pivots")))
    assert set(some.columns) == set(whole.columns)
    assert (some[whole.columns].dtypes == whole.dtypes).all()
    groups_off = ("golden_zone", "cross_asset", "calendar")
    on = [name for name in whole if name.partition(".")[0] not in groups_off]
    pd.testing.assert_frame_equal(some[on], whole[on])
    off = [name for name in FEATURES if name.partition(".")[0] in groups_off]
    assert whole[[n for n in off if n.startswith("golden_zone.")]].notna().any().any()
    assert some[off].isna().all().all()
    pd.testing.assert_frame_equal(build_matrix(sessions, wanted=FeaturesConfig(groups=None)), whole)


def test_models_get_no_column_of_a_group_that_is_off() -> None:
    names = ("market_data.rsi_14", "cross_asset.return_1d_CL", "pivots.p", "macro.vix")
    matrix = pd.DataFrame(
        {"symbol": ["ZL"], "market_data.rsi_14": [50.0], "cross_asset.return_1d_CL": [np.nan]}
    )
    assert switched_on(names, matrix) == names[:2]
    # A column of bars without a value is one that models were always given.
    assert present(names, matrix) == names[:2]


@pytest.mark.parametrize(
    ("groups", "word"),
    [
        (["market_data", "pivot"], "Did you mean 'pivots'"),
        (["pivots"], "lacks market_data"),
        ([], "lacks market_data"),
    ],
)
def test_wrong_groups_are_refused(groups: list[str], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        FeaturesConfig(groups=tuple(groups)).check(FEATURES)


def test_groups_as_text_and_those_of_models() -> None:
    def given(value: Any) -> FeaturesConfig:
        return FeaturesConfig.model_validate({"groups": value})

    assert given("all") == given(None) == FeaturesConfig()
    some = given("market_data+pivots")
    assert some.groups == ("market_data", "pivots")
    some.check_given(["pivots"], "fit.feature_groups")
    with pytest.raises(ValueError, match=r"fit\.feature_groups.*macro.*features\.groups"):
        some.check_given(["macro"], "fit.feature_groups")


def test_rows_of_other_groups_are_told_apart() -> None:
    source = SourceConfig()
    every, some, other = (
        market_identity(source, "ZL", (), groups)
        for groups in (None, ("pivots", "market_data"), ("market_data",))
    )
    assert "features.groups" not in every
    assert some["features.groups"] == "market_data+pivots"
    for then, now in ((every, some), (some, every), (some, other)):
        assert identity_differences(then, now)
    assert not identity_differences(some, some)


def test_missing_values_are_counted_by_year() -> None:
    days = pd.to_datetime(["2021-12-30", "2021-12-31", "2022-01-03", "2022-01-04"]).as_unit("us")
    matrix = pd.DataFrame(
        {
            "symbol": ["ZL", "ZL", "ZL", "CL"],
            "data_date": days,
            "market_data.rsi_14": [np.nan, 50.0, 50.0, np.nan],
            "macro.vix": [np.nan, np.nan, np.nan, 20.0],
            "market_data.close": 40.0,
        }
    )
    table = feature_coverage(matrix, "ZL")
    assert tuple(table.columns) == COLUMNS
    found = {(r["feature"], r["year"]): r for r in table.to_dict("records")}
    assert {key: row["share_missing"] for key, row in found.items()} == {
        ("market_data.rsi_14", 2021): 0.5,
        ("market_data.rsi_14", 2022): 0.0,
        ("macro.vix", 2021): 1.0,
        ("macro.vix", 2022): 1.0,
    }
    assert found["macro.vix", 2022]["source"] == "fred"
    assert found["market_data.rsi_14", 2021]["source"] == "bars"
    assert [row["rows"] for row in found.values()] == [2, 1, 2, 1]


def test_every_column_of_an_outside_source_says_what_it_is() -> None:
    contract = load_contract(TABLE)
    structs = {column.name: column for column in contract.columns}
    for name, column in contract.flat_columns().items():
        group = name.partition(".")[0]
        if group in GROUPS:
            assert column.unit, name
            assert column.description, name
            assert column.source or structs[group].source, name
            assert column.known_when or structs[group].known_when, name
            assert FEATURES_BY_NAME[name].formula, name
