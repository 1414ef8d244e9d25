"""Time and memory of the single-symbol features, beside a plain pandas loop over symbols.

Usage: ``python benchmarks/features.py [--symbols 1 10 100 1000] [--pandas-up-to 100]``. Every
measurement runs in a process of its own, so that its peak memory is its own. Where both run,
their values are compared: same missing values, relative difference of at most 1e-9.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

SESSIONS = 4_000
TOLERANCE = 1e-9


def make_sessions(symbols: int, seed: int = 7) -> pd.DataFrame:
    """Random session bars with a roll about every 30 sessions, no thin sessions."""
    from soyoil.market.rolls import roll_free

    rng = np.random.default_rng(seed)
    n = symbols * SESSIONS
    close = 40 * np.exp(np.cumsum(rng.normal(0, 0.015, (symbols, SESSIONS)), axis=1))
    contract = np.cumsum(rng.random((symbols, SESSIONS)) < 1 / 30, axis=1) + 1
    close = close * (1 + 0.02 * (contract % 3))
    open_ = close * np.exp(rng.normal(0, 0.01, close.shape))
    free = [roll_free(o, c, i) for o, c, i in zip(open_, close, contract, strict=True)]
    dates = pd.bdate_range("2008-01-01", periods=SESSIONS, unit="us")
    return pd.DataFrame(
        {
            "symbol": pd.Series(np.repeat([f"S{i:04d}" for i in range(symbols)], SESSIONS)),
            "data_date": np.tile(dates.to_numpy(), symbols),
            "open": open_.ravel(),
            "high": (np.maximum(open_, close) * (1 + rng.random(close.shape) * 0.01)).ravel(),
            "low": (np.minimum(open_, close) * (1 - rng.random(close.shape) * 0.01)).ravel(),
            "close": close.ravel(),
            "volume": rng.integers(1_000, 90_000, n),
            "realized_vol_1h": rng.uniform(0.1, 0.5, n),
            "roll_free_return": np.concatenate([f.returns for f in free]),
            "is_roll": np.concatenate([f.is_roll for f in free]),
        }
    )


def _seeded_ewm(values: pd.Series, n: int, at: int, alpha: float) -> pd.Series:
    """Exponential mean that starts at position `at` with the plain mean of `n` values."""
    seeded = values.copy()
    seeded.iloc[:at] = np.nan
    seeded.iloc[at] = values.iloc[at - n + 1 : at + 1].mean()
    return seeded.ewm(alpha=alpha, adjust=False).mean()


def _trend(g: pd.DataFrame) -> dict[str, pd.Series]:
    r, index, scale = g["roll_free_return"], g["index"], g["scale"]
    out = {"market_data.roll_free_index": index}
    for n in (5, 21, 63):
        mean = index.rolling(n).mean()
        out[f"market_data.ma_{n}"] = mean * scale
        out[f"market_data.ma_{n}_log_ratio"] = np.log(index / mean)
    for n in (1, 5, 21, 63, 126):
        out[f"market_data.return_{n}d"] = r.rolling(n).sum()
    out["market_data.momentum_21d"] = index.pct_change(21)
    change = index.diff()
    up = _seeded_ewm(change.clip(lower=0), 14, 14, 1 / 14)
    down = _seeded_ewm(-change.clip(upper=0), 14, 14, 1 / 14)
    out["market_data.rsi_14"] = 100 * up / (up + down)
    line = _seeded_ewm(index, 12, 25, 2 / 13) - _seeded_ewm(index, 26, 25, 2 / 27)
    signal = _seeded_ewm(line, 9, 33, 2 / 10)
    line = line.where(signal.notna())
    out["market_data.macd_line"] = line / index
    out["market_data.macd_signal"] = signal / index
    out["market_data.macd_histogram"] = (line - signal) / index
    window = index.rolling(20)
    middle, deviation = window.mean(), window.std(ddof=0)
    lower = middle - 2 * deviation
    out["market_data.bollinger_percent_b"] = (index - lower) / (4 * deviation)
    out["market_data.bollinger_bandwidth"] = 4 * deviation / middle
    top, bottom = g["high_i"].rolling(14).max(), g["low_i"].rolling(14).min()
    k = (100 * (index - bottom) / (top - bottom)).rolling(3).mean()
    out["market_data.stochastic_k"] = k
    out["market_data.stochastic_d"] = k.rolling(3).mean()
    median = g["volume"].rolling(21).median()
    out["market_data.volume_21d_log_ratio"] = np.log(g["volume"] / median)
    out["market_data.amihud_21d"] = (1e9 * r.abs() / (g["close"] * g["volume"])).rolling(21).mean()
    return out


def _volatility(g: pd.DataFrame) -> dict[str, pd.Series]:
    r, index = g["roll_free_return"], g["index"]
    year = np.sqrt(252)
    short, long = r.rolling(21).std() * year, r.rolling(63).std() * year
    out = {
        "market_data.volatility_21d": short,
        "market_data.volatility_63d": long,
        "market_data.volatility_ratio_21d_63d": short / long,
        "market_data.volatility_ewma_42": np.sqrt(
            252 * (r**2).ewm(halflife=42, adjust=False).mean()
        ),
    }
    span = np.log(g["high"] / g["low"]) ** 2
    body = np.log(g["close"] / g["open"])
    overnight = (r - body).mask(g["is_roll"], 0.0) ** 2
    out["market_data.parkinson_21d"] = np.sqrt(252 * (span / (4 * np.log(2))).rolling(21).mean())
    daily = overnight + span / 2 - (2 * np.log(2) - 1) * body**2
    out["market_data.garman_klass_21d"] = np.sqrt(252 * daily.rolling(21).mean())
    before = index.shift()
    parts = [g["high_i"] - g["low_i"], (g["high_i"] - before).abs(), (g["low_i"] - before).abs()]
    atr = _seeded_ewm(pd.concat(parts, axis=1).max(axis=1), 14, 14, 1 / 14)
    out["market_data.atr_14"] = atr * g["scale"]
    out["market_data.atr_14_pct"] = atr / index
    for n in (5, 21):
        mean = (g["realized_vol_1h"] ** 2).rolling(n).mean()
        out[f"market_data.realized_vol_1h_{n}d"] = np.sqrt(mean)
    out["regime.vol_percentile"] = short.expanding(min_periods=63).rank(method="max", pct=True)
    return out


def _zone(g: pd.DataFrame, atr: pd.Series) -> dict[str, pd.Series]:
    position = pd.Series(np.arange(len(g), dtype="float64"), index=g.index)
    levels, at = {}, {}
    for name, sign in (("high", 1), ("low", -1)):
        base = sign * g[name] / g["factor"]
        highest = base.rolling(5).max()
        peak = base.shift(5)
        swing = (peak > highest.shift(6)) & (peak >= highest)
        levels[name] = sign * peak.where(swing).ffill() * g["factor"]
        at[name] = (position - 5).where(swing).ffill()
    high, low = levels["high"], levels["low"]
    direction = np.sign(at["high"] - at["low"]).where((high > low) & (at["high"] != at["low"]))
    newer, back = high.where(direction > 0, low), direction * (high - low)
    shallow, deep = newer - 0.5 * back, newer - 0.618 * back
    edges = pd.concat([shallow, deep], axis=1)
    distance = g["close"] - g["close"].clip(edges.min(axis=1), edges.max(axis=1))
    distance = distance.where(direction.notna())
    return {
        "golden_zone.swing_high": high,
        "golden_zone.swing_low": low,
        "golden_zone.swing_high_log_ratio": np.log(g["close"] / high),
        "golden_zone.swing_low_log_ratio": np.log(g["close"] / low),
        "golden_zone.fib_50": shallow,
        "golden_zone.fib_618": deep,
        "golden_zone.direction": direction,
        "golden_zone.state": (distance == 0).astype("float64").where(distance.notna()),
        "golden_zone.distance_to_zone_atr": distance / atr,
    }


def _pivots(g: pd.DataFrame, atr: pd.Series) -> dict[str, pd.Series]:
    close, factor = g["close"], g["factor"]
    carry = factor / factor.shift()
    h, low, c = (g[name].shift() * carry for name in ("high", "low", "close"))
    p = (h + low + c) / 3
    levels = {"P": p, "R1": 2 * p - low, "S1": 2 * p - h, "R2": p + h - low, "S2": p - h + low}
    out = {f"pivots.{name}": level for name, level in levels.items()}
    out |= {f"pivots.{name}_log_ratio": np.log(close / level) for name, level in levels.items()}
    distances = pd.DataFrame({name: close - level for name, level in levels.items()})
    magnitude = distances.abs().min(axis=1)
    signed = distances.where(distances.abs().eq(magnitude, axis=0)).bfill(axis=1).iloc[:, 0]
    week = g["data_date"] - pd.to_timedelta(g["data_date"].dt.dayofweek, "D")
    base = pd.DataFrame({n: g[n] / factor for n in ("high", "low", "close")}).groupby(week)
    bars = base.agg({"high": "max", "low": "min", "close": "last"})
    weekly = (bars.sum(axis=1) / 3).shift()
    # Here every week has a session; the first is cut off unless it starts on a Monday.
    if g["data_date"].iloc[0].dayofweek > 0:
        weekly.iloc[1] = np.nan
    level = week.map(weekly) * factor
    return out | {
        "pivots.distance_to_P": close - p,
        "pivots.distance_to_P_atr": (close - p) / atr,
        "pivots.distance_to_nearest_pivot": signed,
        "pivots.distance_to_nearest_pivot_atr": signed / atr,
        "pivots.price_above_P": (close > p).astype("boolean").where(p.notna()),
        "pivots.weekly_P": level,
        "pivots.weekly_P_log_ratio": np.log(close / level),
        "pivots.weekly_pivot_distance": close - level,
    }


def pandas_features(sessions: pd.DataFrame) -> pd.DataFrame:
    """The same columns as one would write them in pandas, symbol by symbol.

    Gaps, prices that are not positive and windows without movement are left out of account.
    """
    parts = []
    for _, rows in sessions.groupby("symbol"):
        r = rows["roll_free_return"]
        g = rows.assign(index=np.exp(r.fillna(0).cumsum()))
        g["scale"] = g["close"] / g["index"]
        g["high_i"], g["low_i"] = g["high"] / g["scale"], g["low"] / g["scale"]
        ratio = (g["close"] / g["close"].shift() / np.exp(r)).where(g["is_roll"], 1.0)
        g["factor"] = ratio.cumprod()
        volatility = _volatility(g)
        atr = volatility["market_data.atr_14"]
        parts.append(pd.DataFrame(_trend(g) | volatility | _zone(g, atr) | _pivots(g, atr)))
    return pd.concat(parts)


def measure(engine: str, symbols: int, keep: Path | None) -> dict[str, float | str]:
    """Compute in this process and report; `keep` is where the values go."""
    from soyoil.features.matrix import symbol_features

    unit = 2**20 if sys.platform == "darwin" else 2**10
    sessions = make_sessions(symbols)
    symbol_features(sessions.head(200))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit
    start = time.perf_counter()
    frame = symbol_features(sessions) if engine == "soyoil" else pandas_features(sessions)
    seconds = time.perf_counter() - start
    if keep is not None:
        frame.to_parquet(keep)
    return {
        "engine": engine,
        "symbols": symbols,
        "columns": frame.shape[1],
        "seconds": round(seconds, 3),
        "symbol-sessions a minute": round(60 * len(sessions) / seconds),
        "MiB of result": frame.memory_usage(deep=True).sum() // 2**20,
        "peak RSS MiB before": before,
        "peak RSS MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit,
    }


def largest_difference(first: Path, second: Path) -> float:
    """Largest relative difference (absolute below 1) of two files of features.

    Raises
    ------
    SystemExit
        If columns or missing values differ.
    """
    a, b = pd.read_parquet(first), pd.read_parquet(second)
    if set(a) != set(b):
        raise SystemExit(f"different columns: {sorted(set(a) ^ set(b))}")
    worst = 0.0
    for name in a:
        x, y = (f[name].to_numpy(dtype="float64", na_value=np.nan) for f in (a, b))
        if not np.array_equal(np.isnan(x), np.isnan(y)):
            at = int(np.flatnonzero(np.isnan(x) != np.isnan(y))[0])
            raise SystemExit(f"{name}: row {at} is {x[at]} and {y[at]}")
        difference = np.nanmax(np.abs(x - y) / np.maximum(np.abs(y), 1.0))
        if difference > TOLERANCE:
            raise SystemExit(f"{name}: differs by {difference:.1e}")
        worst = max(worst, float(difference))
    return worst


def main() -> None:
    """Measure every size, smallest first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbols", nargs="+", type=int, default=[1, 10, 100, 1000])
    parser.add_argument("--pandas-up-to", type=int, default=100)
    parser.add_argument("--once", nargs=3, metavar=("ENGINE", "SYMBOLS", "FILE"))
    options = parser.parse_args()
    if options.once:
        engine, symbols, name = options.once
        print(
            json.dumps(
                measure(engine, int(symbols), Path(name) if name != "-" else None), default=int
            )
        )
        return
    for symbols in options.symbols:
        compared = symbols <= options.pandas_up_to
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for engine in ("soyoil", "pandas") if compared else ("soyoil",):
                files.append(Path(folder) / f"{engine}.parquet" if compared else Path("-"))
                command = [sys.executable, __file__, "--once", engine, str(symbols)]
                done = subprocess.run(
                    [*command, str(files[-1])], check=True, capture_output=True, text=True
                )
                found = json.loads(done.stdout)
                print("  ".join(f"{k} {v:,}" if k != "engine" else v for k, v in found.items()))
            if compared:
                print(f"  largest difference {largest_difference(*files):.1e}")


if __name__ == "__main__":
    main()
