"""A server of models on a real socket, which answers as it is told: well, late, wrongly, or not at all."""

import json
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Respond = Callable[[BaseHTTPRequestHandler], None]


class ModelServer:
    """Answers each request with the next of `answers`, the last of them again and again; `asked` has what came."""

    def __init__(self) -> None:
        self.answers: list[Respond] = []
        self.asked: list[dict[str, Any]] = []
        self.ended = threading.Event()  # those that answer for ever end then
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.asked.append({"path": self.path, "headers": dict(self.headers), "body": body, "at": time.time()})
                place = min(len(server.asked), len(server.answers)) - 1
                self.ended = server.ended  # type: ignore[attr-defined]
                server.answers[place](self)
                self.close_connection = True

            def log_message(self, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args: Any) -> None:  # a client that hangs up is what some tests are about
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def body(self, number: int) -> dict[str, Any]:
        """What request `number` held, as JSON."""
        return json.loads(self.asked[number]["body"])

    def close(self) -> None:
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()


def sends(data: bytes | Any, status: int = 200, **headers: str) -> Respond:
    """The bytes, or the value as JSON."""
    whole = data if isinstance(data, bytes) else json.dumps(data).encode()

    def respond(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in {"Content-Length": str(len(whole)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(whole)

    return respond


def says(text: Any, **more: Any) -> Respond:
    """A chat completion with that text, or with a value as JSON."""
    said = text if isinstance(text, str) or text is None else json.dumps(text)
    message = {"role": "assistant", "content": said, **more.pop("message", {})}
    choice = {"index": 0, "message": message, "finish_reason": more.pop("finish_reason", "stop")}
    return sends({"object": "chat.completion", "choices": [choice], "usage": {"total_tokens": 7}, **more})


def refuses(message: str, status: int = 400, **more: Any) -> Respond:
    """OpenAI's form of a refusal."""
    return sends(
        {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None, **more}}, status
    )


def streams(request: BaseHTTPRequestHandler) -> None:
    """The answer in events, although nobody asked for that."""
    piece = {"choices": [{"delta": {"content": "Yes."}}]}
    sends(f"data: {json.dumps(piece)}\n\ndata: [DONE]\n\n".encode(), Content_Type="text/event-stream")(request)


def waits(seconds: float, then: Respond) -> Respond:
    def respond(request: BaseHTTPRequestHandler) -> None:
        request.ended.wait(seconds)  # type: ignore[attr-defined]
        then(request)

    return respond


def drops(request: BaseHTTPRequestHandler) -> None:
    """Ends the connection without a word."""
    request.connection.shutdown(socket.SHUT_RDWR)


def breaks_off(request: BaseHTTPRequestHandler) -> None:
    """Ends the connection within the answer."""
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.wfile.write(b'{"choices": [')
    request.wfile.flush()
    request.connection.shutdown(socket.SHUT_RDWR)


def never_answers(request: BaseHTTPRequestHandler) -> None:
    request.ended.wait(30)  # type: ignore[attr-defined]


def drips(request: BaseHTTPRequestHandler) -> None:
    """A byte now and then, without end."""
    request.send_response(200)
    request.send_header("Content-Type", "text/event-stream")
    request.end_headers()
    while not request.ended.wait(0.05):  # type: ignore[attr-defined]
        request.wfile.write(b":")
        request.wfile.flush()


def drips_in_its_head(request: BaseHTTPRequestHandler) -> None:
    """A line of the head now and then, without end."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not request.ended.wait(0.05):  # type: ignore[attr-defined]
        request.wfile.write(b"X-More: yes\r\n")
        request.wfile.flush()


def pours(request: BaseHTTPRequestHandler) -> None:
    """As much as is taken, without end."""
    request.send_response(200)
    request.end_headers()
    while not request.ended.is_set():  # type: ignore[attr-defined]
        request.wfile.write(b"data: " + b"x" * 65536)
