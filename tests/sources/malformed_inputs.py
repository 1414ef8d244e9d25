"""Odd and malformed vendor files as data: what is written, and what must come of it.

Every price is invented. All inputs are made from one small market of soybean oil, `BARS`; each is
either read as if it were sound, or read but for bars that are set aside, or refused.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import databento_dbn
import numpy as np
import pandas as pd
import zstandard

Row = list[str]
Writer = Callable[[Path], None]

HEAD = ["ts_event", "rtype", "publisher_id", "instrument_id", "open", "high", "low", "close",
        "volume", "symbol"]  # fmt: skip
TIME, RTYPE, _, CONTRACT, OPEN, HIGH, LOW, CLOSE, VOLUME, SYMBOL = range(len(HEAD))
NAME = "bars.csv"


@dataclass(frozen=True)
class Malformed:
    """One input.

    Attributes
    ----------
    name
        What is odd about it.
    write
        Puts it into a folder.
    outcome
        ``read``: the bars are `BARS`. ``set aside``: bars are missing, quarantined by the reason
        in `words`. ``refused``: the message holds `words`.
    words
        Reason, or part of the message.
    """

    name: str
    write: Writer
    outcome: Literal["read", "set aside", "refused"]
    words: str = ""


def _market() -> list[Row]:
    days = pd.bdate_range("2023-01-03", "2023-01-31")
    start = [day + pd.Timedelta(hours=h) for day in days for h in range(2, 20)]
    rng = np.random.default_rng(11)
    close = np.round(50 * np.exp(np.cumsum(rng.normal(0, 0.003, len(start)))), 2)
    open_ = np.r_[50.0, close[:-1]]
    return [
        [f"{moment:%Y-%m-%dT%H:%M:%S}.000000000Z", "34", "1", "1000", f"{o:.9f}",
         f"{max(o, c) + 0.02:.9f}", f"{min(o, c) - 0.02:.9f}", f"{c:.9f}", str(volume), "ZL.v.0"]
        for moment, o, c, volume in zip(
            start, open_, close, rng.integers(900, 1300, len(start)), strict=True)
    ]  # fmt: skip


BARS = _market()


def text(
    rows: Sequence[Sequence[str]],
    head: Sequence[str] = HEAD,
    *,
    end: str = "\n",
    quoting: int = csv.QUOTE_MINIMAL,
    separator: str = ",",
) -> str:
    """Rows as CSV."""
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator=end, quoting=quoting, delimiter=separator)  # type: ignore[arg-type]
    writer.writerows([head, *rows])
    return sink.getvalue()


PLAIN = text(BARS)


def _file(content: str | bytes, name: str = NAME) -> Writer:
    def write(folder: Path) -> None:
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)

    return write


def each(column: int, change: Callable[[str], str]) -> list[Row]:
    """All rows with one column changed."""
    return [[change(v) if i == column else v for i, v in enumerate(row)] for row in BARS]


def one(column: int, value: str, at: int = 40) -> list[Row]:
    """All rows, one field of them changed."""
    return [[value if (n, i) == (at, column) else v for i, v in enumerate(row)]
            for n, row in enumerate(BARS)]  # fmt: skip


def prices(change: Callable[[str], str], where: slice = slice(None)) -> list[Row]:
    """All rows, the prices of some of them changed."""
    chosen = set(range(len(BARS))[where])
    return [[change(v) if OPEN <= i <= CLOSE and n in chosen else v for i, v in enumerate(row)]
            for n, row in enumerate(BARS)]  # fmt: skip


def times(pattern: str) -> list[Row]:
    """All rows with their times in another format."""
    return each(TIME, lambda v: pd.Timestamp(v).strftime(pattern))


def _scaled(factor: float) -> Callable[[str], str]:
    return lambda v: f"{float(v) * factor:.9f}"


def _fixed(v: str) -> str:
    return str(round(float(v) * 1e9))


def _read() -> Iterator[tuple[str, Writer]]:
    spaced = [[v if i == 0 else f" {v}" for i, v in enumerate(row)] for row in BARS]
    order = [SYMBOL, VOLUME, CLOSE, LOW, HIGH, OPEN, CONTRACT, RTYPE, TIME]
    yield "byte order mark", _file("\ufeff" + PLAIN)
    yield "windows line ends", _file(text(BARS, end="\r\n"))
    yield "windows line ends and a mark", _file("\ufeff" + text(BARS, end="\r\n"))
    yield "no final line end", _file(PLAIN.rstrip("\n"))
    yield "blank lines at the end", _file(PLAIN + "\n\n\n")
    yield "blank lines between", _file(PLAIN.replace("\n", "\n\n"))
    yield "empty rows at the end", _file(text([*BARS, [""] * 10, [""] * 10]))
    yield "empty rows between", _file(text([*BARS[:9], [""] * 10, *BARS[9:]]))
    yield "rows of spaces at the end", _file(text([*BARS, [" "] * 10]))
    yield "all fields quoted", _file(text(BARS, quoting=csv.QUOTE_ALL))
    yield "header quoted", _file(PLAIN.replace(",".join(HEAD), ",".join(f'"{h}"' for h in HEAD)))
    yield "spaces after commas", _file(text(spaced, [HEAD[0], *(f" {h}" for h in HEAD[1:])]))
    yield "spaces on both sides", _file(text([[f" {v} " for v in r] for r in BARS]))
    yield "semicolons", _file(text(BARS, separator=";"))
    yield "tabs", _file(text(BARS, separator="\t"))
    yield "bars between fields", _file(text(BARS, separator="|"))
    yield (
        "columns in another order",
        _file(text([[r[i] for i in order] for r in BARS], [HEAD[i] for i in order])),
    )
    yield "an index column", _file(text([[str(n), *r] for n, r in enumerate(BARS)], ["", *HEAD]))
    yield (
        "two columns of notes",
        _file(text([[*r, "x", "y"] for r in BARS], [*HEAD, "note", "note"])),
    )
    yield "volume as decimals", _file(text(each(VOLUME, lambda v: f"{v}.0")))
    yield "contract as decimals", _file(text(each(CONTRACT, lambda v: f"{v}.0")))
    yield "rtype as decimals", _file(text(each(RTYPE, lambda v: f"{v}.00")))
    yield "short prices", _file(text(prices(lambda v: f"{float(v):g}")))
    yield "prices without a leading zero", _file(text(prices(lambda v: v.rstrip("0"))))
    yield "prices with exponents", _file(text(prices(lambda v: f"{float(v):.4e}")))
    yield "fixed-point prices", _file(text(prices(_fixed)))
    yield "times with UTC", _file(text(times("%Y-%m-%d %H:%M:%S UTC")))
    yield "times with an offset", _file(text(times("%Y-%m-%d %H:%M:%S+00:00")))
    yield "times with a short offset", _file(text(times("%Y-%m-%d %H:%M:%S+00")))
    yield "times without seconds", _file(text(times("%Y-%m-%dT%H:%MZ")))
    yield (
        "times of Chicago with their offset",
        _file(
            text(each(TIME, lambda v: pd.Timestamp(v).tz_convert("America/Chicago").isoformat()))
        ),
    )
    yield "times in nanoseconds", _file(text(each(TIME, lambda v: str(pd.Timestamp(v).value))))
    yield "gzip under a plain name", _file(gzip.compress(PLAIN.encode(), mtime=0))
    yield (
        "zstd under the name of gzip",
        _file(zstandard.ZstdCompressor().compress(PLAIN.encode()), "bars.csv.gz"),
    )
    yield (
        "two gzip members",
        _file(
            gzip.compress(PLAIN[:5000].encode()) + gzip.compress(PLAIN[5000:].encode()),
            "bars.csv.gz",
        ),
    )
    yield "upper case suffix", _file(PLAIN, "BARS.CSV")
    yield "a hidden file beside", _both(_file(PLAIN), _file(b"\0\1", "._bars.csv"))
    yield "an empty folder beside", _both(_file(PLAIN), lambda f: (f / "old").mkdir())
    yield "rows in reverse", _file(text(BARS[::-1]))


def _both(*writers: Writer) -> Writer:
    def write(folder: Path) -> None:
        for writer in writers:
            writer(folder)

    return write


def _set_aside() -> Iterator[tuple[str, str, Writer]]:
    beyond = "implausible_price"
    yield "a session times 100", beyond, _file(text(prices(_scaled(100), slice(90, 108))))
    yield "a session by 100", beyond, _file(text(prices(_scaled(0.01), slice(90, 108))))
    yield "a high of nine billion", beyond, _file(text(one(HIGH, "900000.0")))
    yield "a low of nothing", beyond, _file(text(one(LOW, "0.000000050")))
    yield "a zero", "non_positive_price", _file(text(one(LOW, "0.000000000")))
    yield "a negative price", "non_positive_price", _file(text(one(LOW, "-49.000000000")))
    yield "a missing price", "undefined_price", _file(text(one(CLOSE, "")))
    yield (
        "a session times three",
        "implausible_move",
        _file(text(prices(_scaled(3), slice(90, 108)))),
    )
    yield "a bar by four", "implausible_move", _file(text(prices(_scaled(0.25), slice(90, 91))))
    yield "a high of double", "implausible_move", _file(text(one(HIGH, "110.000000000")))
    yield "a low of half", "implausible_move", _file(text(one(LOW, "20.000000000")))
    yield "volume of 2^40", "implausible_volume", _file(text(one(VOLUME, str(2**40))))
    yield "volume of 5e17", "implausible_volume", _file(text(one(VOLUME, str(5 * 10**17))))
    yield "no volume", "no_volume", _file(text(one(VOLUME, "0")))
    yield "high and low swapped", "ohlc_violation", _file(text(one(HIGH, "45.000000000")))
    yield "half an hour late", "off_grid", _file(text(one(TIME, "2023-01-05T06:30:00Z")))


def _refused() -> Iterator[tuple[str, str, Writer]]:
    close_twice = [[*r, r[CLOSE]] for r in BARS]
    yield (
        "two columns close",
        "column close occurs 2 times",
        _file(text(close_twice, [*HEAD, "close"])),
    )
    yield (
        "two columns close, one spaced",
        "column close occurs 2 times",
        _file(text(close_twice, [*HEAD, " close"])),
    )
    yield (
        "two columns symbol",
        "column symbol occurs 2 times",
        _file(text([[*r, "x"] for r in BARS], [*HEAD, "symbol"])),
    )
    yield "no column low", "column low is missing", _file(PLAIN.replace(",low,", ",bottom,", 1))
    yield "capital header", "is missing in its header", _file(PLAIN.replace("close", "Close", 1))
    yield "a line before the header", "is missing in its header", _file("sep=,\n" + PLAIN)
    nul = "NUL bytes"
    yield "NUL in a volume", "line 42 holds " + nul, _file(text(one(VOLUME, "1\0")))
    yield "NUL in a symbol", "line 42 holds " + nul, _file(text(one(SYMBOL, "ZL.v.0\0")))
    yield "NUL in the header", nul, _file(PLAIN.replace("close", "clo\0e", 1))
    yield "NULs at the end", nul, _file(PLAIN + "\0" * 512)
    yield "UTF-16", "text in UTF-16", _file(PLAIN.encode("utf-16"))
    yield "UTF-16 without a mark", "text in UTF-16", _file(PLAIN.encode("utf-16-be"))
    zone = "has no time zone"
    yield "zoneless times", zone, _file(text(times("%Y-%m-%d %H:%M:%S")))
    yield "zoneless times with a T", zone, _file(text(times("%Y-%m-%dT%H:%M:%S.%f")))
    yield (
        "one zoneless time",
        "line 42, column ts_event",
        _file(text(one(TIME, "2023-01-05T06:00:00"))),
    )
    sheet = "as a spreadsheet or a regional format writes it"
    yield "american dates", sheet, _file(text(times("%m/%d/%Y %H:%M")))
    yield "european dates", sheet, _file(text(times("%d.%m.%Y %H:%M")))
    yield "days only", sheet, _file(text(times("%Y-%m-%d")))
    yield "serial days", sheet, _file(text(one(TIME, "44927.083")))
    yield (
        "rounded nanoseconds",
        "cut digits off",
        _file(text(each(TIME, lambda v: f"{pd.Timestamp(v).value:.5e}"))),
    )
    yield "a month of 13", "impossible time", _file(text(one(TIME, "2023-13-05T06:00:00Z")))
    yield (
        "seconds since 1970",
        "no nanoseconds since 1970",
        _file(text(each(TIME, lambda v: str(pd.Timestamp(v).value // 10**9)))),
    )
    yield (
        "milliseconds since 1970",
        "no nanoseconds since 1970",
        _file(text(each(TIME, lambda v: str(pd.Timestamp(v).value // 10**6)))),
    )
    yield "an empty time", "line 42, column ts_event: '' is no time", _file(text(one(TIME, "")))
    yield "thousands in volume", "has thousands separators", _file(text(one(VOLUME, "1,132")))
    yield (
        "rounded volume",
        "column volume: '1.1E+03' is a rounded",
        _file(text(one(VOLUME, "1.1E+03"))),
    )
    yield "half a lot", "is no whole number", _file(text(one(VOLUME, "783.5")))
    yield "negative volume", "column volume: '-783' is negative", _file(text(one(VOLUME, "-783")))
    yield "volume of 2^62", "is too large", _file(text(one(VOLUME, str(2**62))))
    yield "no contract", "column instrument_id: '' is no number", _file(text(one(CONTRACT, "")))
    yield (
        "decimal commas",
        "has a decimal comma",
        _file(text(prices(lambda v: v.replace(".", ",")), separator=";")),
    )
    yield "decimal commas among commas", "line 2 has 14 fields", _file(
        ",".join(HEAD) + "\n"
        + "".join(",".join([*r[:OPEN], *(v.replace(".", ",") for v in r[OPEN:VOLUME]),
                            *r[VOLUME:]]) + "\n" for r in BARS)
    )  # fmt: skip
    yield "thousands in prices", "has thousands separators", _file(text(one(HIGH, "1,050.5")))
    yield "currency", "has a sign or currency", _file(text(one(OPEN, "$50.02")))
    yield "a word for a price", "column close: 'NaN' is no price", _file(text(one(CLOSE, "NaN")))
    yield "a spreadsheet's error", "'#REF!' is no price", _file(text(one(CLOSE, "#REF!")))
    yield "infinity", "'inf' is no price", _file(text(one(HIGH, "inf")))
    yield "ticks", "is a fraction of ticks", _file(text(one(CLOSE, "50'2")))
    yield "both forms of prices", "cannot be told apart", _file(text(one(HIGH, "50020000000")))
    yield "a small letter symbol", "the vendor spells ZL.v.0", _file(text(one(SYMBOL, "zl.v.0")))
    yield "symbols with a quote", "the vendor spells ZL.v.0", _file(text(one(SYMBOL, "'ZL.v.0")))
    yield (
        "single contracts",
        "single contracts or spreads",
        _file(text(each(SYMBOL, lambda _: "ZLH3"))),
    )
    yield "the header again", "column", _file(text([*BARS[:9], HEAD, *BARS[9:]]))
    yield (
        "a field too few",
        "line 42 has 9 fields",
        _file(text([r[:-1] if n == 40 else r for n, r in enumerate(BARS)])),
    )
    yield (
        "a field too many",
        "line 42 has 11 fields",
        _file(text([[*r, "x"] if n == 40 else r for n, r in enumerate(BARS)])),
    )
    yield "cut in the last symbol", "has no line end", _file(PLAIN[:-4])
    yield (
        "volume last and no line end",
        "has no line end",
        _both(_file(text([r[:-1] for r in BARS], HEAD[:-1]).rstrip("\n")), _names("1000")),
    )
    yield (
        "all prices by a billion",
        "implausible_price",
        _file(text(prices(lambda v: f"{float(v) * 1e-9:.15f}"))),
    )
    yield "all prices times 100", "implausible_price", _file(text(prices(_scaled(100))))
    yield (
        "the second half times three",
        "a move that no market makes",
        _file(text(prices(_scaled(3), slice(180, None)))),
    )
    yield "one price for a month", "constant_price", _file(text(prices(lambda _: "50.000000000")))
    yield "names of another batch", "its 378 bars have no name", _nameless("7777")
    yield (
        "names that end too early",
        "144 on days that it does not cover",
        _nameless("1000", "2023-01-20"),
    )
    yield "names of nothing", "its 378 bars have no name", _nameless()
    yield (
        "no names",
        "no symbology.json lies beside it",
        _file(text([r[:-1] for r in BARS], HEAD[:-1])),
    )
    yield (
        "names in a folder",
        "symbology.json is a folder",
        _both(
            _file(text([r[:-1] for r in BARS], HEAD[:-1])), lambda f: (f / "symbology.json").mkdir()
        ),
    )


def _names(contract: str | None = None, end: str = "2023-02-01") -> Writer:
    intervals = [{"d0": "2023-01-01", "d1": end, "s": contract}] if contract else []
    return _file(json.dumps({"result": {"ZL.v.0": intervals}}), "symbology.json")


def _nameless(contract: str | None = None, end: str = "2023-02-01") -> Writer:
    return _both(_file(text([r[:-1] for r in BARS], HEAD[:-1])), _names(contract, end))


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        # By its short name: a path of a socket has a hundred characters at most.
        here = os.open(".", os.O_RDONLY)
        try:
            os.chdir(path.parent)
            server.bind(path.name)
        finally:
            os.fchdir(here)
            os.close(here)


def _no_files() -> Iterator[tuple[str, str, Writer]]:
    for name in ("extra.csv", "extra.dbn.zst", "extra.csv.gz"):
        yield (
            f"a pipe named {name}",
            "is a named pipe, not a file",
            _both(
                _file(PLAIN),
                lambda f, n=name: os.mkfifo(f / n),  # type: ignore[misc]
            ),
        )
        yield (
            f"a folder named {name}",
            "is a folder, not a file",
            _both(
                _file(PLAIN),
                lambda f, n=name: (f / n).mkdir(),  # type: ignore[misc]
            ),
        )
    yield (
        "a socket",
        "is a socket, not a file",
        _both(_file(PLAIN), lambda f: _socket(f / "extra.csv")),
    )
    yield (
        "a link to a device",
        "is a device, not a file",
        _both(_file(PLAIN), lambda f: (f / "extra.dbn").symlink_to("/dev/zero")),
    )
    yield (
        "a link to nothing",
        "No such file",
        _both(_file(PLAIN), lambda f: (f / "extra.dbn").symlink_to(f / "gone")),
    )
    yield (
        "a link to itself",
        "Cannot read",
        _both(_file(PLAIN), lambda f: (f / "extra.csv").symlink_to(f / "extra.csv")),
    )
    yield (
        "a pipe of conditions",
        "condition.json is a named pipe",
        _both(_file(PLAIN), lambda f: os.mkfifo(f / "condition.json")),
    )


def dbn(
    rows: Sequence[Row] = BARS,
    *,
    end: str = "2023-02-01",
    limit: int | None = None,
    partial: Sequence[str] = (),
    not_found: Sequence[str] = (),
) -> bytes:
    """Rows as the vendor's binary file, with what its header says of the request."""
    day = dt.date.fromisoformat
    interval = SimpleNamespace(start_date=day("2023-01-01"), end_date=day(end), symbol="1000")
    metadata = databento_dbn.Metadata(
        "GLBX.MDP3",
        pd.Timestamp("2023-01-01").value,
        databento_dbn.SType.CONTINUOUS,
        databento_dbn.SType.INSTRUMENT_ID,
        databento_dbn.Schema.OHLCV_1H,
        symbols=["ZL.v.0", *not_found],
        partial=list(partial),
        not_found=list(not_found),
        mappings=[SimpleNamespace(raw_symbol="ZL.v.0", intervals=[interval])],
        end=pd.Timestamp(end).value,
        limit=limit,
    )
    hourly = databento_dbn.RType.OHLCV_1H
    records = (
        databento_dbn.OHLCVMsg(
            hourly, 1, int(row[CONTRACT]), pd.Timestamp(row[TIME]).value,
            *(round(float(v) * 1e9) for v in row[OPEN:VOLUME]), int(row[VOLUME]),
        )
        for row in rows
    )  # fmt: skip
    return bytes(metadata) + b"".join(map(bytes, records))


def _dbn() -> Iterator[Malformed]:
    name = "bars.dbn"
    sound = dbn()

    def refused(what: str, words: str, content: bytes) -> Malformed:
        return Malformed(what, _file(content, name), "refused", words)

    yield Malformed("binary", _file(sound, name), "read")
    yield Malformed("binary with an ample limit", _file(dbn(limit=10**6), name), "read")
    yield Malformed("binary, another symbol partial", _file(dbn(partial=["XX.v.0"]), name), "read")
    yield Malformed("binary, another symbol not found", _file(dbn(not_found=["XX.v.0"]), name),
                    "read")  # fmt: skip
    yield Malformed("binary, volume of 2^62", _file(dbn(one(VOLUME, str(2**62))), name),
                    "set aside", "implausible_volume")  # fmt: skip
    yield Malformed("binary, a high of nine billion", _file(dbn(one(HIGH, "9e9")), name),
                    "set aside", "implausible_price")  # fmt: skip
    yield refused("binary, limit reached", "limit=100", dbn(BARS[:100], limit=100))
    yield refused("binary, root partial", "ZL.v.0 was found by the vendor on a part",
                  dbn(partial=["ZL.v.0"]))  # fmt: skip
    yield refused("binary, root not found", "ZL.n.0 was not found", dbn(not_found=["ZL.n.0"]))
    yield refused("binary, a day short", "1 trading days are missing at its end", dbn(BARS[:-18]))
    yield refused("binary, half", "trading days are missing at its end",
                  sound[: len(sound) - 56 * 189])  # fmt: skip
    yield refused("binary, no record", "no record follows", dbn([]))
    yield refused("binary, cut in a record", "ends inside a record", sound[:-3])
    yield refused("binary, zeros at its end", "no ohlcv-1h bar", sound + bytes(56))
    yield refused("binary twice", "holds a record that is no", sound + sound)
    yield refused("text under the name of a binary", "not a DBN file", PLAIN.encode())


def all_malformed() -> list[Malformed]:
    """Every input."""
    return [
        *_dbn(),
        *(Malformed(name, write, "read") for name, write in _read()),
        *(Malformed(name, write, "set aside", words) for name, words, write in _set_aside()),
        *(Malformed(name, write, "refused", words) for name, words, write in _refused()),
        *(Malformed(name, write, "refused", words) for name, words, write in _no_files()),
    ]
