"""Size of the roll artefact on the real ZL files."""

from pathlib import Path

import pandas as pd
import pytest

from soyoil.market.bars import BarOrigin, session_bars
from soyoil.market.rolls import roll_free
from soyoil.sources import load_bars
from soyoil.sources.base import SourceConfig
from soyoil.targets.horizons import HORIZONS
from soyoil.targets.labels import build_labels, label_report

pytestmark = pytest.mark.real_data

DOCUMENTED_SD = {"1w": 0.5, "1m": 1.0, "3m": 2.0, "6m": 3.3, "12m": 5.5}
MEASURED_SD = {"1w": 0.56, "1m": 1.13, "3m": 2.16, "6m": 3.57, "12m": 6.03}
ROLLED_SHARE = {"1w": 0.122, "1m": 0.441, "3m": 0.856, "6m": 1.0, "12m": 1.0}


@pytest.fixture(scope="module")
def regular(databento_dir: Path) -> pd.DataFrame:
    batch = load_bars(SourceConfig(kind="databento", path=str(databento_dir), symbols=("ZL",)))
    origin = BarOrigin(batch.schema, batch.provenance, batch.degraded_days)
    sessions = session_bars(batch.bars, origin).sessions
    return sessions[~sessions["is_thin"]].reset_index(drop=True)


def reports(sessions: pd.DataFrame) -> pd.DataFrame:
    parts = [label_report(sessions, build_labels(sessions, h), h) for h in HORIZONS.values()]
    return pd.concat(parts).set_index("horizon")


def test_artefact_with_close_open_on_every_change_is_the_documented_one(
    regular: pd.DataFrame,
) -> None:
    plain = roll_free(
        regular["open"].to_numpy(),
        regular["close"].to_numpy(),
        regular["instrument_id"].to_numpy(),
        flip_back_sessions=0,
    )
    got = reports(regular.assign(roll_free_return=plain.returns))["difference_sd"] * 100
    for name, documented in DOCUMENTED_SD.items():
        assert got[name] == pytest.approx(documented, abs=0.3), name


def test_artefact_of_the_labels_in_use(regular: pd.DataFrame) -> None:
    """The flip-back rule books the gaps of short-lived rolls too, which widens it at 12m."""
    got = reports(regular)
    for name in HORIZONS:
        assert got.loc[name, "difference_sd"] * 100 == pytest.approx(MEASURED_SD[name], abs=0.01)
        assert got.loc[name, "rolled_share"] == pytest.approx(ROLLED_SHARE[name], abs=0.001)
        assert got.loc[name, "difference_rows"] == got.loc[name, "rows"]
