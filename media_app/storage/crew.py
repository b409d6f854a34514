"""Threads that make the requests of one transfer, so that whoever waits for them can be told to stop."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from media_app.storage.base import ShouldStop, check_stop

SLICE_SECONDS = 0.25  # how soon a wait notices that it is to stop
GRACE_SECONDS = 1.0  # for requests on their way, once it is over

Given = TypeVar("Given")
Made = TypeVar("Made")
P = ParamSpec("P")


class Halted(BaseException):
    """In a thread whose transfer is over. No Exception: boto3 would take it for a fault of the network, and retry."""


class Crew:
    """At most `threads` requests at a time. Use as a context manager: what still runs at its end is given up."""

    def __init__(self, threads: int, should_stop: ShouldStop) -> None:
        self._threads = threads
        self._should_stop = should_stop
        self._over = threading.Event()
        self._running: set[Future[Any]] = set()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="s3")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give_up()

    def do(self, work: Callable[P, Made], *args: P.args, **kwargs: P.kwargs) -> Made:
        """What `work` returns or raises. Raises TransferStopped."""
        return self._result(self._submit(work, *args, **kwargs))

    def each(self, work: Callable[[Given], Made], given: Iterator[Given]) -> Iterator[Made]:
        """What `work` makes of each, in their order; never more are taken than are being worked on."""
        ahead: deque[Future[Made]] = deque()
        for one in given:
            ahead.append(self._submit(work, one))
            if len(ahead) >= self._threads:
                yield self._result(ahead.popleft())
        while ahead:
            yield self._result(ahead.popleft())

    def is_over(self) -> bool:
        """For the threads: whether nobody waits for them any more."""
        return self._over.is_set()

    def proceed(self) -> None:
        """For the threads, between two pieces: raise Halted when nobody waits for them any more."""
        if self.is_over():
            raise Halted

    def afterwards(self, clean_up: Callable[[], object]) -> None:
        """Give up, and call this when no request runs: now, or in the thread of the last one if that hangs."""
        left = self._give_up()
        if not left:
            clean_up()
            return
        lock, count = threading.Lock(), len(left)

        def ended(_: Future[Any]) -> None:
            nonlocal count
            with lock:
                count -= 1
                last = count == 0
            if last:
                clean_up()

        for future in left:
            future.add_done_callback(ended)

    def _submit(self, work: Callable[P, Made], *args: P.args, **kwargs: P.kwargs) -> Future[Made]:
        future = self._pool.submit(work, *args, **kwargs)
        self._running.add(future)
        future.add_done_callback(self._running.discard)
        return future

    def _result(self, future: Future[Made]) -> Made:
        check_stop(self._should_stop)
        while not wait([future], SLICE_SECONDS).done:
            check_stop(self._should_stop)
        return future.result()

    def _give_up(self) -> list[Future[Any]]:
        """End all that runs. What has not ended within a moment."""
        self._over.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        return list(wait(tuple(self._running), GRACE_SECONDS).not_done)
