"""Temporal Fusion Transformer: pytorch-forecasting's network, trained without a leak.

The decoder has length 1 and stands for the row after the origin: it carries the label, the
weight and the calendar of the origin. The target is never among the encoder's inputs, whose
last row is the origin. Features are standardised, and labels centred and scaled, by the
training rows of the fold alone.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from pytorch_forecasting.data.encoders import TorchNormalizer
from pytorch_forecasting.metrics import QuantileLoss
from pytorch_forecasting.models import TemporalFusionTransformer

from soyoil.base.arrays import DayArray, FloatArray, IntArray
from soyoil.base.errors import ModelError
from soyoil.market.conventions import QUANTILES
from soyoil.models.base import (
    SELECTION,
    EngineFit,
    FoldTask,
    HorizonArrays,
    RowForecast,
)
from soyoil.models.config import TFTConfig
from soyoil.models.device import torch_device
from soyoil.models.selection import thinned

CLIP = 5.0
CALENDAR = ("calendar_sin", "calendar_cos")
MISSING = "share_missing"
PREDICT_ROWS = 512


def weighted_loss(
    loss: QuantileLoss, prediction: torch.Tensor, y: torch.Tensor, weight: torch.Tensor
) -> torch.Tensor:
    """Pinball loss, summed over the quantiles, as a weighted mean over the rows.

    The library multiplies by the weights but divides by the number of rows, so that a batch
    of light rows would count less than one of heavy rows by more than its weights. This
    divides by their sum.

    Parameters
    ----------
    loss
        Gives the loss per row, decoder step and quantile.
    prediction
        Shape ``(batch, 1, 3)``.
    y, weight
        Labels and weights, shape ``(batch,)``.
    """
    rows = loss.loss(prediction, y[:, None]).sum(dim=(1, 2))
    mean: torch.Tensor = (rows * weight).sum() / weight.sum()
    return mean


@dataclass(frozen=True)
class Inputs:
    """Tensors of one fold on one device, float32.

    Attributes
    ----------
    values
        Standardised features, share of missing ones and calendar, shape ``(n, p)``.
    names
        Columns of `values`.
    y
        Labels, centred and scaled, shape ``(n,)``; zero where an engine may see none.
    length
        Sessions that the encoder looks back on.
    """

    values: torch.Tensor
    names: tuple[str, ...]
    y: torch.Tensor
    length: int

    def batch(self, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        """Encoder windows that end at the origins, and the decoder row after each."""
        steps = torch.arange(1 - self.length, 1, device=rows.device)
        encoder = self.values[rows[:, None] + steps]
        decoder = torch.zeros_like(self.values[rows])[:, None, :]
        decoder[:, 0, -len(CALENDAR) :] = self.values[rows][:, -len(CALENDAR) :]
        count = len(rows)
        empty = torch.zeros((count, 1, 0), dtype=torch.long, device=rows.device)
        scale = torch.tensor([[0.0, 1.0]], device=rows.device).expand(count, 2)
        return {
            "encoder_cat": empty.expand(count, self.length, 0),
            "encoder_cont": encoder,
            "encoder_lengths": torch.full((count,), self.length, device=rows.device),
            "decoder_cat": empty,
            "decoder_cont": decoder,
            "decoder_lengths": torch.ones(count, dtype=torch.long, device=rows.device),
            "target_scale": scale,
        }


def _columns(arrays: HorizonArrays, config: TFTConfig) -> list[int]:
    unknown = [name for name in config.features if name not in arrays.feature_names]
    if unknown:
        raise ModelError(
            f"tft.features names {', '.join(unknown)}, which the matrix does not give to models. "
            f"It gives {', '.join(arrays.feature_names)}."
        )
    return [arrays.feature_names.index(name) for name in config.features]


def standardise(features: FloatArray, last_train: int) -> FloatArray:
    """Features centred and scaled by the rows up to the last training origin, clipped.

    Missing values become the mean, zero; beside them stands the share that was missing.

    Parameters
    ----------
    features
        Shape ``(n, p)``, NaN where missing.
    last_train
        Position of the last training origin; later rows do not touch mean and deviation.

    Returns
    -------
    FloatArray
        Shape ``(n, p + 1)``, the last column being the share of missing features.
    """
    return _scaled(features, *_moments(features[: last_train + 1]))


def _moments(known: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and deviation of each column's known values; 1 for a deviation of zero."""
    there = ~np.isnan(known)
    count = np.maximum(there.sum(axis=0), 1)
    mean = np.where(there, known, 0.0).sum(axis=0) / count
    deviation = np.sqrt(np.where(there, (known - mean) ** 2, 0.0).sum(axis=0) / count)
    return mean, np.where(deviation > 0, deviation, 1.0)


def _scaled(features: FloatArray, mean: FloatArray, deviation: FloatArray) -> FloatArray:
    scaled = (features - mean) / deviation
    missing = np.isnan(features).mean(axis=1, keepdims=True)
    return np.hstack([np.clip(np.nan_to_num(scaled, nan=0.0), -CLIP, CLIP), missing])


def _calendar(dates: np.ndarray) -> FloatArray:
    year = dates.astype("datetime64[Y]").astype("datetime64[D]")
    angle = 2 * np.pi * (dates.astype("datetime64[D]") - year).astype("float64") / 365.25
    return np.column_stack([np.sin(angle), np.cos(angle)])


def _label_scale(arrays: HorizonArrays, task: FoldTask) -> tuple[float, float]:
    """Weighted mean and deviation of the training labels."""
    y, weight = arrays.y[task.train], task.train_weight
    mean = float(np.average(y, weights=weight))
    deviation = float(np.sqrt(np.average((y - mean) ** 2, weights=weight)))
    return mean, deviation if deviation > 0 else 1.0


def build_network(names: tuple[str, ...], config: TFTConfig) -> TemporalFusionTransformer:
    """A network with fresh weights; the decoder sees the calendar only."""
    with warnings.catch_warnings():
        # Lightning would rather not have modules among the hyperparameters it records.
        warnings.filterwarnings("ignore", message=".*is an instance of `nn.Module`.*")
        return _network(names, config)


def _network(names: tuple[str, ...], config: TFTConfig) -> TemporalFusionTransformer:
    return TemporalFusionTransformer(
        hidden_size=config.hidden_size,
        lstm_layers=1,
        dropout=config.dropout,
        output_size=len(QUANTILES),
        loss=QuantileLoss(list(QUANTILES)),
        attention_head_size=config.attention_heads,
        max_encoder_length=config.encoder_length,
        time_varying_reals_encoder=list(names),
        time_varying_reals_decoder=list(CALENDAR),
        x_reals=list(names),
        hidden_continuous_size=config.hidden_continuous_size,
        output_transformer=TorchNormalizer(method="identity", center=False),
        logging_metrics=torch.nn.ModuleList(),
    )


def _inputs(
    arrays: HorizonArrays, task: FoldTask, config: TFTConfig, device: str
) -> tuple[Inputs, tuple[float, float]]:
    first = int(min(rows.min() for rows in (task.train, task.valid, task.test) if len(rows)))
    if first + 1 < config.encoder_length:
        raise ModelError(
            f"fold {task.fold}: tft.encoder_length={config.encoder_length} reaches before the "
            f"first session; at most {first + 1} fit. Lower it or raise split.warm_up."
        )
    scale = _label_scale(arrays, task)
    features = standardise(arrays.X[:, _columns(arrays, config)], int(task.train.max()))
    y = np.nan_to_num((arrays.y - scale[0]) / scale[1], nan=0.0)
    return _tensors(features, y, arrays.dates, config, device), scale


def _tensors(
    features: FloatArray, y: FloatArray, dates: DayArray, config: TFTConfig, device: str
) -> Inputs:
    values = np.hstack([features, _calendar(dates)])
    tensors = (torch.from_numpy(np.array(v, dtype=np.float32)).to(device) for v in (values, y))
    names = (*(n.replace(".", "_") for n in config.features), MISSING, *CALENDAR)
    return Inputs(next(tensors), names, next(tensors), config.encoder_length)


def _weighted_loss(
    network: TemporalFusionTransformer, inputs: Inputs, rows: torch.Tensor, weight: torch.Tensor
) -> torch.Tensor:
    prediction = network(inputs.batch(rows))["prediction"]
    return weighted_loss(network.loss, prediction, inputs.y[rows], weight)


def _rows(positions: IntArray, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(np.array(positions, dtype=np.int64)).to(device)


@torch.no_grad()
def _validation_loss(
    network: TemporalFusionTransformer, inputs: Inputs, rows: torch.Tensor, weight: torch.Tensor
) -> float:
    network.eval()
    total = 0.0
    for start in range(0, len(rows), PREDICT_ROWS):
        part = slice(start, start + PREDICT_ROWS)
        loss = _weighted_loss(network, inputs, rows[part], weight[part])
        total += float(loss) * float(weight[part].sum())
    return total / float(weight.sum())


def train(
    network: TemporalFusionTransformer, inputs: Inputs, task: FoldTask, config: TFTConfig
) -> int:
    """Train in place with early stopping; the best weights are put back.

    Returns
    -------
    int
        Number of epochs of the weights that were kept.
    """
    device = inputs.values.device
    rows, valid = _rows(task.train, device), _rows(task.valid, device)
    weight, valid_weight = (
        torch.from_numpy(np.array(w, dtype=np.float32)).to(device)
        for w in (task.train_weight, task.valid_weight)
    )
    parameters = list(network.parameters())
    # One call for all tensors, with the numbers of one call for each.
    optimiser = torch.optim.Adam(parameters, lr=config.learning_rate, foreach=True)
    # The order of the rows is drawn on the CPU, so that every device sees the same batches.
    generator = torch.Generator().manual_seed(task.seed)
    best, kept, epochs = np.inf, None, 0
    for epoch in range(1, config.max_epochs + 1):
        network.train()
        order = torch.randperm(len(rows), generator=generator).to(device)
        for part in torch.split(order, config.batch_size):
            loss = _weighted_loss(network, inputs, rows[part], weight[part])
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(parameters, config.gradient_clip)
            optimiser.step()
        if len(valid) == 0:
            epochs = epoch
            continue
        score = _validation_loss(network, inputs, valid, valid_weight)
        if score < best:
            best, epochs = score, epoch
            kept = {k: v.detach().clone() for k, v in network.state_dict().items()}
        elif epoch - epochs >= config.patience:
            break
    if kept is not None:
        network.load_state_dict(kept)
    return epochs


@torch.no_grad()
def predict(
    network: TemporalFusionTransformer, inputs: Inputs, positions: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Quantiles of the scaled label, ``(m, 3)``, and mean selection weight per variable."""
    network.eval()
    quantiles, selection = [np.empty((0, len(QUANTILES)))], np.zeros(len(inputs.names))
    for start in range(0, len(positions), PREDICT_ROWS):
        part = _rows(positions[start : start + PREDICT_ROWS], inputs.values.device)
        out = network(inputs.batch(part))
        quantiles.append(out["prediction"][:, 0].cpu().numpy().astype("float64"))
        chosen = out["encoder_variables"].squeeze(-2).mean(dim=1).sum(dim=0)
        selection += chosen.cpu().numpy().astype("float64")
    return np.concatenate(quantiles), selection / max(len(positions), 1)


def _variables(config: TFTConfig) -> tuple[str, ...]:
    """Names of the encoder's variables as the matrix has them."""
    return (*config.features, MISSING, *CALENDAR)


def fit_fold(arrays: HorizonArrays, task: FoldTask, threads: int, config: TFTConfig) -> EngineFit:
    """Fit the network of one fold; see `soyoil.models.base.Engine`."""
    task = thinned(task, config.train_stride)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    choice = torch_device(config.device)
    inputs, (mean, deviation) = _inputs(arrays, task, config, choice.name)
    torch.manual_seed(task.seed)
    network = build_network(inputs.names, config).to(choice.name)
    epochs = train(network, inputs, task, config)
    test, selection = predict(network, inputs, task.test)
    valid, _ = predict(network, inputs, task.valid)
    variables = _variables(config)
    known = arrays.X[: int(task.train.max()) + 1, _columns(arrays, config)]
    centre, spread = (torch.from_numpy(values) for values in _moments(known))
    buffer = io.BytesIO()
    state = {k: v.cpu() for k, v in network.state_dict().items()}
    torch.save(
        {"config": config.model_dump(mode="json"), "variables": inputs.names, "state": state,
         "label_mean": mean, "label_deviation": deviation,
         "feature_mean": centre, "feature_deviation": spread}, buffer
    )  # fmt: skip
    return EngineFit(
        quantiles=test * deviation + mean,
        valid_quantiles=valid * deviation + mean,
        models={f"fold_{task.fold:02d}.tft.pt": buffer.getvalue()},
        importance={SELECTION: dict(zip(variables, selection.tolist(), strict=True))},
        rounds=float(epochs),
        device=str(choice),
    )


def forecast_rows(
    models: Mapping[str, bytes], arrays: HorizonArrays, rows: IntArray, threads: int
) -> RowForecast:
    """Forecast rows by a stored network; see `soyoil.models.base.Forecaster`."""
    torch.set_num_threads(threads)
    (content,) = models.values()
    stored = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    config = TFTConfig(**stored["config"])
    if len(rows) and int(rows.min()) + 1 < config.encoder_length:
        raise ModelError(
            f"the network looks back on {config.encoder_length} sessions; "
            f"{int(rows.min()) + 1} are there"
        )
    centre, spread = (stored[f"feature_{name}"].numpy() for name in ("mean", "deviation"))
    features = _scaled(arrays.X[:, _columns(arrays, config)], centre, spread)
    inputs = _tensors(features, np.zeros(len(features)), arrays.dates, config, "cpu")
    network = build_network(inputs.names, config)
    network.load_state_dict(stored["state"])
    quantiles, _ = predict(network, inputs, rows)
    _, selection = predict(network, inputs, rows[-1:])
    return RowForecast(
        quantiles * stored["label_deviation"] + stored["label_mean"],
        dict(zip(_variables(config), selection.tolist(), strict=True)),
    )
