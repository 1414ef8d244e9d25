"""One way to ask a service: tries again, waits, keeps to limits, and shows no key.

Pauses double from try to try and are drawn at random, so that many clients do not come back at
once (M. Brooker, Exponential Backoff And Jitter, AWS Architecture Blog, 2015).
"""

from __future__ import annotations

import email.utils
import json
import logging
import random
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from soyoil import __version__
from soyoil.base.errors import SourceError
from soyoil.base.redact import HIDDEN, redact, redact_logs
from soyoil.external.api.config import ApiConfig, Key, Service

if TYPE_CHECKING:
    import requests

T = TypeVar("T")

logger = logging.getLogger(__name__)

PASSING: Final = (408, 429, 500, 502, 503, 504)
"""Answers that another try may mend."""
NO_KEY: Final = (401, 403)
UNCHANGED: Final = 304
_CHUNK: Final = 1 << 16
_SHOWN: Final = 200


class ServiceDownError(SourceError):
    """A service does not answer, or asks for more patience than it is given."""


class KeyRefusedError(SourceError):
    """A service does not take the key: ask nothing more."""


@dataclass(frozen=True)
class Clock:
    """Time, for tests to replace."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Answer:
    """What a service answered.

    Attributes
    ----------
    status
        HTTP status.
    headers
        By name, in any case of letters.
    body
        All of it, unpacked.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class _AgainError(Exception):
    """Another try may help.

    Attributes
    ----------
    seconds
        How long the service asks to wait, None if it does not say.
    """

    def __init__(self, problem: str, seconds: float | None = None) -> None:
        super().__init__(problem)
        self.seconds = seconds


class Client:
    """Client of one service, for one load.

    Parameters
    ----------
    service
        The service; the key is read from the environment now.
    limits
        Patience.
    url
        Another address of the service, such as a mirror's.
    clock
        Time.

    Raises
    ------
    KeyRefusedError
        The service needs a key and the environment has none.
    """

    def __init__(
        self,
        service: Service,
        limits: ApiConfig,
        url: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        import requests

        # The library below logs addresses, keys included.
        redact_logs()
        self._service, self._limits, self._clock = service, limits, clock or Clock()
        self._url = url or service.url
        self._key = service.key.value if service.key else ""
        if service.key is not None and service.key.required and not self._key:
            raise KeyRefusedError(no_key(service))
        self._until = self._clock.now() + limits.total_seconds
        self._sent: deque[float] = deque(maxlen=service.per_minute)
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"soyoil/{__version__}"
        # Else ~/.netrc would be searched for a password of the host.
        self._session.auth = _nobody

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close its connections."""
        self._session.close()

    def json(self, path: str, params: Mapping[str, str | int]) -> Any:
        """Ask for JSON.

        Parameters
        ----------
        path
            Below the address of the service.
        params
            Of the query, without the key.

        Raises
        ------
        KeyRefusedError
            The service does not take the key.
        ServiceDownError
            No whole answer within the tries and the time allowed.
        SourceError
            The service refuses the request, or is to be found elsewhere.
        """
        return self._ask(path, params, {}, _as_json)

    def text(
        self, path: str, params: Mapping[str, str | int], headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask for text that ends with a line's end, as CSV does; errors as for `json`."""
        return self._ask(path, params, headers or {}, _as_lines)

    def _ask(
        self,
        path: str,
        params: Mapping[str, str | int],
        headers: Mapping[str, str],
        parse: Callable[[Answer], T],
    ) -> T:
        problem = ""
        for attempt in range(1, self._limits.tries + 1):
            self._keep_to_rate()
            try:
                return parse(self._send(path, params, headers))
            except _AgainError as error:
                problem = self._scrub(error)
                if attempt < self._limits.tries:
                    pause = self._pause_after(attempt, error.seconds)
                    self._wait(pause, f"{self._name(path)}: {problem}")
        raise ServiceDownError(
            f"{self._name(path)}: {problem}, after {self._limits.tries} tries. Run again later."
        )

    def _send(
        self, path: str, params: Mapping[str, str | int], headers: Mapping[str, str]
    ) -> Answer:
        import requests

        key, secret = self._service.key, {}
        if key is not None and self._key:
            secret = {key.name: self._key}
        in_header = key is not None and key.in_header
        limits = self._limits
        try:
            with self._session.get(
                f"{self._url}/{path}",
                params={**params, **({} if in_header else secret)},
                headers={**headers, **(secret if in_header else {})},
                timeout=(limits.connect_seconds, limits.read_seconds),
                proxies={"http": limits.proxy, "https": limits.proxy} if limits.proxy else None,
                # A key must not follow to another host.
                allow_redirects=False,
                stream=True,
            ) as response:
                answer = Answer(response.status_code, response.headers, self._body(response))
        # Of these errors nothing is shown: their text holds the address with the key.
        except requests.exceptions.SSLError:
            raise _AgainError("its certificate is not trusted") from None
        except requests.exceptions.ProxyError:
            raise _AgainError("the proxy does not let the request through") from None
        except requests.exceptions.ConnectTimeout:
            raise _AgainError(f"no connection within {limits.connect_seconds:g} s") from None
        except requests.exceptions.Timeout:
            raise _AgainError(f"no answer within {limits.read_seconds:g} s") from None
        except (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError):
            raise _AgainError("there is no connection, or it broke off") from None
        except requests.exceptions.ContentDecodingError:
            raise _AgainError("its answer cannot be unpacked") from None
        except requests.exceptions.RequestException as error:
            raise SourceError(
                f"{self._name(path)} cannot be asked ({type(error).__name__}): look at "
                f"external.{self._service.source}.url and the proxy."
            ) from None
        self._check(answer, path)
        return answer

    def _body(self, response: requests.Response) -> bytes:
        """All bytes of an answer, as long as there is time: one may trickle for ever."""
        parts = []
        for part in response.iter_content(_CHUNK):
            parts.append(part)
            if self._clock.now() > self._until:
                raise ServiceDownError(self._out_of_time("its answer takes too long"))
        return b"".join(parts)

    def _check(self, answer: Answer, path: str) -> None:
        status, name = answer.status, self._name(path)
        if status in (200, UNCHANGED):
            return
        said = self._scrub(_said(answer.body))
        told = f"{status}: {said}" if said else str(status)
        if status in PASSING:
            raise _AgainError(f"it answers {told}", _asked_to_wait(answer.headers))
        key = self._service.key
        if key is not None and (status in NO_KEY or (status == 400 and key.name in said)):
            if not self._key:
                raise KeyRefusedError(f"{name} refuses without a key ({status}). {_get_key(key)}")
            raise KeyRefusedError(
                f"{name} does not take the key in {key.variable} ({told}): it is mistyped, "
                f"expired or withdrawn. {_get_key(key)}"
            )
        if 300 <= status < 400:
            target = redact(self._scrub(answer.headers.get("Location", ""))).partition("?")[0]
            raise SourceError(
                f"{name} has moved to {target or 'elsewhere'}: set "
                f"external.{self._service.source}.url."
            )
        raise SourceError(f"{name} refuses the request ({told}).")

    def _keep_to_rate(self) -> None:
        """Wait until fewer than the allowed requests were sent in the last minute."""
        if len(self._sent) == self._sent.maxlen:
            seconds = self._sent[0] + 60 - self._clock.now()
            if seconds > 0:
                self._wait(seconds, f"{self._service.per_minute} requests in a minute are allowed")
        self._sent.append(self._clock.now())

    def _pause_after(self, attempt: int, asked: float | None) -> float:
        pause = self._limits.backoff_seconds * 2.0 ** (attempt - 1) * random.uniform(0.5, 1.5)
        return max(pause, asked or 0.0)

    def _wait(self, seconds: float, why: str) -> None:
        if self._clock.now() + seconds > self._until:
            raise ServiceDownError(self._out_of_time(f"{why}, a wait of {seconds:.0f} s"))
        logger.info("%s; next request in %.1f s", why, seconds)
        self._clock.sleep(seconds)

    def _out_of_time(self, why: str) -> str:
        return (
            f"{why}: more than external.{self._service.source}.api.total_seconds="
            f"{self._limits.total_seconds:g} allows. Run again later."
        )

    def _name(self, path: str) -> str:
        return redact(f"{self._url}/{path}")

    def _scrub(self, text: object) -> str:
        plain = str(text)
        return redact(plain.replace(self._key, HIDDEN) if self._key else plain)


def no_key(service: Service) -> str:
    """What to say where a service needs a key and the environment has none."""
    assert service.key is not None
    return (
        f"external.{service.source}.origin=api needs the environment variable "
        f"{service.key.variable}, which is not set. {_get_key(service.key)}"
    )


def _get_key(key: Key) -> str:
    return f"Get one at {key.where} and set {key.variable}; it is free."


def _nobody(request: T) -> T:
    return request


def _as_json(answer: Answer) -> Any:
    try:
        return json.loads(answer.body)
    except ValueError:
        raise _AgainError("its answer is no JSON, or is cut off") from None


def _as_lines(answer: Answer) -> Answer:
    if answer.status != UNCHANGED and not answer.body.endswith((b"\n", b"\r")):
        raise _AgainError("its answer is cut off, or empty")
    return answer


def _asked_to_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds of ``Retry-After``, a number or a date (RFC 9110, 10.2.3)."""
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, moment.timestamp() - time.time())


def _said(body: bytes) -> str:
    """The message of a refusal, which each service puts elsewhere; empty if there is none."""
    try:
        found = json.loads(body)
    except ValueError:
        return ""
    if isinstance(found, dict) and isinstance(found.get("error"), dict):
        found = found["error"]
    if not isinstance(found, dict):
        return ""
    names = ("error_message", "message", "error", "errorMessage")
    text = next((found[n] for n in names if isinstance(found.get(n), str)), "")
    return " ".join(text.split())[:_SHOWN]
