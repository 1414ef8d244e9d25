"""A served model: rows of one evening are enough, gaps are refused, a broken engine is the cone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from serving_market import WEEK

from soyoil.base.errors import ModelError
from soyoil.base.folders import HashedFiles
from soyoil.base.handover import HandoverError
from soyoil.datasets.models import RegisteredModelsDataset
from soyoil.models.baselines import baseline_quantiles, vol_cone_sigma
from soyoil.serving.challengers import challengers
from soyoil.serving.final import FinalModel, final_arrays, forecast_by
from soyoil.serving.served import ServedModel
from soyoil.splits.snapshot import Snapshot


@pytest.mark.ci
def test_the_mix_is_the_weighted_mean_of_cones_and_engines(
    served: ServedModel, finals: dict[str, FinalModel], snapshot: Snapshot
) -> None:
    weights = {"vol_cone": 0.4, "hourly_cone": 0.3, "lightgbm": 0.2, "xgboost": 0.1}
    fitted = {name: finals[name] for name in ("lightgbm", "xgboost")}
    both = replace(served, finals=fitted, weights=weights)
    rows = np.arange(len(snapshot.matrix) - 3, len(snapshot.matrix))
    cones = baseline_quantiles(snapshot.returns, snapshot.hourly_vol, WEEK.sessions)
    sigma = vol_cone_sigma(snapshot.returns, WEEK.sessions)
    want = 0.4 * cones["vol_cone"][rows] + 0.3 * cones["hourly_cone"][rows]
    for name, weight in (("lightgbm", 0.2), ("xgboost", 0.1)):
        final = finals[name]
        found = forecast_by(final, final_arrays(final, snapshot.matrix, sigma), rows)
        want = want + weight * found.quantiles
    got = both.forecast(snapshot.matrix.iloc[rows])
    np.testing.assert_allclose(got.quantiles, want, rtol=1e-12)
    assert not got.fallbacks


@pytest.mark.parametrize("first", [1, 2, 400])
def test_one_evening_gives_what_the_whole_matrix_gives(
    served: ServedModel, snapshot: Snapshot, first: int
) -> None:
    one = served.forecast(snapshot.matrix.iloc[-1:]).quantiles[-1]
    more = served.forecast(snapshot.matrix.iloc[-first:]).quantiles[-1]
    np.testing.assert_array_equal(one, more)


def test_new_sessions_go_on_from_the_history(served: ServedModel, snapshot: Snapshot) -> None:
    cut = 10
    older = replace(
        served,
        history=served.history.iloc[:-cut],
        cutoff=served.history["data_date"].iloc[-cut - 1].date(),
    )
    new = snapshot.matrix.iloc[-cut:]
    np.testing.assert_array_equal(older.forecast(new).quantiles, served.forecast(new).quantiles)
    with pytest.raises(ModelError, match=r"9 sessions are missing between the last one .* 20"):
        older.forecast(new.iloc[-1:])


def test_columns_of_any_type_are_numbers(served: ServedModel, snapshot: Snapshot) -> None:
    rows = snapshot.matrix.iloc[-2:]
    features = list(served.finals["lightgbm"].columns)
    mixed = rows.assign(**{name: rows[name].astype("object") for name in features})
    mixed[features[0]] = [pd.NA, 1]
    plain = rows.assign(**{features[0]: [np.nan, 1.0]})
    np.testing.assert_array_equal(
        served.forecast(mixed).quantiles, served.forecast(plain).quantiles
    )


def test_the_implied_cone_is_served_and_the_vol_cone_where_it_is_silent(
    served: ServedModel, snapshot: Snapshot
) -> None:
    cones = replace(served, finals={}, weights={"vol_cone": 0.25, "implied_cone": 0.75})
    assert "implied.zl_30d" in cones.columns
    assert "implied.zl_30d" not in served.columns
    rows = snapshot.matrix.iloc[-2:].assign(**{"implied.zl_30d": [30.0, np.nan]})
    sigma = vol_cone_sigma(snapshot.returns, WEEK.sessions)[-2:]
    got = cones.forecast(rows).quantiles[:, 2]
    # 0.3 sqrt(5 / 252) = 0.0422577.
    want = [1.2816 * (0.25 * sigma[0] + 0.75 * 0.0422577), 1.2816 * sigma[1]]
    assert got == pytest.approx(want, abs=1e-7)


def test_rows_that_cannot_be_forecast_are_refused(served: ServedModel, snapshot: Snapshot) -> None:
    rows = snapshot.matrix.iloc[-3:]
    lost = served.columns[5]
    with pytest.raises(ModelError, match=f"lack 1 of the .*{lost}"):
        served.forecast(rows.drop(columns=lost))
    for wrong in (rows.iloc[::-1], rows.iloc[:0], pd.concat([rows, rows.iloc[-1:]])):
        with pytest.raises(ModelError, match="ascending by data_date"):
            served.forecast(wrong)
    with pytest.raises(ModelError, match="before the first session of the model"):
        served.forecast(snapshot.matrix.iloc[:1])


@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_a_broken_engine_is_replaced_by_the_cone_and_named(
    served: ServedModel,
    snapshot: Snapshot,
    caplog: pytest.LogCaptureFixture,
    damage: str,
) -> None:
    engine = "lightgbm"
    final = served.finals[engine]
    finals = dict(served.finals)
    if damage == "missing":
        del finals[engine]
    else:
        finals[engine] = replace(final, models={n: c[:40] for n, c in final.models.items()})
    rows = snapshot.matrix.iloc[-2:]
    found = replace(served, finals=finals).forecast(rows)
    assert set(found.fallbacks) == {engine}
    assert f"{engine} of 1w is replaced by the vol cone" in caplog.text
    whole = served.forecast(rows)
    weight = served.weights[engine]
    want = whole.quantiles + weight * (whole.experts["vol_cone"] - whole.experts[engine])
    np.testing.assert_allclose(found.quantiles, want, rtol=1e-10)


def test_files_say_the_same_after_reading_and_damage_is_refused(
    served: ServedModel, snapshot: Snapshot, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "model"
    assert served.files() == served.files()
    HashedFiles(folder).write(served.files())
    again = ServedModel.read(folder)
    rows = snapshot.matrix.iloc[-2:]
    np.testing.assert_array_equal(again.forecast(rows).quantiles, served.forecast(rows).quantiles)
    engine = folder / "lightgbm" / "final.q50.lightgbm.txt"
    for damage in (lambda: engine.write_text("tree"), engine.unlink):
        damage()
        damaged = ServedModel.read(folder)
        assert "lightgbm is left to the vol cone: final.q50.lightgbm.txt" in caplog.text
        caplog.clear()
        assert set(damaged.forecast(rows).fallbacks) == {"lightgbm"}
    for name in ("history.parquet", "model.json", "content.json"):
        (folder / name).write_bytes(b"x")
        with pytest.raises(HandoverError, match=rf"{name} (was changed|is damaged)"):
            ServedModel.read(folder)
        HashedFiles(folder).write(served.files())
    (folder / "history.parquet").unlink()
    with pytest.raises(HandoverError, match=r"history\.parquet is missing"):
        ServedModel.read(folder)
    caplog.clear()
    assert RegisteredModelsDataset(str(folder)).load() is None
    assert "no engines at this horizon" in caplog.text


def test_engines_challenge_only_on_the_data_that_they_know(
    served: ServedModel, snapshot: Snapshot
) -> None:
    found = challengers(snapshot, [served])
    assert found.cutoff == served.cutoff
    assert [row.engine for row in found.rows] == ["lightgbm"]
    assert len(found.rows[0].drivers) == 3
    largest = [abs(value) for _, value in found.rows[0].drivers]
    assert largest == sorted(largest, reverse=True)
    np.testing.assert_allclose(
        found.mixed["1w"], served.forecast(snapshot.matrix.iloc[-1:]).quantiles[-1]
    )
    assert "no engine was fitted yet" in challengers(snapshot, []).note
    other = replace(snapshot, provenance="observed")
    assert "fitted on synthetic data" in challengers(other, [served]).note
    past = replace(snapshot, matrix=snapshot.matrix.iloc[:-20])
    assert "they know sessions up to" in challengers(past, [served]).note
    revised = snapshot.matrix.copy()
    revised.loc[300, "market_data.roll_free_return"] += 1e-6
    changed = challengers(replace(snapshot, matrix=revised), [served])
    assert "have changed since" in changed.note
