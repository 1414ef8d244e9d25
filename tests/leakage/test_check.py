"""The leak check passes on the product's own pipeline and finds every leak that is planted."""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from leak_scene import Scene

from soyoil.base.code import code_hash
from soyoil.datasets.leak_record import LeakRecordDataset
from soyoil.features.groups import fundamentals, macro, managed_money, positioning
from soyoil.features.outside import OutsideView
from soyoil.features.registry import FEATURES, SymbolBars
from soyoil.leakage import check, releases
from soyoil.leakage.check import full_check, quick_check
from soyoil.leakage.compare import as_stored
from soyoil.leakage.config import LeakcheckConfig
from soyoil.leakage.folds import check_purge, check_shuffled
from soyoil.leakage.material import Material
from soyoil.leakage.result import LeakReport, why_not_fresh
from soyoil.splits.snapshot import Snapshot

ONE = LeakcheckConfig(cuts=1)
NOW = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)


def failed(report: LeakReport) -> set[str]:
    return {f"{f.check} {f.scope.split(' after')[0]}" for f in report.failed}


def retaken(scene: Scene, material: Material) -> Snapshot:
    """A snapshot of what the pipeline makes with the leak in it, as a run would have it."""
    own = as_stored(material.matrix(scene.sessions))
    rows = own[own["symbol"] == "ZL"].reset_index(drop=True)
    return replace(scene.snapshot, matrix=rows)


def test_nothing_leaks(scene: Scene) -> None:
    report = full_check(scene.snapshot, scene.material, {"1w": scene.plan}, ONE)
    assert report.failed == ()
    assert [(f.check, f.scope.split(" after")[0]) for f in report.findings] == [
        ("rebuild", "ZL"), ("release", "bars"), ("release", "usda"), ("release", "cftc"),
        ("release", "fred"), ("release", "cftc_disaggregated"), ("future", "bars"),
        ("future", "usda"), ("future", "cftc"), ("future", "fred"),
        ("future", "cftc_disaggregated"), ("purge", "1w"), ("shuffle", "1w"),
    ]  # fmt: skip
    quick = quick_check(scene.snapshot, scene.material, scene.sessions, ONE)
    assert [f.check for f in quick.findings] == ["release"] * 5 + ["future"] * 2
    assert quick.failed == ()


@pytest.mark.slow
def test_garbage_is_garbage(scene: Scene) -> None:
    """What is spoilt changes the rows after the evening: else nothing would be looked at."""
    material, own = scene.material, scene.snapshot.matrix
    (evening,) = check.evenings(own, np.random.default_rng(5), 1)
    after = own["data_date"] > evening.day
    for _, _, build in check._poisons(material, scene.sessions, own):
        made = as_stored(build(evening, np.random.default_rng(1)))
        rows = made[(made["symbol"] == "ZL") & (made["data_date"] > evening.day)]
        common = rows.merge(own.loc[after, ["data_date"]], on="data_date")
        kept = own[own["data_date"].isin(common["data_date"])]
        columns = [c for c in kept.columns if kept[c].notna().any()]
        assert not common[columns].equals(kept[columns].reset_index(drop=True))


def tomorrow(bars: SymbolBars, true: np.ndarray) -> Any:
    """The return that a forecast is about."""
    return np.r_[bars.returns[1:], np.nan]


def next_value(bars: SymbolBars, true: np.ndarray) -> Any:
    """A gap takes the value that comes after it."""
    gaps = pd.Series(true).where(np.arange(len(true)) % 3 == 0)
    return gaps[::-1].ffill()[::-1]


def whole_sample_score(bars: SymbolBars, true: np.ndarray) -> Any:
    values = pd.Series(true)
    return (values - values.mean()) / values.std()


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "leak",
    [tomorrow, pytest.param(next_value, marks=SLOW), pytest.param(whole_sample_score, marks=SLOW)],
)
def test_a_feature_that_looks_ahead_is_found(
    leak: Callable[..., Any], scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "market_data.momentum_21d"
    spec = FEATURES[name]
    planted = replace(spec, function=lambda bars: np.asarray(leak(bars, spec.function(bars))))  # type: ignore[misc]
    monkeypatch.setitem(FEATURES, name, planted)
    material = scene.bars_only()
    snapshot = retaken(scene, material)
    full = full_check(snapshot, material, {}, ONE)
    assert failed(full) == {"future bars"}
    assert name in full.failed[0].detail
    quick = quick_check(snapshot, material, scene.sessions, ONE)
    assert failed(quick) == {"future sessions"}


LATE = {
    "cftc": positioning,
    "cftc_disaggregated": managed_money,
    "fred": macro,
    "usda": fundamentals,
}


@pytest.mark.parametrize(
    "source",
    ["cftc", *(pytest.param(name, marks=SLOW) for name in LATE if name != "cftc")],
)
def test_a_value_that_is_used_before_it_is_out_is_found(
    source: str, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Positions of the same day, and the like of other sources: known with the reference day."""
    true = LATE[source].view_of

    def early(name: str, tables: Any) -> OutsideView | None:
        view = true(name, tables)
        if view is None:
            return None
        moved = view.rows.assign(known_at=view.rows[["known_at", "event_time"]].min(axis=1))
        return OutsideView(view.source, moved)

    monkeypatch.setattr(LATE[source], "view_of", early)
    material = replace(scene.material, tables={source: scene.material.tables[source]})
    report = full_check(retaken(scene, material), material, {}, ONE)
    assert failed(report) == {f"future {source}"}


def test_a_lag_that_is_a_day_short_is_found(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    day = pd.Timedelta(days=1)
    reports = scene.material.tables["cftc"]
    seen = reports["vintage"] != "undated"
    early = reports.assign(known_at=reports["known_at"].where(seen, reports["known_at"] - day))
    found = releases.check_source(check.SOURCES["cftc"], early)
    assert not found.passed
    assert "are known before their release" in found.detail
    # The rule and the rows agree, and both are wrong.
    rule = releases.cot_known_at
    monkeypatch.setattr(releases, "cot_known_at", lambda days: rule(days) - day)
    found = releases.check_source(check.SOURCES["cftc"], early)
    assert "the rule has the report of 2023-09-26 known at 2023-09-28 19:30 UTC" in found.detail
    late = scene.sessions.assign(known_at=scene.sessions["known_at"] - day)
    assert not releases.check_sessions(late).passed


def test_folds_that_are_not_purged_are_found(scene: Scene) -> None:
    dates = scene.snapshot.matrix["data_date"]
    assert check_purge(scene.plan, dates, "1w", 5).passed
    first = scene.plan[(scene.plan["fold"] == 0) & (scene.plan["role"] == "valid")]
    at = int(dates.searchsorted(first["data_date"].iloc[0])) - 5
    row = scene.plan.iloc[:1].assign(
        role="train", data_date=dates[at], label_end_date=dates[at + 5], fold=0
    )
    # The label ends on the day on which the next role begins.
    found = check_purge(pd.concat([scene.plan, row]), dates, "1w", 5)
    assert not found.passed
    assert "labels of train end on" in found.detail
    earlier = row.assign(data_date=dates[at - 1], label_end_date=dates[at + 4])
    assert check_purge(pd.concat([scene.plan, earlier]), dates, "1w", 5).passed
    short = scene.plan.assign(label_end_date=scene.plan["data_date"])
    assert "which is not 5 sessions later" in check_purge(short, dates, "1w", 5).detail


def test_shuffled_labels_are_forecast_only_by_who_has_seen_them(scene: Scene) -> None:
    matrix = scene.snapshot.matrix
    assert check_shuffled(matrix, scene.plan, "1w", 5, 1).passed
    seen = scene.plan[scene.plan["role"] == "test"].assign(role="train")
    found = check_shuffled(matrix, pd.concat([scene.plan, seen]), "1w", 5, 1)
    assert not found.passed


@pytest.mark.slow
def test_a_snapshot_of_something_else_is_told_from_a_leak(scene: Scene) -> None:
    rows = scene.snapshot.matrix.copy()
    rows.loc[100, "market_data.rsi_14"] = np.nextafter(rows.loc[100, "market_data.rsi_14"], 0)
    other = replace(scene.snapshot, matrix=rows)
    full = full_check(other, scene.bars_only(), {}, ONE)
    assert "rebuild ZL" in failed(full)
    quick = quick_check(other, scene.bars_only(), scene.sessions, ONE)
    assert "rebuild ZL" in failed(quick)


def test_an_alias_needs_a_pass_of_the_same_snapshot_and_code(tmp_path: Path) -> None:
    good = check.Finding("release", "bars", passed=True, detail="")
    record = LeakReport("full", "s1", (good,)).record(NOW)
    assert record["verdict"] == "pass"
    assert why_not_fresh(record, "s1") == ""
    bad = LeakReport("full", "s1", (good, replace(good, passed=False))).record(NOW)
    assert [
        why_not_fresh(None, "s1"),
        why_not_fresh(record, "s2"),
        why_not_fresh({**record, "code": "x"}, "s1"),
        why_not_fresh(bad, "s1"),
        why_not_fresh(LeakReport("full", "s1", ()).record(NOW), "s1"),
    ] == [
        "there is no record of a leak check",
        "the leak check was of another snapshot",
        "the leak check was of other code",
        "the leak check failed (release bars)",
        "the leak check failed (no check)",
    ]
    kept = LeakRecordDataset(str(tmp_path / "a" / "leakcheck.json"))
    assert kept.load() is None
    quick = {**record, "form": "quick"}
    for saved, there in (
        (quick, quick),
        (record, record),
        (quick, record),  # a full pass tells more
        ({**quick, "verdict": "fail"}, {**quick, "verdict": "fail"}),
        ({**quick, "snapshot": "s2"}, {**quick, "snapshot": "s2"}),
    ):
        kept.save(saved)
        assert kept.load() == there
    (tmp_path / "a" / "leakcheck.json").write_text("{")
    assert kept.load() is None
    assert len(code_hash()) == 64
    assert json.loads(json.dumps(record)) == record
