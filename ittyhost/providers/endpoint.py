"""One request to an address that the operator names, and its answer: bounded in time and bytes, tried again where that
may help, ended at once when work is to stop."""

import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from ittyhost.providers.answers import clean_text
from ittyhost.providers.refusals import CONTENT, FOR_GOOD, MODEL, PICTURES, QUOTA, ROOM, is_loading, meaning, told
from ittyhost.wire import Wire
from workers.engine.errors import ModelFailed, Stopped
from workers.engine.runner import Stops

logger = logging.getLogger(__name__)

POLL = 0.1  # seconds between two looks at the report
CONNECT_SECONDS = 10.0
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0  # seconds between two tries, twice as long each time
MOST_BYTES = 16 * 1024**2  # of an answer
SHOWN = 2000  # bytes of a refusal that operators see
AGENT = "ittyhost"
PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})  # what may be otherwise a moment later


class Refused(ModelFailed):
    """The server answered that it does not take such a request. `text` is what it said, for operators; `words` what of
    it is its own, and `meaning` one of ittyhost.providers.refusals."""

    def __init__(self, message: str, text: str, words: str = "", meaning: str = "") -> None:
        super().__init__(message, log=text)
        self.text = text
        self.words = words
        self.meaning = meaning


class _Late(Exception):
    """The time for the whole request is over."""


class _Passing(Exception):
    """A failure that may pass; `wait`, seconds, is what the server asked for. One that `will` pass is no try of those
    that are allowed."""

    def __init__(self, told: str, wait: float | None = None, log: str = "", *, will: bool = False) -> None:
        super().__init__(told)
        self.told = told
        self.wait = wait
        self.log = log
        self.will = will


@dataclass(frozen=True)
class Endpoint:
    """A server that speaks OpenAI's protocol. `name` is what it is to readers of messages ("language model"), `setting`
    how its settings begin, `url` its base address, `timeout` how many seconds a request may take with all its tries."""

    name: str
    setting: str
    url: str
    model: str
    key: str = field(default="", repr=False)
    timeout: float = 300.0
    tries: int = 3

    def ends(self) -> float:
        """When a request that begins now must be over, by the monotonic clock."""
        return time.monotonic() + self.timeout

    def post(self, path: str, body: bytes, content_type: str, *, report: Stops, ends: float) -> dict[str, Any]:
        """The JSON object that is answered. Raises Refused, ModelFailed, Stopped."""
        count = 0
        loading: _Passing | None = None  # the last answer, where it was that the model will be there
        while True:
            try:
                return self._once(path, body, content_type, report, ends)
            except _Passing as exc:
                logger.info("a model's server failed", extra={"server": self.setting, "failure": exc.told})
                count += not exc.will
                loading = exc if exc.will else None
                if count == self.tries:
                    raise self._given_up(exc, self.tries) from None
                self._wait(exc, count, report, ends)
            except _Late:
                if loading:
                    raise self._still_loading(loading) from None
                raise ModelFailed(f"The {self.name} did not answer within {_seconds(self.timeout)}.") from None

    def _given_up(self, failed: _Passing, tries: int) -> ModelFailed:
        often = f" {tries} times" if tries > 1 else ""
        return ModelFailed(f"The {self.name} {failed.told}{often}.", log=failed.log)

    def _still_loading(self, failed: _Passing) -> ModelFailed:
        return ModelFailed(f"The {self.name} was still being loaded after {_seconds(self.timeout)}.", log=failed.log)

    def _wait(self, failed: _Passing, count: int, report: Stops, ends: float) -> None:
        """Until the next try. Raises ModelFailed where that would come too late, Stopped."""
        usual = min(LONGEST_WAIT, FIRST_WAIT * 2 ** max(0, count - 1), self.timeout / 10)
        until = time.monotonic() + (usual if failed.wait is None else failed.wait)
        if until >= ends and failed.will:
            raise self._still_loading(failed)
        if until >= ends:
            if failed.wait is not None:
                failed.told += f", and asked to wait {_seconds(round(failed.wait))}"
            raise self._given_up(failed, 1 if failed.wait is not None else count)
        while (left := until - time.monotonic()) > 0:
            if report.should_stop():
                raise Stopped
            time.sleep(min(POLL, left))

    def _once(self, path: str, body: bytes, content_type: str, report: Stops, ends: float) -> dict[str, Any]:
        exchange = _Exchange(self, path, body, content_type, max(0.001, ends - time.monotonic()))
        exchange.run(report, ends)
        if exchange.failure is not None:
            raise self._failure(exchange.failure)
        status, headers, data = exchange.status, exchange.headers, exchange.data
        if status == 200:
            return self._object(data, headers)
        said, words = self._shown(data), told(data)
        word, meant = f"answered {status}{_phrase(status)}", meaning(words)
        if status == 503 and is_loading(words):
            raise _Passing(word, log=said, will=True)
        if status in PASSING and meant not in FOR_GOOD.get(status, ()):
            raise _Passing(word, _asked_wait(headers.get("retry-after")), said)
        if status in (400, 413, 415, 422) or meant:
            raise Refused(f"The {self.name} {word}{self._hint(status, meant)}.", said, words, meant)
        raise ModelFailed(f"The {self.name} {word}{self._hint(status)}.", log=said)

    def _hint(self, status: int, meant: str = "") -> str:
        if meant == ROOM:
            return f": the model has less room than {self.setting}_TOKENS says"
        if meant == MODEL:
            return f": there is no model of the name in {self.setting}_MODEL"
        if meant == PICTURES:
            return f": the model of {self.setting}_MODEL takes no pictures"
        if meant == QUOTA:
            return f": what {self.setting}_KEY may use is used up"
        if meant == CONTENT:
            return ": its content filter does not let the material pass"
        if status in (401, 403):
            return f": {self.setting}_KEY is not accepted"
        if status == 404:
            return f": {self.setting}_URL (which mostly ends in /v1) or {self.setting}_MODEL is wrong"
        return f": redirects are not followed, set {self.setting}_URL to where it leads" if 300 <= status < 400 else ""

    def _failure(self, failure: Exception) -> Exception:
        if isinstance(failure, ModelFailed):
            return failure
        reason = _cause(failure)
        if isinstance(reason, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(failure):
            return ModelFailed(f"The certificate of the {self.name}'s server is not valid.", log=str(failure))
        if isinstance(reason, ssl.SSLError) and not isinstance(reason, ssl.SSLEOFError):
            return ModelFailed(f"The {self.name}'s server does not speak HTTPS as it should.", log=str(failure))
        told = "broke off the connection"
        if isinstance(reason, ConnectionRefusedError):
            told = "could not be reached (connection refused)"
        elif isinstance(reason, socket.gaierror):
            told = "could not be reached (its name is not known)"
        elif isinstance(reason, TimeoutError):
            told = "could not be reached in time"
        return _Passing(told, log=repr(failure))

    def _object(self, data: bytes, headers: dict[str, str]) -> dict[str, Any]:
        if (coding := headers.get("content-encoding", "identity").strip().lower()) not in ("", "identity"):
            raise ModelFailed(f"The {self.name} packed its answer ({clean_text(coding[:20])}), which nobody asked for.")
        if headers.get("content-type", "").startswith("text/event-stream") or data.startswith(b"data:"):
            raise ModelFailed(f"The {self.name} streamed its answer, which nobody asked for.", log=self._shown(data))
        try:
            content = json.loads(data)
        except (ValueError, RecursionError):
            raise _Passing("answered with what is no JSON", log=self._shown(data)) from None
        if not isinstance(content, dict):
            raise _Passing("answered with what is no JSON object", log=self._shown(data))
        return content

    def _shown(self, data: bytes) -> str:
        return self.masked(data.decode("utf-8", "replace"))[:SHOWN]

    def masked(self, text: str) -> str:
        """What the server said, fit to be kept, and without the key: some repeat it."""
        text = clean_text(text)
        return text.replace(self.key, "***") if self.key else text


class _Exchange:
    """A request and its answer in a thread of its own, so that nobody has to wait for either."""

    def __init__(self, endpoint: Endpoint, path: str, body: bytes, content_type: str, seconds: float) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.data = b""
        self.failure: Exception | None = None
        excess = ModelFailed(f"The {endpoint.name} answered with more than {MOST_BYTES // 1024**2} MB.")
        self._wire = Wire(allowed=MOST_BYTES, excess=excess)
        self._done = threading.Event()
        self._made = (endpoint, path, body, content_type, seconds)

    def run(self, report: Stops, ends: float) -> None:
        """Wait for the answer. Raises Stopped, _Late."""
        if report.should_stop():
            raise Stopped
        threading.Thread(target=self._exchange, name="model", daemon=True).start()
        while not self._done.wait(min(POLL, max(0.001, ends - time.monotonic()))):
            if report.should_stop():
                self._wire.cut(ConnectionAbortedError("stopped"))
                raise Stopped
            if time.monotonic() >= ends:
                self._wire.cut(TimeoutError("late"))
                raise _Late

    def _exchange(self) -> None:
        connection: HTTPConnection | None = None
        try:
            connection = self._ask()
        except (HTTPError, HTTPException, OSError, ModelFailed, ValueError) as exc:
            self.failure = exc
        except Exception as exc:  # a defect must not leave the caller waiting
            logger.exception("a request to a model's server failed")
            self.failure = ConnectionError(repr(exc))
        finally:
            if connection is not None:
                with suppress(OSError):
                    connection.close()
            self._wire.close()
            self._done.set()

    def _ask(self) -> HTTPConnection:
        endpoint, path, body, content_type, seconds = self._made
        parts = urlsplit(endpoint.url)
        connection = _connection(parts.scheme, parts.hostname or "", parts.port, min(CONNECT_SECONDS, seconds))
        plain: Callable[[], socket.socket] = connection._new_conn

        def connect() -> socket.socket:
            sock = plain()
            self._wire.attach(sock)  # before TLS begins: that may hang as well
            return sock

        connection._new_conn = connect  # type: ignore[method-assign]
        connection.connect()
        connection.timeout = seconds  # of reading: urllib3 sets it anew for the request
        connection.sock = self._wire.wrap(connection.sock)
        headers = {"Content-Type": content_type, "Accept": "application/json", "User-Agent": AGENT}
        headers |= {"Authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
        target = f"{parts.path.rstrip('/')}{path}" + (f"?{parts.query}" if parts.query else "")
        connection.request(
            "POST",
            target,
            body=body,
            headers=headers | {"Accept-Encoding": "identity"},
            preload_content=False,
            decode_content=False,
        )
        response = connection.getresponse()
        self._wire.in_head = False
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        self.data = response.read()
        return connection


def _connection(scheme: str, name: str, port: int | None, timeout: float) -> HTTPConnection:
    if scheme == "https":
        return HTTPSConnection(name, port or 443, timeout=timeout, ssl_context=ssl.create_default_context())
    return HTTPConnection(name, port or 80, timeout=timeout)


def _cause(failure: BaseException) -> BaseException:
    """What lies below an error of the HTTP library."""
    seen = failure
    while (below := seen.__cause__ or seen.__context__) is not None:
        seen = below
    return seen


def _phrase(status: int) -> str:
    try:
        return f" ({HTTPStatus(status).phrase.lower()})"
    except ValueError:
        return ""


def _seconds(count: float) -> str:
    return f"{count:g} second" if count == 1 else f"{count:.10g} seconds"


def _asked_wait(told: str | None) -> float | None:
    """Seconds that a server asked to wait, by number or by date; None where it did not, or not readably."""
    if not told:
        return None
    try:
        return max(0.0, float(told)) if float(told) < 1e9 else None
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(told).timestamp() - time.time())
    except (ValueError, TypeError):
        return None
