"""Which runs are ranked together, on which rows, and what a difference is put down to."""

import datetime as dt
import html
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from rich.console import Console

from soyoil.base.errors import ConfigError
from soyoil.compare.boards import (
    Board,
    ScoredRun,
    TrackedRun,
    filter_rows,
    make_boards,
    select,
)
from soyoil.compare.causes import explain, find_causes
from soyoil.compare.config import CompareConfig
from soyoil.compare.diff import pair, resolve, run_diff, seed_siblings
from soyoil.compare.scores import board_table, difference_verdict, leaderboard
from soyoil.metrics.bootstrap import Interval
from soyoil.metrics.evaluate import evaluate, scored_rows_hash
from soyoil.reports.compare.page import leaderboard_page
from soyoil.reports.compare.terminal import leaderboard_view
from soyoil.reports.compare.why import no_difference, why_several

DAYS = pd.bdate_range("2020-01-01", periods=400).as_unit("us")
OUTCOMES = np.random.default_rng(5).normal(0, 0.04, len(DAYS))
START = pd.Timestamp("2026-01-01", tz="UTC")

TAGS = {
    "symbol": "ZL",
    "horizon": "1w",
    "horizon_sessions": "5",
    "target": "target_1w_log_return",
    "provenance": "synthetic",
    "model": "lightgbm",
    "engine": "lightgbm",
    "weighting": "regime",
    "snapshot": "s1",
    "split_plan": "p1",
    "regimes": "r1",
    "git_sha": "abc",
    "git_dirty": "false",
    "soyoil_version": "0.1",
    "python": "3.11.7",
    "platform": "Linux-x86_64",
    "device": "cpu",
}
PARAMS = {
    "fit.seed": "1",
    "fit.workers": "2",
    "lightgbm.n_estimators": "30",
    "weights.scheme": "regime",
    "split.refit_every": "252",
    "profile": "quick",
    "features": "a b c",
    "target.mean": "0.1",
}
LOOSE = CompareConfig(min_rows=20, min_independent=0, min_share=0)


def tracked(
    run_id: str,
    *,
    hour: int = 0,
    parent: str = "",
    params: Mapping[str, str] | None = None,
    **tags: str,
) -> TrackedRun:
    merged = {**TAGS, **tags}
    return TrackedRun(
        run_id=run_id,
        name=f"zl_{merged['horizon']}_{merged['model']}",
        parent_id=parent or f"parent-{run_id}",
        parent_name=f"train {hour}",
        started=START + pd.Timedelta(hours=hour),
        tags=merged,
        params={**PARAMS, **(params or {})},
    )


def forecasts(
    keep: np.ndarray | slice = slice(None), shift: float = 0.0, y: float = 0.0
) -> pd.DataFrame:
    day = DAYS[keep]
    outcome = OUTCOMES[keep] + y
    return pd.DataFrame(
        {
            "data_date": day,
            "label_end_date": day + pd.Timedelta(days=7),
            "fold": 0,
            "q10": shift - 0.05,
            "q50": shift,
            "q90": shift + 0.05,
            "y": outcome,
            "close": 40.0,
            "regime_name": np.where(day < pd.Timestamp("2020-09-01"), "early", "late"),
            "regime_weight": 1.0,
        }
    )


def scored(run_id: str, keep: np.ndarray | slice = slice(None), **given: object) -> ScoredRun:
    rows = {name: given.pop(name) for name in ("shift", "y") if name in given}
    return ScoredRun(tracked(run_id, **given), forecasts(keep, **rows))  # type: ignore[arg-type]


def naive_boards(
    runs: list[ScoredRun], config: CompareConfig
) -> tuple[list[tuple[list[str], int]], set[str]]:
    """The rule of `make_boards` with sets of rows and no cleverness."""
    rows = {
        s.run.run_id: {
            (d, round(y, 12)) for d, y in zip(s.rows["data_date"], s.rows["y"], strict=True)
        }
        for s in runs
    }
    order = sorted((s.run.run_id for s in runs), key=lambda i: -len(rows[i]))
    boards: list[tuple[list[str], int]] = []
    refused: set[str] = set()
    pending = list(order)
    while pending:
        helpers = [i for i in order if i not in pending]
        taken: list[str] = []
        common: set[tuple[pd.Timestamp, float]] = set()
        widest = 0
        for i in pending + helpers:
            left = common & rows[i] if taken else rows[i]
            most = widest if i in helpers else max(widest, len(rows[i]))
            enough = (
                len(left) >= config.min_rows
                and len(left) / 5 >= config.min_independent
                and len(left) >= config.min_share * most
            )
            if enough:
                taken.append(i)
                common, widest = left, most
        if pending[0] not in taken or (boards and len(taken) == 1):
            refused.add(pending.pop(0))
            continue
        boards.append((taken, len(common)))
        pending = [i for i in pending if i not in taken]
    return boards, refused


@pytest.mark.parametrize("seed", range(12))
def test_boards_agree_with_sets_of_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    runs = []
    for i in range(int(rng.integers(2, 9))):
        first = int(rng.integers(0, 250))
        keep = np.zeros(len(DAYS), dtype=bool)
        keep[first : first + int(rng.integers(10, 400))] = True
        keep &= rng.random(len(DAYS)) < rng.choice([0.6, 1.0])
        runs.append(scored(f"r{i}", keep, y=float(rng.choice([0.0, 0.0, 0.0, 0.01])), hour=-i))
    config = CompareConfig(
        min_rows=int(rng.choice([20, 60])),
        min_independent=float(rng.choice([0, 15])),
        min_share=float(rng.choice([0, 0.5])),
    )
    boards, refusals = make_boards(runs, config)
    expected, refused = naive_boards(runs, config)
    assert [([s.run.run_id for s in b.runs], b.n) for b in boards] == expected
    assert {r.run.run_id for r in refusals} == refused
    for board in boards:
        first_rows = board.runs[0].rows
        assert board.scored_rows_hash == scored_rows_hash(first_rows["data_date"])
        for run in board.runs:
            assert len(run.rows) == board.n
            assert run.rows["data_date"].tolist() == first_rows["data_date"].tolist()
            assert run.rows["y"].tolist() == first_rows["y"].tolist()


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"min_rows": 60}, "50 common rows, fewer than compare.min_rows=60"),
        ({"min_rows": 10, "min_independent": 11}, "are 10.00 independent labels, fewer than"),
        ({"min_rows": 10, "min_share": 0.3}, "50 of 200 rows in common, less than the share"),
    ],
)
def test_too_few_common_rows_are_refused(limits: dict[str, float], reason: str) -> None:
    config = CompareConfig(**{"min_share": 0, "min_independent": 0, **limits})
    wide, other = scored("wide", slice(0, 200)), scored("other", slice(150, 350))
    boards, refusals = make_boards([wide, other], config)
    assert [[s.run.run_id for s in b.runs] for b in boards] == [["wide"]]
    assert refusals[0].run is other.run
    assert reason in refusals[0].reason


def test_a_short_run_is_ranked_on_a_narrower_board_of_its_own() -> None:
    short = scored("short", slice(300, 400), model="tft")
    boards, refusals = make_boards([short, scored("a"), scored("b")], CompareConfig())
    assert [[s.run.run_id for s in b.runs] for b in boards] == [["a", "b"], ["short", "a", "b"]]
    assert [(b.n, b.widest) for b in boards] == [(400, 400), (100, 400)]
    assert boards[1].limited_by is short.run
    assert not refusals


def test_rows_with_other_outcomes_are_not_common() -> None:
    revised = scored("revised")
    revised.rows.loc[:99, "y"] += 0.001
    boards, _ = make_boards([scored("a"), revised], LOOSE)
    assert boards[0].n == 300
    assert boards[0].runs[0].rows["data_date"].min() == DAYS[100]
    invented = scored("invented", y=1.0)
    _, refusals = make_boards([scored("a"), invented], LOOSE)
    assert [r.run for r in refusals] == [invented.run]


def test_outcomes_that_differ_in_their_last_bits_are_common() -> None:
    other = scored("b")
    other.rows["y"] = np.nextafter(other.rows["y"], np.inf)
    (board,), _ = make_boards([scored("a"), other], LOOSE)
    assert board.n == 400
    assert run_diff(scored("a"), other).n == 400


def test_targets_and_provenances_never_meet() -> None:
    runs = [
        scored("a"),
        scored("observed", provenance="observed"),
        scored("jumps", provenance="observed", rolls="unknown"),
        scored("month", horizon="1m", horizon_sessions="21", target="target_1m_log_return"),
    ]
    boards, _ = make_boards(runs, LOOSE)
    assert [[s.run.run_id for s in b.runs] for b in boards] == [
        ["observed"], ["jumps"], ["a"], ["month"],
    ]  # fmt: skip


def test_origins_are_filtered_by_date_and_regime() -> None:
    config = CompareConfig(
        regime="late", date_from=dt.date(2020, 8, 3), date_to=dt.date(2020, 12, 31)
    )
    days = filter_rows(forecasts(), config)["data_date"]
    assert (days.min(), days.max()) == (pd.Timestamp("2020-09-01"), pd.Timestamp("2020-12-31"))
    assert len(filter_rows(forecasts(), CompareConfig(regime="early+late"))) == 400
    boards, refusals = make_boards([scored("a")], CompareConfig(regime="never"))
    assert not boards
    assert "none of its rows" in refusals[0].reason


def test_newest_run_of_each_cell_or_all_of_the_latest_runs() -> None:
    runs = [
        tracked("old", hour=1, parent="P1"),
        tracked("new", hour=2, parent="P2"),
        tracked("walk", hour=1, parent="P1", model="random_walk"),
        tracked("cone", hour=1, parent="P1", model="vol_cone"),
        tracked("other", hour=0, parent="P0", snapshot="s2"),
        tracked("month", hour=2, parent="P2", horizon="1m"),
    ]

    def ids(**filters: object) -> set[str]:
        return {run.run_id for run in select(runs, CompareConfig(**filters))}  # type: ignore[arg-type]

    assert ids() == {"new", "walk", "cone", "other", "month"}
    assert ids(latest=1) == {"new", "month"}
    assert ids(latest=2) == {"new", "month", "old", "walk", "cone"}
    assert ids(horizon="1m") == {"month"}
    assert ids(model="lightgbm", horizon="1w") == {"new", "other", "walk", "cone"}
    with pytest.raises(ConfigError, match="Did you mean 'lightgbm'"):
        ids(model="lightgmb")
    with pytest.raises(ConfigError, match="Horizons with finished runs: 1m, 1w"):
        ids(horizon="12m")


@pytest.mark.parametrize(
    "given",
    [{"runs": "A"}, {"horizon": "2w"}, {"date_from": "2020-02-02", "date_to": "2020-02-01"}],
)
def test_wrong_filters_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=f"compare.{next(reversed(given))}"):
        CompareConfig(**given)  # type: ignore[arg-type]


def test_names_come_as_kedro_gives_lists() -> None:
    config = CompareConfig(horizon="1w+1m", model="all", runs="abc+def")  # type: ignore[arg-type]
    assert (config.horizon, config.model, config.runs) == (("1w", "1m"), (), ("abc", "def"))


@pytest.fixture
def board() -> Board:
    runs = [
        scored("m", shift=0.004),
        scored("walk", model="random_walk"),
        scored("cone", slice(50, None), model="vol_cone", shift=0.001),
    ]
    (found,), _ = make_boards(runs, LOOSE)
    return found


def test_scores_are_those_of_evaluate_on_the_common_rows(board: Board) -> None:
    table = board_table(board, "pinball").set_index("run_id")
    common = {
        name: forecasts(slice(50, None), s)
        for name, s in (("m", 0.004), ("walk", 0.0), ("cone", 0.001))
    }
    want = evaluate(common["m"], {"random_walk": common["walk"], "vol_cone": common["cone"]}, 5)
    for metric in ("mae", "pinball", "coverage_80", "width_80", "direction", "bias", "n",
                   "skill_mae", "skill_mae_low", "skill_mae_high",
                   "skill_pinball", "skill_pinball_low", "skill_pinball_high"):  # fmt: skip
        assert table.loc["m", metric] == pytest.approx(
            want.metrics[f"pooled.uniform.{metric}"], abs=1e-6
        )
    assert table.loc["m", "scored_rows_hash"] == want.scored_rows_hash
    assert table.loc["m", "verdict"] == want.verdicts["skill_pinball"]


def test_ranking_and_differences_against_the_best(board: Board) -> None:
    table = board_table(board, "mae")
    assert table["mae"].is_monotonic_increasing
    assert table["rank"].tolist() == [1, 2, 3]
    best = table.iloc[0]
    assert (best["delta"], best["delta_low"], best["delta_high"]) == (0.0, 0.0, 0.0)
    assert best["against_best"] == "best"
    np.testing.assert_allclose(table["delta"], table["mae"] / best["mae"] - 1, atol=1e-12)
    assert (table["delta_low"] <= table["delta"]).all()
    assert (table["delta"] <= table["delta_high"]).all()


def test_the_champion_stands_first_whatever_its_rank() -> None:
    runs = [
        scored("m", shift=0.004),
        scored("mix", model="champion", shift=0.002),
        scored("walk", model="random_walk"),
    ]
    (found,), _ = make_boards(runs, LOOSE)
    table = board_table(found, "mae")
    assert table["model"].tolist()[0] == "champion"
    assert sorted(table["rank"]) == [1, 2, 3]
    assert table["rank"].tolist()[1:] == sorted(table["rank"].tolist()[1:])


@pytest.mark.parametrize(
    ("low", "high", "independent", "said"),
    [
        (0.01, 0.05, 50.0, "worse"),
        (-0.05, -0.01, 50.0, "better"),
        (-0.01, 0.05, 50.0, "not told apart"),
        (0.01, 0.05, 3.0, "unprovable"),
    ],
)
def test_what_a_difference_says(low: float, high: float, independent: float, said: str) -> None:
    assert difference_verdict(Interval(low, high), independent) == said


def test_few_independent_labels_prove_nothing_however_many_the_rows() -> None:
    year = {"horizon": "12m", "horizon_sessions": "252"}
    runs = [
        scored("m", shift=0.03, **year),
        scored("walk", model="random_walk", **year),
        scored("cone", model="vol_cone", shift=0.001, **year),
    ]
    (board,), _ = make_boards(runs, LOOSE)
    table = board_table(board, "pinball")
    np.testing.assert_allclose(table["independent_n"], 400 / 252)
    assert (table["verdict"] == "unprovable").all()
    assert set(table["against_best"]) == {"best", "unprovable"}


@pytest.mark.parametrize(("metric", "best"), [("mae", "centred"), ("pinball", "narrow")])
def test_the_best_is_that_of_the_metric(metric: str, best: str) -> None:
    centred, narrow = scored("centred"), scored("narrow", shift=0.004)
    centred.rows[["q10", "q90"]] = [-0.5, 0.5]
    (board,), _ = make_boards([centred, narrow], LOOSE)
    table = board_table(board, metric)  # type: ignore[arg-type]
    first = table.iloc[0]
    assert (first["run_id"], first["against_best"], first["delta"]) == (best, "best", 0.0)
    assert (table["against_best"] == "best").sum() == 1
    assert table["delta"].iloc[1] > 0


def test_skill_does_not_exist_without_its_reference() -> None:
    (found,), _ = make_boards([scored("a"), scored("b", shift=0.01)], LOOSE)
    table = leaderboard([found], "pinball")
    assert table["skill_pinball"].isna().all()
    assert (table["verdict"] == "no reference").all()
    assert table["board"].tolist() == [1, 1]
    assert leaderboard([], "pinball").empty


SINGLE_CHANGES = {
    "data": ({"snapshot": "s2"}, {}),
    "data, with the plan that follows": ({"snapshot": "s2", "split_plan": "p2"}, {}),
    "code": ({"git_sha": "def"}, {}),
    "code, by version": ({"soyoil_version": "0.2"}, {}),
    "model": ({"model": "xgboost", "engine": "xgboost"}, {"xgboost.n_estimators": "30"}),
    "params": ({}, {"lightgbm.n_estimators": "60"}),
    "params, by features": ({}, {"features": "a b d"}),
    "weights": ({"weighting": "uniform"}, {"weights.scheme": "uniform"}),
    "weights, by regimes": ({"regimes": "r2", "snapshot": "s2"}, {}),
    "split": ({"split_plan": "p2"}, {"split.refit_every": "126", "profile": "full"}),
    "seed": ({}, {"fit.seed": "2"}),
    "device": ({"device": "mps"}, {}),
}


@pytest.mark.parametrize("change", SINGLE_CHANGES)
def test_a_single_change_is_put_down_to_its_cause(change: str) -> None:
    tags, params = SINGLE_CHANGES[change]
    a, b = scored("a"), scored("b", shift=0.001, params=params, **tags)
    diff = run_diff(a, b)
    cause = change.split(",")[0]
    assert diff.causes.differing == (cause,)
    assert not diff.causes.unknown
    assert diff.conclusion.startswith("The change comes from the ")
    assert cause not in diff.causes.identical
    assert run_diff(b, a).causes.differing == (cause,)


def test_changed_regimes_do_not_hide_changed_data() -> None:
    a, b = scored("a"), scored("b", regimes="r2", snapshot="s2")
    b.rows.loc[0, "close"] = 41.0
    assert run_diff(a, b).causes.differing == ("data", "weights")


def test_what_changes_no_forecast_is_no_cause() -> None:
    diff = run_diff(scored("a"), scored("b", params={"fit.workers": "1", "target.mean": "0.2"}))
    assert diff.causes.differing == ()
    assert diff.conclusion == "Nothing that is logged differs, and the forecasts are equal."
    assert (diff.deltas["mae"].relative, diff.deltas["mae"].noise) == (0.0, 0.0)


def test_a_change_without_a_logged_cause_is_said() -> None:
    diff = run_diff(scored("a"), scored("b", shift=0.001))
    assert diff.causes.differing == ()
    assert "yet the forecasts do: something that is not logged" in diff.conclusion


def test_uncommitted_changes_leave_the_code_open() -> None:
    diff = run_diff(
        scored("a"), scored("b", shift=0.001, git_dirty="true", params={"fit.seed": "2"})
    )
    assert diff.causes.differing == ("seed",)
    assert "code" not in diff.causes.identical
    assert "code cannot be judged: a run was made with uncommitted changes" in diff.conclusion
    outside = find_causes(tracked("a"), tracked("b", git_sha="unknown"), same_outcomes=True)
    assert "outside a Git repository" in outside.unknown["code"]
    assert "Nothing that is logged differs, yet" in explain(outside, same_forecasts=False)


def test_several_changes_are_not_told_apart() -> None:
    diff = run_diff(scored("a"), scored("b", shift=0.01, git_sha="def", params={"fit.seed": "2"}))
    assert diff.causes.differing == ("code", "seed")
    assert "cannot tell the shares of these apart" in diff.conclusion


def test_difference_is_paired_on_the_common_rows() -> None:
    a, b = scored("a", slice(0, 300), shift=0.0), scored("b", slice(100, 400), shift=0.02)
    diff = run_diff(a, b)
    assert (diff.rows_a, diff.rows_b, diff.n) == (300, 300, 200)
    y = OUTCOMES[100:300]
    delta = diff.deltas["mae"]
    assert (delta.a, delta.b) == pytest.approx((np.abs(y).mean(), np.abs(y - 0.02).mean()))
    assert delta.relative == pytest.approx(delta.b / delta.a - 1)
    assert delta.interval.low < delta.relative < delta.interval.high
    with pytest.raises(ConfigError, match="no scored row with the same outcome"):
        run_diff(a, scored("c", y=1.0))


def test_seed_noise_comes_from_runs_that_differ_only_in_their_seed() -> None:
    runs = [tracked(f"s{i}", params={"fit.seed": str(i)}, hour=i) for i in range(1, 4)]
    others = [
        tracked("again", params={"fit.seed": "2"}, hour=0),
        tracked("rounds", params={"fit.seed": "9", "lightgbm.n_estimators": "60"}),
        tracked("snapshot", params={"fit.seed": "8"}, snapshot="s2"),
        tracked("dirty", params={"fit.seed": "7"}, git_dirty="true"),
        tracked("month", params={"fit.seed": "6"}, horizon="1m"),
        tracked("ablation", params={"fit.seed": "5"}, model="lightgbm_uniform"),
    ]
    siblings = seed_siblings(runs[0], [*runs, *others])
    assert sorted(run.run_id for run in siblings) == ["s1", "s2", "s3"]
    shifts = (0.0, 0.004, 0.01)
    rows = [ScoredRun(r, forecasts(shift=s)) for r, s in zip(runs, shifts, strict=True)]
    diff = run_diff(rows[0], scored("b", shift=0.02, git_sha="def"), rows)
    assert (diff.noise_source, diff.seeds) == ("seeds", 3)
    means = [np.abs(OUTCOMES - s).mean() for s in shifts]
    want = 2.919986 * np.sqrt(2) * np.std(means, ddof=1) / np.mean(means)
    assert diff.deltas["mae"].noise == pytest.approx(want, rel=1e-6)
    alone = run_diff(rows[0], rows[1], rows[:1])
    assert alone.noise_source == "bootstrap"
    interval = alone.deltas["mae"].interval
    assert alone.deltas["mae"].noise == pytest.approx((interval.high - interval.low) / 2)


def test_runs_are_found_by_id_beginning_and_name() -> None:
    runs = [
        tracked("abc1", hour=1, parent="fed1"),
        tracked("abd2", hour=2, parent="fed2"),
        tracked("xyz3", hour=2, parent="fed2", model="xgboost"),
    ]
    assert [r.run_id for r in resolve("abc1", runs)] == ["abc1"]
    assert [r.run_id for r in resolve("abd", runs)] == ["abd2"]
    assert [r.run_id for r in resolve("zl_1w_lightgbm", runs)] == ["abd2"], "the newest"
    assert {r.run_id for r in resolve("fed2", runs)} == {"abd2", "xyz3"}
    assert {r.run_id for r in resolve("train 2", runs)} == {"abd2", "xyz3"}
    with pytest.raises(ConfigError, match="beginning of 2 run ids: abc1, abd2"):
        resolve("ab", runs)
    with pytest.raises(ConfigError, match="no finished run has the id or name 'nothing'"):
        resolve("nothing", runs)


def test_pipeline_runs_are_paired_by_cell() -> None:
    a = [tracked("a1"), tracked("a2", model="xgboost"), tracked("a3", model="tft")]
    b = [tracked("b2", model="xgboost"), tracked("b1")]
    assert [(x.run_id, y.run_id) for x, y in pair(a, b)] == [("a1", "b1"), ("a2", "b2")]
    assert pair(a[:1], b[:1]) == [(a[0], b[0])], "two single runs may be of two models"
    with pytest.raises(ConfigError, match="different horizons do not compare"):
        pair(a[:1], [tracked("m", horizon="1m")])
    with pytest.raises(ConfigError, match="no horizon and model in common"):
        pair(a[2:], b)


def test_several_boards_say_why_and_ranks_stand_only_where_something_differs() -> None:
    last = slice(300, None)
    short = scored("short", last, model="tft", profile="quick")
    near = scored("near", shift=1e-4, model="lightgbm")
    far = scored("far", shift=0.2, model="drift")
    for runs, even in (([scored("a"), near], True), ([scored("a"), near, far], False)):
        boards, refusals = make_boards([short, *runs], CompareConfig())
        table = leaderboard(boards, "pinball")
        console = Console(width=1000)
        with console.capture() as capture:
            console.print(leaderboard_view(boards, table, refusals, "pinball"))
        page = leaderboard_page(boards, table, refusals, "pinball", "none")
        for text in (capture.get(), html.unescape(page)):
            why = text.index("Why 2 boards at 1w ZL: zl_1w_tft (short) has only 100 rows in common")
            assert why < text.index("400 common rows"), "before the boards"
            assert "tft.quick_folds" in text
            assert ("No difference can be shown: every run is within the noise" in text) is even
        first = capture.get().split("400 common rows")[1].split("common rows")[0]
        lines = [line.split() for line in first.splitlines()]
        ranks = {line[2]: line[0] for line in lines if line[2:] and line[2] in ("a", "near")}
        assert even or any(line[:2] == ["3", "drift"] for line in lines)
        assert sorted(ranks.values()) == (["-", "-"] if even else ["1=", "1="])


def test_one_board_gives_no_reason_and_too_few_labels_show_no_difference() -> None:
    (found,), _ = make_boards([scored("a"), scored("b", shift=0.3)], LOOSE)
    assert why_several([found]) is None
    table = leaderboard([found], "pinball")
    assert no_difference(table, 80.0) is None
    few = table.assign(against_best=["best", "unprovable"])
    assert "3.0 independent labels are too few" in str(no_difference(few, 3.0))
