"""What came of one fault, and the table of all outcomes."""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

Verdict = Literal["clear", "wrong", "traceback", "lost"]
VERDICTS: tuple[Verdict, ...] = ("clear", "wrong", "traceback", "lost")
KINDS = ("kill", "malformed input", "configuration mistake", "two runs at once")

RECORD = "SOYOIL_OUTCOMES"
"""Environment variable: a file to which every outcome is appended, one JSON object a line."""

ERROR_LINE = re.compile(r"^Error: (?P<message>.*)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Outcome:
    """One fault and what the product made of it.

    Attributes
    ----------
    kind
        One of `KINDS`.
    case
        Name of the fault.
    verdict
        ``clear``: survived with the right numbers, or refused in one message that names the
        cause. ``wrong``: another number than without the fault, or an error that names another
        cause. ``traceback``: a stack trace was shown. ``lost``: what stood before is gone, or the
        next run cannot go on.
    detail
        What was seen, short.
    """

    kind: str
    case: str
    verdict: Verdict
    detail: str = ""


def record(outcome: Outcome) -> Outcome:
    """Append an outcome to the file that `RECORD` names, if it names one."""
    path = os.environ.get(RECORD)
    if path:
        with Path(path).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(outcome)) + "\n")
    return outcome


def refusal(text: str) -> str:
    """Message of the last ``Error:`` line of a command's output, empty if there is none."""
    found = list(ERROR_LINE.finditer(text))
    return found[-1]["message"].strip() if found else ""


def judge_refusal(code: int, text: str, fragment: str) -> tuple[Verdict, str]:
    """Verdict on a command that had to be refused with a message that holds `fragment`."""
    if "Traceback (most recent call last)" in text:
        return "traceback", text[-300:]
    message = refusal(text)
    if code == 0:
        return "wrong", "exit code 0"
    if not message:
        return "wrong", f"exit code {code} without an error line: {text[-200:]}"
    if fragment.lower() not in " ".join(message.split()).lower():
        return "wrong", f"names another cause than {fragment!r}: {message[:300]}"
    return "clear", message[:160]


def table(outcomes: list[Outcome]) -> str:
    """Counts per kind and verdict as a Markdown table."""
    counts = Counter((o.kind, o.verdict) for o in outcomes)
    lines = [
        "| fault | tried | " + " | ".join(VERDICTS) + " |",
        "|---|---|" + "---|" * len(VERDICTS),
    ]
    for kind in KINDS:
        cells = [counts[(kind, verdict)] for verdict in VERDICTS]
        lines.append(f"| {kind} | {sum(cells)} | " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def main() -> None:
    """Print the table of the outcomes in the file that `RECORD` names."""
    lines = Path(os.environ[RECORD]).read_text(encoding="utf-8").splitlines()
    # A case that was tried again counts by its last outcome.
    last = {(o.kind, o.case): o for o in (Outcome(**json.loads(line)) for line in lines)}
    outcomes = list(last.values())
    sys.stdout.write(table(outcomes) + "\n")
    for outcome in outcomes:
        if outcome.verdict != "clear":
            sys.stdout.write(f"{outcome}\n")


if __name__ == "__main__":
    main()
