"""A walk-forward of the TFT against bare pytorch-forecasting loops over the same folds.

The bare sides build the library's `TimeSeriesDataSet` of ready arrays, take its data loader and
its `TemporalFusionTransformer` of the same size, train as many epochs on as many rows in batches
of the same size, check the early-stopping rows after each epoch and forecast the test rows: one
with a Lightning `Trainer`, one with a plain loop. All three sides run in one call,
each in as many processes, warm before the clock starts: imports count for none. Wall time says
something on a quiet machine only; CPU time, of all processes, also on a busy one.

Usage: python benchmarks/tft.py [folds]
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import psutil
from walkforward import market

from soyoil.base.arrays import FloatArray, IntArray
from soyoil.market.conventions import QUANTILES
from soyoil.models import executors
from soyoil.models.base import FoldTask, HorizonArrays, blinded
from soyoil.models.config import FitConfig, TFTConfig
from soyoil.models.walkforward import Job, run_walk_forward

if TYPE_CHECKING:
    import torch

EPOCHS = 3
SESSIONS = 21
FIT = FitConfig(shrink=False)
CONFIG = TFTConfig(max_epochs=EPOCHS, patience=EPOCHS, train_stride=1, device="cpu")


@dataclass(frozen=True)
class Bare:
    """Loaders of one fold and the network that they feed."""

    network: Any
    train: Any
    valid: Any
    test: Any


def frame_of(arrays: HorizonArrays, task: FoldTask) -> tuple[pd.DataFrame, float, float]:
    """Standardised arrays as the library wants them, and mean and deviation of the labels.

    The row after an origin carries its label and calendar.
    """
    from soyoil.models import tft

    inputs, (mean, deviation) = tft._inputs(arrays, task, CONFIG, "cpu")
    table = pd.DataFrame(inputs.values.numpy(), columns=list(inputs.names))
    calendar = list(tft.CALENDAR)
    table[calendar] = table[calendar].shift(1, fill_value=0.0)
    table["y"] = np.r_[np.float32(0), inputs.y.numpy()[:-1]]
    weight = np.ones(len(table), dtype="float32")
    weight[task.train + 1], weight[task.valid + 1] = task.train_weight, task.valid_weight
    return table.assign(weight=weight, time=np.arange(len(table)), series="ZL"), mean, deviation


def prepare(table: pd.DataFrame, task: FoldTask) -> Bare:
    """The library's data sets and network."""
    import torch
    from pytorch_forecasting import TemporalFusionTransformer, TimeSeriesDataSet
    from pytorch_forecasting.data.encoders import TorchNormalizer
    from pytorch_forecasting.metrics import QuantileLoss

    def windows(rows: IntArray) -> pd.DataFrame:
        return table.iloc[rows[0] - CONFIG.encoder_length + 1 : rows[-1] + 2]

    own = ("y", "weight", "time", "series")
    calendar = [name for name in table if str(name).startswith("calendar")]
    length = CONFIG.encoder_length
    train = TimeSeriesDataSet(
        windows(task.train),
        time_idx="time", target="y", group_ids=["series"], weight="weight",
        min_encoder_length=length, max_encoder_length=length,
        min_prediction_length=1, max_prediction_length=1,
        time_varying_unknown_reals=[n for n in table if n not in (*own, *calendar)],
        time_varying_known_reals=calendar,
        target_normalizer=TorchNormalizer(method="identity", center=False),
    )  # fmt: skip
    network = TemporalFusionTransformer.from_dataset(
        train,
        hidden_size=CONFIG.hidden_size, hidden_continuous_size=CONFIG.hidden_continuous_size,
        attention_head_size=CONFIG.attention_heads, dropout=CONFIG.dropout, lstm_layers=1,
        loss=QuantileLoss(list(QUANTILES)), output_size=len(QUANTILES),
        learning_rate=CONFIG.learning_rate, optimizer="adam", log_interval=-1,
        logging_metrics=torch.nn.ModuleList(),
    )  # fmt: skip
    loaders = [train.to_dataloader(train=True, batch_size=CONFIG.batch_size, drop_last=False)] + [
        TimeSeriesDataSet.from_dataset(train, windows(rows)).to_dataloader(
            train=False, batch_size=512
        )
        for rows in (task.valid, task.test)
    ]
    rows = [len(loader.dataset) for loader in loaders]
    if rows != [len(task.train), len(task.valid), len(task.test)]:
        raise SystemExit(f"the bare side has other rows: {rows}")
    return Bare(network, *loaders)


def with_trainer(bare: Bare) -> None:
    """Train with Lightning."""
    from lightning.pytorch import Trainer

    logging.disable(logging.WARNING)
    Trainer(
        max_epochs=EPOCHS,
        accelerator="cpu",
        gradient_clip_val=CONFIG.gradient_clip,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    ).fit(bare.network, bare.train, bare.valid)


def with_loop(bare: Bare) -> None:
    """Train with nothing but the loop."""
    import torch

    network = bare.network
    optimiser = torch.optim.Adam(network.parameters(), lr=CONFIG.learning_rate)

    def loss(x: dict[str, torch.Tensor], y: Any) -> torch.Tensor:
        found: torch.Tensor = network.loss(network(x)["prediction"], y)
        return found

    for _ in range(EPOCHS):
        network.train()
        for x, y in bare.train:
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss(x, y))
            torch.nn.utils.clip_grad_norm_(network.parameters(), CONFIG.gradient_clip)
            optimiser.step()
        network.eval()
        with torch.no_grad():
            for x, y in bare.valid:
                loss(x, y)


def fit_bare(side: str, arrays: HorizonArrays, task: FoldTask) -> tuple[FloatArray, int]:
    """Quantiles of the test rows in the units of the arrays' labels, and parameters."""
    import torch

    warnings.simplefilter("ignore")
    torch.set_num_threads(FIT.threads)
    torch.manual_seed(task.seed)
    table, mean, deviation = frame_of(arrays, task)
    bare = prepare(table, task)
    {"trainer": with_trainer, "loop": with_loop}[side](bare)
    bare.network.eval()
    with torch.no_grad():
        parts = [bare.network(x)["prediction"][:, 0].numpy() for x, _ in bare.test]
    count = sum(p.numel() for p in bare.network.parameters())
    return np.concatenate(parts).astype("float64") * deviation + mean, count


def parameters_of_ours() -> int:
    """Parameters of the network that the engine builds."""
    from soyoil.models import tft

    names = (*(n.replace(".", "_") for n in CONFIG.features), tft.MISSING, *tft.CALENDAR)
    return sum(p.numel() for p in tft.build_network(names, CONFIG).parameters())


def pinball(y: FloatArray, quantiles: FloatArray) -> float:
    """Mean pinball loss over rows and quantiles."""
    error = y[:, None] - quantiles
    alpha = np.array(QUANTILES)
    return float(np.maximum(alpha * error, (alpha - 1) * error).mean())


def clocks() -> FloatArray:
    """Wall and CPU seconds, the latter of this process and its workers."""
    me = psutil.Process()
    used = [p.cpu_times() for p in (me, *me.children(recursive=True))]
    return np.array([time.perf_counter(), sum(u.user + u.system for u in used)])


def time_bare(
    pool: ProcessPoolExecutor, side: str, arrays: HorizonArrays, tasks: Sequence[FoldTask]
) -> tuple[FloatArray, list[FloatArray]]:
    """Seconds and forecasts of one bare side."""
    ready = [blinded(arrays, task, FIT.target_kind) for task in tasks]
    started = clocks()
    futures = [pool.submit(fit_bare, side, a, t) for a, t in zip(ready, tasks, strict=True)]
    found = [future.result() for future in futures]
    seconds = clocks() - started
    sizes = {count for _, count in found} | {pool.submit(parameters_of_ours).result()}
    if len(sizes) > 1:
        raise SystemExit(f"the networks differ in size: {sorted(sizes)} parameters")
    forecasts = [q * arrays.scale[t.test, None] for (q, _), t in zip(found, tasks, strict=True)]
    return seconds, forecasts


def main() -> None:
    """Print seconds of all sides, their ratios and the pinball loss of the test rows on each."""
    arrays, tasks = market(SESSIONS)
    tasks = tasks[: int(sys.argv[1]) if len(sys.argv) > 1 else 2]
    workers = FIT.worker_count(single=True)
    small = [
        replace(tasks[0], train=tasks[0].train[-64:], train_weight=np.ones(64), fold=i)
        for i in range(workers)
    ]
    os.environ.update(dict.fromkeys(executors.THREAD_VARIABLES, str(FIT.threads)))
    y = np.concatenate([arrays.y[task.test] for task in tasks])
    seconds, losses = {}, {}
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn) as pool:
        for side in ("trainer", "loop"):
            time_bare(pool, side, arrays, small)
            seconds[side], forecasts = time_bare(pool, side, arrays, tasks)
            losses[side] = pinball(y, np.concatenate(forecasts))
    job = Job("tft", FIT, CONFIG)
    run_walk_forward(job, arrays, small, lambda done: None)
    started = clocks()
    results = run_walk_forward(job, arrays, tasks, lambda done: None)
    seconds["soyoil"] = clocks() - started
    executors.shutdown()
    losses["soyoil"] = pinball(y, np.concatenate([r.quantiles for r in results]))
    rows = sum(len(task.train) for task in tasks)
    print(f"{len(tasks)} folds, {rows} training rows, {EPOCHS} epochs, {workers} workers")
    for side, spent in seconds.items():
        print(f"{side}: wall {spent[0]:.1f} s, CPU {spent[1]:.1f} s, loss {losses[side]:.5f}")
    for side in ("trainer", "loop"):
        wall, cpu = seconds["soyoil"] / seconds[side]
        print(f"soyoil / {side}: wall {wall:.2f}, CPU {cpu:.2f}")


if __name__ == "__main__":
    main()
