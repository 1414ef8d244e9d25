"""Secrets are taken out of everything that is shown."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from soyoil.base.redact import (
    HIDDEN,
    is_secret_name,
    redact,
    redact_logs,
    redact_record,
    redact_tracebacks,
    redact_values,
)

SECRET = "planted-Secret.1"
KEY = "-----BEGIN PRIVATE KEY-----\nplanted-Secret.1\n-----END PRIVATE KEY-----\n"
ACCOUNT = {"type": "service_account", "private_key": KEY, "client_email": "a@planted-Secret.1.iam"}


@pytest.mark.parametrize(
    "text",
    [
        f"http://someone:{SECRET}@127.0.0.1:9",
        f"postgresql://u:a/{SECRET}/b@host/db",
        f"postgresql://u:a@{SECRET}@host/db",
        f"http://{SECRET}@host/",
        f"postgresql://host/db?user=u&password={SECRET}&x=1",
        f"postgresql://host/db?sslpassword={SECRET}",
        f"host=db user=u password={SECRET} dbname=x",
        f"host=db password='{SECRET} with spaces' dbname=x",
        f"host=db password = {SECRET}",
        f"postgresql://host/db?options=password%3D{SECRET}",
        f"PGPASSWORD={SECRET} psql",
        f"could not connect: {{'password': '{SECRET}'}}",
        f'{{"api_key": "{SECRET}"}}',
        f"Authorization: Bearer {SECRET}",
        KEY,
        KEY.replace("\n", "\\n"),
        KEY[:45],
        json.dumps(ACCOUNT),
        json.dumps(ACCOUNT)[:-30],
        str(ACCOUNT),
        f"keyfile: {json.dumps(ACCOUNT)}",
        f"token={SECRET};x=1",
    ],
)
def test_no_part_of_a_secret_is_shown(text: str) -> None:
    assert "planted" not in redact(text)
    assert "Secret" not in redact(text)


@pytest.mark.parametrize(
    "key", ["db-" + "aB3" * 9 + "xy", "AIza" + "x1_" * 12, "AKIA" + "AB12" * 4]
)
def test_known_keys_are_hidden_without_a_name(key: str) -> None:
    assert key not in redact(f"refused {key}, it has expired")


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:////srv/x/mlflow.db",
        "http://127.0.0.1:5000",
        "target.symbol=ZL is not among source.symbols=CL",
        "must not hold a password. Give it in PGPASSWORD or in ~/.pgpass",
        "keyword arguments: none",
        "monkey=3, keys=4",
        "raw.prices.close",
    ],
)
def test_text_without_a_secret_stays(text: str) -> None:
    assert redact(text) == text


def test_host_and_database_of_an_address_stay() -> None:
    assert redact(f"postgresql://u:{SECRET}@host:5432/db") == f"postgresql://{HIDDEN}@host:5432/db"


def test_data_is_redacted_by_name_and_by_content() -> None:
    found = redact_values(
        {"a": {"sslpassword": SECRET, "n": 3}, "b": [f"x://u:{SECRET}@h"], "api_key": None}
    )
    assert found == {
        "a": {"sslpassword": HIDDEN, "n": 3},
        "b": [f"x://{HIDDEN}@h"],
        "api_key": None,
    }


@pytest.mark.parametrize("name", ["password", "db.sslpassword", "keyfile", "private_key_id", "pw"])
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["symbol", "keys", "embargo", "passes", "tokens_per_step"])
def test_other_names(name: str) -> None:
    assert not is_secret_name(name)


def test_logs_hold_no_secret_of_message_or_exception() -> None:
    try:
        raise ValueError(f"postgresql://u:{SECRET}@h")
    except ValueError as error:
        record = logging.LogRecord(
            "x", logging.ERROR, __file__, 1, "at %s", (f"http://u:{SECRET}@h",),
            (ValueError, error, error.__traceback__),
        )  # fmt: skip
    assert redact_record(record) is record
    shown = logging.Formatter().format(record)
    assert SECRET not in shown
    assert "ValueError" in shown


def test_all_loggers_redact(caplog: pytest.LogCaptureFixture) -> None:
    before = logging.getLogRecordFactory()
    try:
        redact_logs()
        redact_logs()
        with caplog.at_level("INFO"):
            logging.getLogger("any.library").info("at %s", f"http://u:{SECRET}@h")
            logging.getLogger("any.library").info("a name such as [/] or %s stays", "100 %")
    finally:
        logging.setLogRecordFactory(before)
    assert [record.getMessage() for record in caplog.records] == [
        f"at http://{HIDDEN}@h",
        "a name such as [/] or 100 % stays",
    ]


def test_the_last_traceback_shows_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usual: list[BaseException] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: usual.append(error))
    redact_tracebacks()
    redact_tracebacks()
    harmless = ValueError("x")
    sys.excepthook(ValueError, harmless, None)
    assert usual == [harmless]
    cause = OSError(5, "no answer", f"http://u:{SECRET}@h")
    error = RuntimeError("it failed")
    error.__cause__ = cause
    sys.excepthook(RuntimeError, error, None)
    assert usual == [harmless]
    shown = capsys.readouterr().err
    assert "RuntimeError: it failed" in shown
    assert "no answer" in shown
    assert SECRET not in shown


@pytest.mark.parametrize("word", ["a", "token", "a.b-"])
def test_long_words_are_no_trouble(word: str) -> None:
    """From each letter of a word the rest was looked at: minutes for one of 100 kB."""
    text = word * (100_000 // len(word))
    assert redact(f"{text} password=x") == f"{text} password={HIDDEN}"
