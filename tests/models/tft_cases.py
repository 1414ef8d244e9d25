"""Run by test_tft.py in a process of its own, for torch must not meet the tree engines.

Prints one line per case: ``ok <name>`` or ``FAILED <name>: <reason>``.
"""

import sys
import traceback
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from pytorch_forecasting.data.encoders import EncoderNormalizer

from soyoil.base.errors import ModelError
from soyoil.models import tft
from soyoil.models.base import FoldTask, HorizonArrays, blinded
from soyoil.models.config import FitConfig, TFTConfig
from soyoil.models.device import difference_on
from soyoil.models.walkforward import Job, fit_one

CONFIG = TFTConfig(
    features=("m.a", "m.b"),
    encoder_length=6,
    hidden_size=8,
    hidden_continuous_size=4,
    dropout=0.0,
    max_epochs=3,
    train_stride=1,
    device="cpu",
)


def arrays(seed: int = 0, n: int = 260) -> HorizonArrays:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, 3))
    features[5:15, 1] = np.nan
    scale = np.exp(rng.normal(-3, 0.2, n))
    y = scale * (0.7 * features[:, 0] + rng.normal(size=n))
    dates = np.arange(np.datetime64("2019-01-01"), np.datetime64("2019-01-01") + n)
    return HorizonArrays(features, y, scale, dates, ("m.a", "m.b", "m.c"))


def task() -> FoldTask:
    train, valid = np.arange(20, 160), np.arange(165, 195)
    return FoldTask(0, train, valid, np.arange(200, 240), np.ones(140), np.ones(30), 7)


def loss_and_gradients(rows: list[int], weights: list[float]) -> list[torch.Tensor]:
    """One full-batch evaluation of a fresh network in double precision."""
    inputs, _ = tft._inputs(blinded(arrays(), task(), "vol_scaled"), task(), CONFIG, "cpu")
    torch.manual_seed(1)
    network = tft.build_network(inputs.names, CONFIG).double()
    wide = replace(inputs, values=inputs.values.double(), y=inputs.y.double())
    loss = tft._weighted_loss(
        network, wide, torch.tensor(rows), torch.tensor(weights, dtype=torch.float64)
    )
    used = [p for p in network.parameters() if p.requires_grad]
    gradients = torch.autograd.grad(loss, used, allow_unused=True)
    return [loss.detach(), *(g for g in gradients if g is not None)]


def same(first: list[torch.Tensor], second: list[torch.Tensor]) -> None:
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        assert torch.allclose(a, b, atol=1e-6, rtol=1e-6), float((a - b).abs().max())


def weight_zero_is_a_dropped_row() -> None:
    same(loss_and_gradients([30, 40, 50], [1, 0, 1]), loss_and_gradients([30, 50], [1, 1]))


def weight_two_is_a_doubled_row() -> None:
    same(loss_and_gradients([30, 40], [1, 2]), loss_and_gradients([30, 40, 40], [1, 1, 1]))


def the_scale_of_the_weights_does_not_matter() -> None:
    same(loss_and_gradients([30, 40], [1, 2]), loss_and_gradients([30, 40], [10, 20]))


def fits_repeat_bit_for_bit_and_see_no_scored_label() -> None:
    job = Job("tft", FitConfig(), CONFIG)
    data = arrays()
    first, again = (fit_one(job, data, task()) for _ in range(2))
    assert np.array_equal(first.quantiles, again.quantiles)
    poisoned = data.y.copy()
    poisoned[200:] = 1e6
    dirty = fit_one(job, replace(data, y=poisoned), task())
    assert np.array_equal(first.quantiles, dirty.quantiles)
    assert (np.diff(first.quantiles, axis=1) >= 0).all()
    chosen = first.importance["selection"]
    assert set(chosen) == {"m.a", "m.b", "share_missing", "calendar_sin", "calendar_cos"}
    assert abs(sum(chosen.values()) - 1.0) < 1e-5
    assert first.device.startswith("cpu")
    assert first.libraries == ("torch",)


def weights_reach_training_and_early_stopping() -> None:
    job, data, plain = Job("tft", FitConfig(shrink=False), CONFIG), arrays(), task()
    base = fit_one(job, data, plain).quantiles
    heavy = replace(plain, train_weight=np.where(plain.train < 90, 0.2, 1.8))
    assert not np.array_equal(base, fit_one(job, data, heavy).quantiles)
    inputs, _ = tft._inputs(blinded(data, plain, "vol_scaled"), plain, CONFIG, "cpu")
    network = tft.build_network(inputs.names, CONFIG)
    rows = torch.from_numpy(plain.valid)
    even = tft._validation_loss(network, inputs, rows, torch.ones(30))
    late = tft._validation_loss(network, inputs, rows, torch.linspace(0.1, 2.0, 30))
    assert even != late


def later_features_do_not_reach_a_forecast() -> None:
    """Rows after an origin, and the label of any row, are not among its inputs."""
    data, plain = arrays(), task()
    shown = blinded(data, plain, "vol_scaled")
    features = data.X.copy()
    features[201:] = 1e3
    inputs, _ = tft._inputs(shown, plain, CONFIG, "cpu")
    other, _ = tft._inputs(replace(shown, X=features), plain, CONFIG, "cpu")
    row = torch.tensor([200])
    for name, value in inputs.batch(row).items():
        assert torch.equal(value, other.batch(row)[name]), name
    decoder = inputs.batch(row)["decoder_cont"][0, 0]
    assert torch.equal(decoder[:-2], torch.zeros_like(decoder[:-2])), "calendar only"


def scaling_uses_the_training_rows_alone() -> None:
    data = arrays()
    features = data.X.copy()
    features[161:] *= 50
    near, far = (tft.standardise(x, 159) for x in (data.X, features))
    assert np.array_equal(near[:160], far[:160])


def no_double_precision_reaches_the_network() -> None:
    inputs, _ = tft._inputs(blinded(arrays(), task(), "vol_scaled"), task(), CONFIG, "cpu")
    kinds = {v.dtype for v in inputs.batch(torch.tensor([50, 60])).values()}
    assert kinds <= {torch.float32, torch.int64}, kinds
    network = tft.build_network(inputs.names, CONFIG)
    assert {p.dtype for p in network.parameters()} == {torch.float32}


def the_check_of_a_device_against_itself_is_exact() -> None:
    assert difference_on("cpu") == 0.0


def a_feature_that_is_not_there_is_named() -> None:
    wrong = CONFIG.model_copy(update={"features": ("m.z",)})
    try:
        tft.fit_fold(arrays(), task(), 1, wrong)
    except tft.ModelError as error:
        assert "tft.features names m.z" in str(error)
    else:
        raise AssertionError("accepted")


LEAK_SESSIONS = 63


def walk_arrays(n: int = 6000) -> tuple[HorizonArrays, FoldTask]:
    """A pure random walk with 3m labels: nothing can be known of them."""
    h = LEAK_SESSIONS
    r = np.random.default_rng(4).normal(0, 0.015, n + h)
    total = np.concatenate([[0.0], np.cumsum(r)])
    y = total[h + 1 : h + 1 + n] - total[1 : 1 + n]
    scale = np.full(n, 0.015 * np.sqrt(h))
    dates = np.arange(np.datetime64("2000-01-01"), np.datetime64("2000-01-01") + n)
    features = np.column_stack([r[:n], np.convolve(r, np.ones(21), "full")[:n]])
    train, valid, test = np.arange(252, 1850), np.arange(1913, 2037), np.arange(2100, n)
    fold = FoldTask(0, train, valid, test, np.ones(len(train)), np.ones(len(valid)), 3)
    return HorizonArrays(features, y, scale, dates, ("m.a", "m.b")), fold


LEAK_CONFIG = CONFIG.model_copy(update={"encoder_length": 20, "max_epochs": 4, "train_stride": 2})


def r_squared(y: np.ndarray, forecast: np.ndarray) -> float:
    return 1.0 - float(((y - forecast) ** 2).sum() / (y**2).sum())


def nothing_is_found_in_a_random_walk() -> None:
    data, fold = walk_arrays()
    ours = fit_one(Job("tft", FitConfig(shrink=False), LEAK_CONFIG), data, fold).quantiles[:, 1]
    found = r_squared(data.y[fold.test], ours)
    assert found < 0.05, found


def the_librarys_default_normaliser_leaks() -> None:
    """Mutant: each window's target is scaled by the values of the target in the encoder.

    The label of a row is known only h sessions later, so this hands the network labels that
    share most of their days with the one it is to forecast.
    """
    data, fold = walk_arrays()
    original = tft.Inputs.batch
    normaliser = EncoderNormalizer()

    def mutant(self: tft.Inputs, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        windows = self.y[rows[:, None] + torch.arange(-self.length, 0)]
        scales = []
        for window in windows:
            normaliser.fit(window)
            scales.append([float(v) for v in normaliser.get_parameters()])
        return {**original(self, rows), "target_scale": torch.tensor(scales)}

    scaled = replace(data, y=data.y / data.scale)
    tft.Inputs.batch = mutant  # type: ignore[method-assign]
    try:
        forecast = tft.fit_fold(scaled, fold, 1, LEAK_CONFIG).quantiles[:, 1]
    finally:
        tft.Inputs.batch = original  # type: ignore[method-assign]
    found = r_squared(scaled.y[fold.test], forecast)
    assert found > 0.3, found


def stored_networks_forecast_as_they_did() -> None:
    fit = tft.fit_fold(blinded(arrays(), task(), "vol_scaled"), task(), 1, CONFIG)
    found = tft.forecast_rows(fit.models, arrays(), task().test, 1)
    assert np.array_equal(found.quantiles, fit.quantiles)
    assert len(np.unique(found.quantiles)) > 100
    assert list(found.drivers) == ["m.a", "m.b", "share_missing", *tft.CALENDAR]
    none = replace(task(), test=task().test[:0])
    assert tft.fit_fold(blinded(arrays(), none, "vol_scaled"), none, 1, CONFIG).quantiles.size == 0
    try:
        tft.forecast_rows(fit.models, arrays(), np.array([3]), 1)
    except ModelError as error:
        assert "looks back on 6 sessions; 4 are there" in str(error)
    else:
        raise AssertionError("sessions before the first one were looked at")


CASES: tuple[Callable[[], None], ...] = (
    weight_zero_is_a_dropped_row,
    weight_two_is_a_doubled_row,
    the_scale_of_the_weights_does_not_matter,
    fits_repeat_bit_for_bit_and_see_no_scored_label,
    weights_reach_training_and_early_stopping,
    later_features_do_not_reach_a_forecast,
    scaling_uses_the_training_rows_alone,
    no_double_precision_reaches_the_network,
    the_check_of_a_device_against_itself_is_exact,
    a_feature_that_is_not_there_is_named,
    stored_networks_forecast_as_they_did,
    nothing_is_found_in_a_random_walk,
    the_librarys_default_normaliser_leaks,
)

if __name__ == "__main__":
    for case in CASES:
        try:
            case()
        except Exception:
            print(f"FAILED {case.__name__}: {traceback.format_exc()!r}")
        else:
            print(f"ok {case.__name__}")
    sys.stdout.flush()
