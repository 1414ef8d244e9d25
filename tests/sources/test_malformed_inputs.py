"""Odd and malformed files: read as they were meant, or refused with the true cause."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from malformed_inputs import (
    BARS,
    CLOSE,
    CONTRACT,
    HIGH,
    LOW,
    OPEN,
    VOLUME,
    Malformed,
    all_malformed,
)

from soyoil.base.errors import SourceError
from soyoil.sources.base import BarBatch, SourceConfig
from soyoil.sources.databento.load import read_folder

CASES = all_malformed()


def read(folder: Path) -> BarBatch:
    return read_folder(SourceConfig(kind="databento", path=str(folder), symbols=("ZL",)))


def sound_bars() -> pd.DataFrame:
    columns = {"open": OPEN, "high": HIGH, "low": LOW, "close": CLOSE}
    frame = pd.DataFrame(
        {
            "ts_event": pd.to_datetime([row[0] for row in BARS], utc=True).as_unit("us"),
            "symbol": pd.Series(["ZL"] * len(BARS), dtype="str"),
            "instrument_id": [int(row[CONTRACT]) for row in BARS],
        }
    )
    for name, i in columns.items():
        frame[name] = [float(row[i]) for row in BARS]
    return frame.assign(volume=[int(row[VOLUME]) for row in BARS])


def test_names_are_unique() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 100


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "_"))
def test_input_is_read_right_or_refused_with_its_cause(case: Malformed, tmp_path: Path) -> None:
    case.write(tmp_path)
    if case.outcome == "refused":
        with pytest.raises(SourceError) as caught:
            read(tmp_path)
        assert case.words in str(caught.value)
        return
    batch = read(tmp_path)
    sound = sound_bars()
    if case.outcome == "read":
        assert batch.quarantine.empty
        pd.testing.assert_frame_equal(batch.bars, sound)
        return
    assert set(batch.quarantine["reason"]) == {case.words}
    assert len(batch.bars) + len(batch.quarantine) == len(sound)
    kept = sound[sound["ts_event"].isin(batch.bars["ts_event"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(batch.bars, kept)
