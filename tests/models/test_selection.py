"""Label thinning and feature groups, as trees and the fit stage use them."""

import numpy as np
import pytest

from soyoil.base.errors import ConfigError, ModelError
from soyoil.models import walkforward
from soyoil.models.base import EngineFit, FoldTask, HorizonArrays
from soyoil.models.config import FitConfig, LightGBMConfig, TFTConfig
from soyoil.models.selection import group_columns, thinned, with_groups
from soyoil.models.walkforward import Job, fit_one

NAMES = ("market_data.a", "pivots.b", "market_data.c", "cross_asset.d")


def arrays(n: int = 40) -> HorizonArrays:
    rng = np.random.default_rng(1)
    dates = np.arange(np.datetime64("2015-01-01"), np.datetime64("2015-01-01") + n)
    return HorizonArrays(rng.normal(size=(n, 4)), rng.normal(size=n), np.ones(n), dates, NAMES)


def task(rows: int = 20) -> FoldTask:
    train, valid = np.arange(rows), np.arange(rows + 2, rows + 5)
    weight = np.linspace(0.5, 1.5, rows)
    return FoldTask(0, train, valid, np.arange(35, 40), weight, np.ones(3), 1)


def test_thinning_counts_back_from_the_latest_row() -> None:
    found = thinned(task(20), 6)
    assert found.train.tolist() == [1, 7, 13, 19]
    whole = task(20).train_weight
    np.testing.assert_allclose(found.train_weight, whole[found.train] / whole[found.train].mean())
    assert np.array_equal(found.valid, task(20).valid)
    assert np.array_equal(found.test, task(20).test)
    assert np.array_equal(thinned(task(20), 1).train, task(20).train)
    assert thinned(task(20), 100).train.tolist() == [19]


@pytest.mark.parametrize(
    ("per_label", "sessions", "stride"),
    [(0, 252, 1), (4, 5, 1), (4, 21, 5), (4, 63, 15), (4, 126, 31), (4, 252, 63), (300, 252, 1)],
)
def test_stride_of_about_so_many_rows_per_label(per_label: int, sessions: int, stride: int) -> None:
    assert FitConfig(rows_per_label=per_label).stride(sessions) == stride


def test_groups_choose_columns_in_order() -> None:
    assert group_columns(NAMES, ()).tolist() == [0, 1, 2, 3]
    assert group_columns(NAMES, ("cross_asset", "market_data")).tolist() == [0, 2, 3]
    kept = with_groups(arrays(), ("market_data",))
    assert kept.feature_names == ("market_data.a", "market_data.c")
    np.testing.assert_array_equal(kept.X, arrays().X[:, [0, 2]])
    with pytest.raises(ConfigError, match=r"'pivot'.*Did you mean 'pivots'.*cross_asset"):
        group_columns(NAMES, ("pivot",))


@pytest.mark.parametrize("written", ["market_data+pivots", ["market_data", "pivots"]])
def test_groups_as_written_in_conf_and_on_the_command_line(written: object) -> None:
    found = FitConfig.model_validate({"feature_groups": written})
    assert found.feature_groups == ("market_data", "pivots")
    assert FitConfig.model_validate({"feature_groups": "all"}).feature_groups == ()


@pytest.mark.parametrize(
    ("config", "seen"),
    [(LightGBMConfig(), ["pivots.b"]), (TFTConfig(), list(NAMES))],
)
def test_trees_see_their_groups_and_a_network_its_own_columns(
    monkeypatch: pytest.MonkeyPatch, config: LightGBMConfig | TFTConfig, seen: list[str]
) -> None:
    given: list[str] = []

    class StopError(ModelError):
        pass

    def fit_fold(arrays: HorizonArrays, *rest: object) -> EngineFit:
        given.extend(arrays.feature_names)
        raise StopError

    module = type("Module", (), {"fit_fold": staticmethod(fit_fold)})
    monkeypatch.setattr(walkforward.importlib, "import_module", lambda name: module)
    engine = "tft" if isinstance(config, TFTConfig) else "lightgbm"
    job = Job(engine, FitConfig(feature_groups=("pivots",)), config)
    with pytest.raises(StopError):
        fit_one(job, arrays(), task())
    assert given == seen
