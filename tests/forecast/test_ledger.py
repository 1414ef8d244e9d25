"""The ledger: complete, unchanged by a second run, and found out when it was tampered with."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from forecast_market import SPLIT, market, until

from soyoil.contracts.contract import load_contract
from soyoil.contracts.structs import flatten
from soyoil.contracts.validation import validate
from soyoil.forecast.grades import graded, summary
from soyoil.forecast.ledger import (
    ABSENT,
    SAME,
    START,
    TABLE,
    LedgerError,
    check_chain,
    compare,
    extend,
    forecast_rows,
    market_name,
)
from soyoil.forecast.outlook import Record, outlooks
from soyoil.models.champion import ChampionConfig
from soyoil.splits.snapshot import Snapshot
from soyoil.targets.horizons import HORIZONS

CONTRACT = load_contract(TABLE)
LEVELS = (0.1, 0.5, 0.9)
EVENING = pd.Timestamp("2026-01-05 22:00", tz="UTC").as_unit("us")


def empty() -> pd.DataFrame:
    return flatten(CONTRACT.arrow_schema().empty_table())


def rows_of(snapshot: Snapshot) -> pd.DataFrame:
    return forecast_rows(snapshot, outlooks(snapshot, SPLIT, ChampionConfig()), "cones-1", "0.1")


def written(ledger: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """The ledger as a warehouse gives it back: checked, converted, in key order."""
    whole = pd.concat([ledger, new], ignore_index=True) if len(ledger) else new
    return flatten(validate(whole, CONTRACT)).sort_values(list(CONTRACT.key), ignore_index=True)


@pytest.fixture(scope="module")
def quarter() -> tuple[Snapshot, pd.DataFrame]:
    """Sixty-three evenings, every one run twice."""
    snapshot = market(600)
    ledger = empty()
    for number, row in enumerate(range(500, 563)):
        rows = rows_of(until(snapshot, row))
        at = EVENING + pd.Timedelta(days=number)
        ledger = written(ledger, extend(ledger, rows, at))
        assert extend(ledger, rows, at + pd.Timedelta(hours=1)).empty, "a second run adds nothing"
    return snapshot, ledger


def test_a_quarter_is_complete(quarter: tuple[Snapshot, pd.DataFrame]) -> None:
    _, ledger = quarter
    assert len(ledger) == 63 * 5
    assert sorted(ledger["sequence"]) == list(range(63 * 5))
    ordered = ledger.sort_values("sequence")
    assert ordered["previous_hash"].iloc[0] == START
    assert (ordered["previous_hash"].iloc[1:].to_numpy() == ordered["row_hash"].iloc[:-1]).all()
    check_chain(ledger)


def test_a_past_evening_is_the_row_of_that_day(quarter: tuple[Snapshot, pd.DataFrame]) -> None:
    snapshot, ledger = quarter
    assert (compare(ledger, rows_of(until(snapshot, 530))) == SAME).all()
    assert (compare(ledger, rows_of(until(snapshot, 570))) == ABSENT).all()


def test_matured_rows_are_graded(quarter: tuple[Snapshot, pd.DataFrame]) -> None:
    snapshot, ledger = quarter
    grades = graded(ledger, until(snapshot, 562))
    # A row from 500 + i has come due by 562 if 500 + i + h <= 562.
    due = {"1w": 58, "1m": 42}
    assert grades["horizon"].value_counts().to_dict() == due
    week = grades[grades["horizon"] == "1w"].reset_index(drop=True)
    for i in range(58):
        y = snapshot.returns[501 + i : 506 + i].sum()
        row = ledger[(ledger["data_date"] == week["data_date"][i]) & (ledger["horizon"] == "1w")]
        assert week["y"][i] == pytest.approx(y)
        assert week["covered"][i] == (row["q10"].iloc[0] <= y <= row["q90"].iloc[0])
        cone = row["vol_cone_q10"].iloc[0], 0.0, row["vol_cone_q90"].iloc[0]
        loss = np.mean(
            [
                max(a * (y - q), (a - 1) * (y - q))
                for a, q in zip((0.1, 0.5, 0.9), cone, strict=True)
            ]
        )
        assert week["pinball_vol_cone"][i] == pytest.approx(loss)
    table = summary(grades, records()).set_index("horizon")
    assert table.loc["1w", "coverage"] == pytest.approx(week["covered"].mean())
    assert table.loc["12m", "n"] == 0


def records(**changes: float) -> dict[str, Record]:
    record = replace(Record(900, 180.0, 0.8, 0.01, -0.01, 0.03, "no skill"), **changes)
    return dict.fromkeys(HORIZONS, record)


def test_an_interval_that_misses_raises_an_alarm(quarter: tuple[Snapshot, pd.DataFrame]) -> None:
    snapshot, ledger = quarter
    grades = graded(ledger, snapshot)
    assert (summary(grades, records())["alarm"] == "").all()
    wrong = grades.assign(covered=0.0)
    said = summary(wrong, records()).set_index("horizon")["alarm"]
    assert said["1w"].startswith("1w: 0 % of 63 outcomes were inside the 80 % interval")
    assert said["1m"] == "", "three labels that do not overlap say nothing"


def test_a_skill_that_is_gone_raises_an_alarm_beside_the_backtest(
    quarter: tuple[Snapshot, pd.DataFrame],
) -> None:
    snapshot, ledger = quarter
    grades = graded(ledger, snapshot)
    worse = grades.assign(pinball_champion=1.05 * grades["pinball_vol_cone"])
    found = summary(worse, records()).set_index("horizon")
    assert found.loc["1w", "alarm"].startswith(
        "1w: the pinball skill against the vol cone is -5.0 % [-5.0, -5.0], the backtest had +1.0 %"
    )
    assert found.loc["1m", "alarm"] == ""
    assert found.loc["1w", ["backtest", "backtest_low", "backtest_high"]].tolist() == [
        0.01, -0.01, 0.03,
    ]  # fmt: skip


def test_the_first_forecast_of_an_origin_counts(quarter: tuple[Snapshot, pd.DataFrame]) -> None:
    snapshot, ledger = quarter
    grades = graded(ledger, snapshot)
    later = grades.assign(model_version="other", covered=0.0)
    both = pd.concat([grades, later], ignore_index=True)
    pd.testing.assert_frame_equal(summary(both, records()), summary(grades, records()))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.assign(q90=t["q90"] * (1 + 1e-15)), r"row 0 .* was changed"),
        (lambda t: t[t["sequence"] != 7], "row 7 is missing"),
        (lambda t: t[t["sequence"] != 0], "row 0 is missing"),
        (lambda t: t.assign(made_at=t["made_at"] - pd.Timedelta(days=1)), "was changed"),
        (
            lambda t: t.assign(weights=t["weights"].where(t["sequence"] != 9, "{}")),
            r"row 9 .* was changed",
        ),
    ],
)
def test_tampering_is_found(quarter, change, said: str) -> None:  # type: ignore[no-untyped-def]
    snapshot, ledger = quarter
    touched = change(ledger)
    assert not touched.equals(ledger)
    with pytest.raises(LedgerError, match=said):
        extend(touched, rows_of(until(snapshot, 580)), EVENING)


def test_the_ledger_keeps_what_was_said(quarter: tuple[Snapshot, pd.DataFrame]) -> None:
    snapshot, ledger = quarter
    revised = until(snapshot, 530)
    revised.matrix.loc[400, "market_data.roll_free_return"] += 1e-4
    assert compare(ledger, rows_of(revised)).str.startswith("q10, q90, ").all()
    assert extend(ledger, rows_of(revised), EVENING).empty


def test_markets_are_not_mixed_up(quarter: tuple[Snapshot, pd.DataFrame]) -> None:
    snapshot, ledger = quarter

    def market_of(seed: int, end: str) -> Snapshot:
        options = {"seed": seed, "end": end}
        identity = {"source.kind": "synthetic", "source.synthetic": options}
        return replace(until(snapshot, 530), made_from=identity)

    one, later, other = market_of(1, "2022-01-01"), market_of(1, "2023-01-01"), market_of(2, "x")
    assert market_name(one) == market_name(later) != market_name(other)
    assert market_name(replace(one, made_from={"source.kind": "databento"})) == "databento"
    assert (compare(ledger, rows_of(one)) == ABSENT).all()
    both = written(ledger, extend(ledger, rows_of(one), EVENING))
    check_chain(both)
    assert (compare(both, rows_of(later)) == SAME).all()
    assert (compare(both, rows_of(other)) == ABSENT).all()
    assert graded(both, replace(snapshot, made_from=other.made_from)).empty
    assert len(graded(both, replace(snapshot, made_from=one.made_from))) == 3


def test_hashes_survive_the_warehouse(quarter: tuple[Snapshot, pd.DataFrame]) -> None:
    snapshot, _ = quarter
    new = extend(empty(), rows_of(until(snapshot, 510)), EVENING)
    check_chain(written(empty(), new))
    assert new["made_at"].iloc[0].to_pydatetime().tzinfo == dt.UTC
