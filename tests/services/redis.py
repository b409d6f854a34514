"""A private Redis (or Valkey) on a TCP port, as in production."""

import socket
from contextlib import suppress

from ittyhost.launcher.broker import BrokerUnavailable, find_server
from tests.services.server import Server, Unavailable, free_port


class Redis(Server):
    name = "redis"

    def _start(self) -> None:
        try:
            server = find_server()
        except BrokerUnavailable as exc:
            raise Unavailable(str(exc)) from exc
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        options = {"port": str(self.port), "bind": "127.0.0.1", "save": "", "appendonly": "no", "dir": str(self.folder)}
        self.spawn([server, *(part for name, value in options.items() for part in (f"--{name}", value))])
        self.wait(self._answers, timeout=60)

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as client:
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        return False
