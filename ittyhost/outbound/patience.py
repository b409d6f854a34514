"""How long a download may take, as a whole, for the head of an answer, and for its bytes; and when it is to stop."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ittyhost.outbound.failures import FetchFailed, FetchStopped
from ittyhost.wire import Wire

logger = logging.getLogger(__name__)

READ_SECONDS = 30.0  # without a single byte
SLOW_SECONDS = 30.0  # over so long at least SLOW_BYTES must come
SLOW_BYTES = 30_000
SLICE_SECONDS = 0.25  # how soon a wait notices that it is to stop


class Patience:
    """Watches over every wait of a download, in a thread of its own, and hangs up when it is time to.

    `should_stop` is called in that thread too. Close it when the download is over.
    """

    def __init__(self, *, seconds: float, should_stop: Callable[[], bool]) -> None:
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._should_stop = should_stop
        self._verdict: Exception | None = None  # why this download is over
        self._wire: Wire | None = None
        self._host = ""
        self._head_until: float | None = None
        self._waited: tuple[float, float | None] = (0.0, None)  # seconds in all for bytes, and since when now
        self._window: tuple[Wire | None, float, int] = (None, 0.0, 0)
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="download-watch", daemon=True)
        self._watcher.start()

    def close(self) -> None:
        self._over.set()
        self._watcher.join(READ_SECONDS)

    def abort(self) -> None:
        """End whatever is waited for, from any thread."""
        self._end(FetchStopped())

    def check(self) -> None:
        """Raise FetchStopped or FetchFailed when it is over."""
        verdict = self._verdict or self._judge()
        if verdict is not None:
            raise verdict

    def left(self, at_most: float) -> float:
        """Seconds that one wait may take."""
        return max(0.1, min(at_most, self._deadline - time.monotonic()))

    def pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.check()
            time.sleep(min(SLICE_SECONDS, seconds))

    @contextmanager
    def for_head(self, wire: Wire, host: str, seconds: float) -> Iterator[None]:
        """While an answer's head is to come on this connection, which is the one that is watched from now on."""
        self._wire, self._host = wire, host
        self._head_until = time.monotonic() + seconds
        try:
            yield
        finally:
            self._head_until = None

    @contextmanager
    def for_bytes(self) -> Iterator[None]:
        """While bytes of the file are waited for: whoever takes them may be slow, whoever sends them may not."""
        waited, _ = self._waited
        begun = time.monotonic()
        self._waited = (waited, begun)
        try:
            yield
        finally:
            self._waited = (waited + time.monotonic() - begun, None)

    def _watch(self) -> None:
        while not self._over.wait(SLICE_SECONDS):
            try:
                verdict = self._verdict or self._judge() or self._judge_speed()
            except Exception as exc:  # of `should_stop`, which nobody else can answer for
                logger.exception("whether a fetch is to stop could not be told")
                verdict = exc
            if verdict is not None:
                self._end(verdict)
            elif self._wire is not None and self._head_until is not None and time.monotonic() > self._head_until:
                self._wire.cut(TimeoutError("the head of the answer did not come in time"))

    def _end(self, verdict: Exception) -> None:
        self._verdict = self._verdict or verdict
        if self._wire is not None:
            self._wire.cut(self._verdict)

    def _judge(self) -> Exception | None:
        if self._should_stop():
            return FetchStopped()
        if time.monotonic() > self._deadline:
            return FetchFailed(
                f"Fetching the URL took longer than {self._seconds:.0f} seconds. Use a faster server or a smaller file."
            )
        return None

    def _judge_speed(self) -> Exception | None:
        waited, since = self._waited
        waited += 0.0 if since is None else time.monotonic() - since
        wire, begun, had = self._window
        if wire is None or wire is not self._wire:
            self._window = (self._wire, waited, 0)
        elif waited - begun >= SLOW_SECONDS:
            came = wire.received - had
            if came < SLOW_BYTES:
                return FetchFailed(f"{self._host} sends too slowly: {came} bytes in {waited - begun:.0f} seconds.")
            self._window = (wire, waited, wire.received)
        return None
