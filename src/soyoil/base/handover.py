"""What a frame was made from: carried with the frame, checked by whoever uses it.

A stage hands a frame on with its own content hash, the content hashes of the frames it was made
from and the parameters that decided its values. They travel in ``DataFrame.attrs``, which Parquet
files keep. A frame that was changed, cut, or made from other data is refused before it is used.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pandas as pd

from soyoil.base.errors import SoyoilError

STAMP: Final = "soyoil"
"""Key of the stamp in ``DataFrame.attrs``."""
_SHOWN: Final = 12
_MAX_PROBLEMS: Final = 6


class HandoverError(SoyoilError):
    """What one stage hands to the next does not belong to the data of this run."""


def frame_digest(frame: pd.DataFrame) -> bytes:
    """SHA-256 of a frame's column names, dtypes and values; columns in name order."""
    digest = hashlib.sha256()
    for column in sorted(frame.columns):
        values = frame[column]
        digest.update(f"{column}:{values.dtype}".encode())
        if values.dtype == "str":
            # The same hashes, of the few texts that differ and not of every row.
            values = values.astype("category")
        digest.update(pd.util.hash_pandas_object(values, index=False).to_numpy().tobytes())
    return digest.digest()


def content_hash(frame: pd.DataFrame) -> str:
    """`frame_digest` in hexadecimal."""
    return frame_digest(frame).hex()


def text_hash(value: Any) -> str:
    """SHA-256 (hex) of plain data: mappings, lists, numbers, texts."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class MadeFrom:
    """What decides the values of a frame.

    Attributes
    ----------
    inputs
        Content hash by name of what it is made from: ``snapshot``, ``split_plan``.
    parameters
        Nested plain configuration by name of the parameter: ``split``, ``fit``.
    """

    inputs: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """As JSON keeps it: tuples are lists."""
        text = json.dumps({"inputs": dict(self.inputs), "parameters": dict(self.parameters)})
        plain: dict[str, Any] = json.loads(text)
        return plain


def stamped(frame: pd.DataFrame, made_from: MadeFrom, **facts: str) -> pd.DataFrame:
    """The frame, with its own hash and what it was made from in its ``attrs``.

    Parameters
    ----------
    frame
        A frame that was just made and will not be changed any more.
    made_from
        What decided its values.
    facts
        Further texts to carry, such as the hash of a table that goes with the frame.
    """
    frame.attrs[STAMP] = {
        "content": content_hash(frame),
        "rows": len(frame),
        **made_from.plain(),
        **facts,
    }
    return frame


def stamp_of(frame: pd.DataFrame) -> Mapping[str, Any]:
    """The stamp of a frame, empty if it has none."""
    found = frame.attrs.get(STAMP)
    return found if isinstance(found, dict) else {}


def check_handover(frame: pd.DataFrame, name: str, made_from: MadeFrom, remedy: str) -> str:
    """Check that a frame is as it was written and made from what this run uses.

    Parameters
    ----------
    frame
        What was loaded.
    name
        Its dataset, for the message.
    made_from
        Inputs and parameters that it must have been made from; what is not named is not checked.
    remedy
        Sentence that says how to make it anew.

    Returns
    -------
    str
        The content hash of the frame.

    Raises
    ------
    HandoverError
        One message with all differences.
    """
    found = stamp_of(frame)
    if not found:
        raise refusal(
            name,
            ["it does not say what it was made from, as files of earlier versions do not"],
            remedy,
        )
    content = content_hash(frame)
    problems = []
    if content != found.get("content"):
        counts = f"{len(frame):,} rows now, {found.get('rows', 0):,} then"
        problems.append(f"it was changed after it was written ({counts})")
    problems += differences(found, made_from)
    if problems:
        raise refusal(name, problems, remedy)
    return content


def differences(found: Mapping[str, Any], made_from: MadeFrom) -> list[str]:
    """In what a stamp differs from what this run uses, one sentence each."""
    want = made_from.plain()
    problems = []
    for key, value in want["inputs"].items():
        there = (found.get("inputs") or {}).get(key)
        if there != value:
            shown = f"{there[:_SHOWN]}…" if isinstance(there, str) else "none"
            problems.append(f"it was made from another {key} ({shown}, here {value[:_SHOWN]}…)")
    problems += parameter_differences(found.get("parameters") or {}, want["parameters"])
    return problems


def parameter_differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Parameters that this run gives another value than the one a frame was made with."""
    old, new = dict(flat(then)), dict(flat(now))
    top = tuple(f"{name}." for name in now)
    names = [n for n in dict.fromkeys((*new, *old)) if n in new or n.startswith(top)]
    return [
        f"it was made with {name}={_shown(old, name)}, this run has {_shown(new, name)}"
        for name in names
        if old.get(name) != new.get(name)
    ]


def _shown(values: Mapping[str, Any], name: str) -> str:
    return "nothing" if name not in values else str(values[name])


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves of nested mappings by dotted name."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def refusal(name: str, problems: Iterable[str], remedy: str) -> HandoverError:
    """Error that names what cannot be used, why, and what to do."""
    found = list(problems)
    shown = found[:_MAX_PROBLEMS]
    if len(found) > len(shown):
        shown.append(f"and {len(found) - len(shown)} more differences")
    return HandoverError(f"{name} cannot be used: {'; '.join(shown)}. {remedy}")
