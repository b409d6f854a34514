"""What a model that was taken over would try, as operations of a helper: each tells what came of it."""

import os
import socket
from collections.abc import Callable
from typing import Any


def load() -> None: ...


def tried(work: Callable[..., Any]) -> Callable[..., str]:
    def run(**args: Any) -> str:
        try:
            return str(work(**args))
        except OSError as exc:
            return type(exc).__name__

    return run


def _read(path: str) -> str:
    with open(path, "rb") as file:
        return file.read(1000).decode("latin-1")


def _write(path: str) -> None:
    with open(path, "xb"):
        pass


def _connect(port: int) -> None:
    socket.create_connection(("127.0.0.1", port), 1).close()


OPERATIONS: dict[str, Callable[..., str]] = {
    "read": tried(_read),
    "write": tried(_write),
    "connect": tried(_connect),
    "fork": tried(os.fork),
    "environment": lambda: " ".join(sorted(os.environ)),
}
