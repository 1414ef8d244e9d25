"""The classic split: literal dates, and one message when it leaves nothing."""

import datetime as dt
import re

import numpy as np
import pandas as pd
import pytest
from pandas.tseries.holiday import USFederalHolidayCalendar
from pandas.tseries.offsets import CustomBusinessDay

from soyoil.base.errors import SplitError
from soyoil.splits.build import make_plan
from soyoil.splits.fixed import fixed_split
from soyoil.splits.plan import SplitConfig
from soyoil.targets.horizons import HORIZONS

CLASSIC = SplitConfig(plan="fixed")


def calendar(end: str) -> pd.Series:
    sessions = CustomBusinessDay(calendar=USFederalHolidayCalendar())
    return pd.Series(pd.date_range("2010-06-07", end, freq=sessions).as_unit("us"))


def masks(dates: pd.Series) -> dict[str, tuple[int, np.ndarray]]:
    n = len(dates)
    return {name: (h.sessions, np.arange(n) < n - h.sessions) for name, h in HORIZONS.items()}


def test_literal_dates() -> None:
    """Weekdays, 1m: 2022-12-01 + 21 = 2022-12-30 and 2023-11-30 + 21 = 2023-12-29."""
    dates = pd.Series(pd.bdate_range("2010-06-07", "2025-12-31").as_unit("us"))
    plan = make_plan(dates, masks(dates), "1m", CLASSIC)
    (fold,) = plan.folds
    first_and_last = {
        role: [dates.iloc[rows[i]].strftime("%F") for i in (0, -1)]
        for role, rows in fold.rows().items()
        if len(rows)
    }
    assert first_and_last == {
        "train": ["2011-05-25", "2022-12-01"],
        "valid": ["2023-01-02", "2023-11-30"],
        "test": ["2024-01-01", "2025-12-02"],
    }
    assert dates.iloc[fold.cutoff] == pd.Timestamp("2023-12-29")


def refusal(end: str, horizon: str, config: SplitConfig = CLASSIC) -> str:
    dates = calendar(end)
    with pytest.raises(SplitError) as caught:
        make_plan(dates, masks(dates), horizon, config)
    return str(caught.value)


def table(message: str) -> dict[str, list[str]]:
    rows = [re.split(r"\s{2,}", line.strip()) for line in message.splitlines()]
    return {row[0]: row[1:] for row in rows if row[0] in HORIZONS}


def test_classic_split_has_no_validation_row_at_12m_and_says_so_for_all_horizons() -> None:
    message = refusal("2025-12-31", "12m")
    assert "leaves no validation row and 249 test rows, less than one independent" in message
    assert "after the purge of 252 sessions" in message
    assert "--tags=1w,1m,3m." in message
    counts = table(message)
    assert list(counts) == list(HORIZONS)
    assert [row[0] for row in counts.values()] == ["5", "21", "63", "126", "252"]
    # 249 sessions of 2023; 2024 and 2025 have 501.
    assert [row[2] for row in counts.values()] == [
        "244 (48.80)", "228 (10.86)", "186 (2.95)", "123 (0.98)", "0 (0.00)",
    ]  # fmt: skip
    assert [row[3].split()[0] for row in counts.values()] == ["496", "480", "438", "375", "249"]


def test_less_than_one_independent_label_is_refused_at_6m() -> None:
    message = refusal("2025-12-31", "6m")
    assert "leaves 123 validation rows, less than one independent label after" in message


def test_test_span_with_less_than_one_independent_label_is_refused() -> None:
    message = refusal("2024-05-31", "3m")
    assert re.search(r"leaves 4\d test rows, less than one independent label after", message)
    assert "--tags=1w,1m." in message


def test_test_rows_after_the_end_of_data_are_refused() -> None:
    message = refusal("2023-12-29", "1w")
    assert "leaves no test row" in message
    assert "2010-06-07..2023-12-29" in message
    assert "--tags" not in message
    assert {row[3] for row in table(message).values()} == {"0 (0.00)"}


def test_all_that_is_lacking_stands_in_one_message() -> None:
    message = refusal("2023-12-29", "12m")
    assert "leaves no validation row and no test row" in message


def test_too_few_training_rows_are_refused() -> None:
    early = SplitConfig(
        plan="fixed", valid_from=dt.date(2011, 12, 1), test_from=dt.date(2014, 1, 2)
    )
    assert "training rows after" in refusal("2025-12-31", "1m", early)
    assert "split.min_train_rows=250" in refusal("2025-12-31", "1m", early)


def test_equal_dates_leave_out_validation() -> None:
    dates = calendar("2025-12-31")
    config = SplitConfig(
        plan="fixed", valid_from=dt.date(2023, 1, 1), test_from=dt.date(2023, 1, 1)
    )
    (fold,) = make_plan(dates, masks(dates), "12m", config).folds
    assert len(fold.valid) == 0
    # 2023-01-02 is a holiday.
    assert dates.iloc[fold.test[0]] == pd.Timestamp("2023-01-03")
    assert dates.iloc[fold.train[-1] + 252] == pd.Timestamp("2022-12-30")


def test_horizon_longer_than_history_is_refused() -> None:
    dates = calendar("2010-12-31")
    with pytest.raises(SplitError, match="leaves 0 training rows and no validation row"):
        fixed_split(dates, np.zeros(len(dates), dtype=bool), ("12m", 252), CLASSIC)


def test_weekly_origins_count_independent_labels_by_sessions() -> None:
    dates = calendar("2025-12-31")
    weekly = SplitConfig(plan="fixed", origins="weekly", min_train_rows=50)
    (fold,) = make_plan(dates, masks(dates), "3m", weekly).folds
    assert 36 <= len(fold.valid) <= 39, "186 sessions, still three independent labels"
    assert "123 (0.98)" not in refusal("2025-12-31", "6m", weekly)
    assert "(0.98)" in refusal("2025-12-31", "6m", weekly)
