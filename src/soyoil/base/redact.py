"""Take secrets out of what is shown, logged or stored.

Passwords belong in the environment and in ``credentials.yml``. Where one still gets into an
address, a parameter or the message of a library, everything that leaves the process goes
through `redact` first. It rather hides too much than too little.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final

HIDDEN: Final = "***"
"""What stands in the place of a secret."""

_SECRET: Final = (
    r"(?:pass(?:word|wd|phrase|file|code)|pwd|secret|token|credentials?|keyfile|signature|"
    r"(?:api|access|account|private|shared|auth|encryption)[_.-]?key|auth(?:orization)?|cookie)"
)
_NAME: Final = re.compile(
    rf"{_SECRET}(?:[_.-]?(?:id|file|path|text|json|info|b64))?$", re.IGNORECASE
)
_SHORT: Final = re.compile(r"(?:^|[_.-])(?:pw|pass|sig|key)$", re.IGNORECASE)
_QUOTED: Final = r"'(?:\\.|[^'\\])*'?|\"(?:\\.|[^\"\\])*\"?"
_RULES: Final = (
    # A private key, whole or cut off, its line breaks escaped or not.
    (
        re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY.*?(?:END [A-Z0-9 ]*KEY-----|\Z)", re.DOTALL),
        HIDDEN,
    ),
    # A service account as JSON or as a Python mapping, whole: its other fields identify the owner.
    (re.compile(r"\{[^{}]*(?:private_key|client_secret|refresh_token)[^{}]*(?:\}|\Z)"), HIDDEN),
    # Everything between :// and the last @: a password may hold / and @ itself. An address that
    # was taken for a path has lost a slash.
    (re.compile(r"(:/{1,3})[^\s'\"<>/][^\s'\"<>]*@"), rf"\1{HIDDEN}@"),
    (
        re.compile(r"\b(Bearer|Basic|Digest|Negotiate)\s+[\w.~+/=-]{6,}", re.IGNORECASE),
        rf"\1 {HIDDEN}",
    ),
    # name=value, name: value, "name": "value", in addresses, keyword DSNs, YAML, JSON and Python.
    # A name is sought from its start only: from each letter, a long word would take minutes.
    (
        re.compile(
            rf"(?<![\w.%-])(?P<name>[\w.%-]*{_SECRET}(?:[_-]?(?:id|text|json|info|b64))?)"
            rf"(?P<sign>\\?[\"']?\s*(?:=|%3D|:(?!//))\s*)(?P<value>{_QUOTED}|[^\s&;,'\"()\[\]{{}}]+)",
            re.IGNORECASE,
        ),
        rf"\g<name>\g<sign>{HIDDEN}",
    ),
    # Keys that are known by their form: Databento, Google, GitHub, AWS, Databricks.
    (
        re.compile(
            r"\b(?:db-[A-Za-z0-9]{24,}|AIza[\w-]{30,}|ya29\.[\w.-]{20,}|gh[pousr]_[A-Za-z0-9]{30,}|"
            r"(?:AKIA|ASIA)[A-Z0-9]{16}|dapi[0-9a-f]{32})\b"
        ),
        HIDDEN,
    ),
)


def redact(text: object) -> str:
    """Text without the secrets that it holds.

    Parameters
    ----------
    text
        An address (a database's, a tracking server's), a message or an exception.

    Returns
    -------
    str
        The text with `HIDDEN` in the place of user and password of addresses, of values whose name
        is that of a secret (``password=``, ``sslpassword=``, ``"private_key":``), of private keys,
        of service accounts, and of keys that are known by their form.
    """
    found = str(text)
    for pattern, instead in _RULES:
        found = pattern.sub(instead, found)
    return found


def is_secret_name(name: object) -> bool:
    """Whether a value of that name is a secret: ``sslpassword``, ``api_key``, ``keyfile``."""
    last = str(name).strip()
    return bool(_NAME.search(last) or _SHORT.search(last))


def redact_values(value: Any) -> Any:
    """Plain data without secrets: values of secret names hidden, all texts redacted.

    Parameters
    ----------
    value
        Nested mappings, lists and scalars, as configuration is.

    Returns
    -------
    Any
        New data of the same shape; mappings as `dict`, sequences as `list`.
    """
    if isinstance(value, Mapping):
        return {
            redact(name): HIDDEN
            if is_secret_name(name) and inner not in (None, "")
            else redact_values(inner)
            for name, inner in value.items()
        }
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [redact_values(inner) for inner in value]
    return value


def redact_record(record: logging.LogRecord) -> logging.LogRecord:
    """Log record whose message and exception are redacted where they hold a secret."""
    try:
        text = record.getMessage()
    except (TypeError, ValueError):
        # Arguments that do not fit their message; logging itself reports that.
        return record
    shown = redact(text)
    if shown != text:
        record.msg, record.args = shown, None
    if record.exc_info and record.exc_info[0] is not None:
        trace = "".join(traceback.format_exception(*record.exc_info)).rstrip()
        shown = redact(trace)
        if shown != trace:
            record.msg, record.args = f"{record.getMessage()}\n{shown}", None
            record.exc_info, record.exc_text = None, None
    return record


def redact_logs() -> None:
    """Redact all log records of this process, whatever handlers show them."""
    made = logging.getLogRecordFactory()
    if getattr(made, "redacts", False):
        return

    def make(*args: Any, **kwargs: Any) -> logging.LogRecord:
        return redact_record(made(*args, **kwargs))

    make.redacts = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(make)


def redact_tracebacks() -> None:
    """Redact the traceback that ends this process, if it holds a secret; others stay as they are.

    To be called when an exception is about to end the process: whatever was made to show
    tracebacks until then (rich's, in colours) shows those that are harmless.
    """
    usual = sys.excepthook
    if getattr(usual, "redacts", False):
        return

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        text = "".join(traceback.format_exception(kind, error, trace))
        shown = redact(text)
        if shown == text:
            usual(kind, error, trace)
        else:
            sys.stderr.write(shown)

    show.redacts = True  # type: ignore[attr-defined]
    sys.excepthook = show
