"""`manage.py process` against a small server on the loopback interface that answers as the service does."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

POSTER = b"\xff\xd8 the bytes of a poster"
Answer = tuple[int, dict[str, str], bytes]


class Server(ThreadingHTTPServer):
    """Answers by `answer(method, path)` and keeps each request with its key."""

    daemon_threads = True

    def __init__(self, answer: Callable[[str, str], Answer]) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str, str | None]] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, self.headers.get("Authorization")))
        status, headers, body = self.server.answer(self.command, self.path)
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[str, str], Answer]], Server]]:
    servers: list[Server] = []

    def start(answer: Callable[[str, str], Answer]) -> Server:
        servers.append(Server(answer))
        threading.Thread(target=servers[-1].serve_forever, args=(0.01,), daemon=True).start()
        return servers[-1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def store(serve) -> Server:
    """Another host than the service's, as far as a client can tell."""
    return serve(lambda method, path: (200, {}, POSTER))


@pytest.fixture
def service(serve, store: Server) -> Server:
    def answer(method: str, path: str) -> Answer:
        if method == "PUT":
            body = {"id": "file_in"}
        elif path.startswith("/tasks"):
            output = {"id": "file_out", "type": "image/jpeg", "filesize": len(POSTER), "url": f"{server.url}/d/first"}
            body = {"id": "task_1", "status": "completed", "progress": 100, "output": output}
        elif path == "/d/first":
            return 302, {"Location": "/d/second"}, b""
        elif path == "/d/second":
            return 302, {"Location": f"{store.url}/bucket/poster?signature=s"}, b""
        else:
            return 302, {"Location": "/d/round-and-round"}, b""
        return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()

    server: Server = serve(answer)
    return server


@pytest.fixture
def process(service: Server, tmp_path: Path, monkeypatch) -> Callable[..., None]:
    """Runs the command in an empty folder; `clip.mp4` lies beside it."""
    facts = {"base_url": service.url, "delivery_url": f"{service.url}/delivery/prj_1", "live_key": "sk_live_secret"}
    (tmp_path / "credentials.json").write_text(json.dumps(facts))
    (tmp_path / "clip.mp4").write_bytes(b"a clip")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)

    def run(*options: str) -> None:
        where = f"--credentials={tmp_path / 'credentials.json'}"
        call_command("process", str(tmp_path / "clip.mp4"), "--kind", "image", where, *options)

    return run


def test_redirects_are_followed_and_another_host_does_not_see_the_key(process, service, store, tmp_path, capsys):
    process("--out", str(tmp_path / "poster.jpg"))
    assert (tmp_path / "poster.jpg").read_bytes() == POSTER
    assert service.asked[-2:] == [
        ("GET", "/d/first", "Bearer sk_live_secret"),
        ("GET", "/d/second", "Bearer sk_live_secret"),
    ]
    assert store.asked == [("GET", "/bucket/poster?signature=s", None)]
    said = capsys.readouterr()
    assert said.out.endswith(f"poster.jpg: image/jpeg, {len(POSTER)} bytes\n")
    assert said.err == ""  # no bar in a pipe


def test_without_a_name_the_output_is_called_by_its_id_and_type(process):
    process()
    assert [(path.name, path.read_bytes()) for path in Path().iterdir()] == [("file_out.jpg", POSTER)]


@pytest.mark.parametrize(
    ("out", "message"),
    [("/nonexistent/x.jpg", "--out: there is no folder /nonexistent."), ("/", "--out names a folder, /: name a file")],
)
def test_a_place_that_cannot_be_written_is_told_before_the_work(process, service, out, message):
    with pytest.raises(CommandError, match=message):
        process("--out", out)
    assert service.asked == []


def test_redirects_without_end_are_given_up(process, service, tmp_path):
    from tasks_app.management.commands.process import Service

    known = Service.read(tmp_path / "credentials.json")
    with pytest.raises(CommandError, match="redirected more than 5 times"):
        known.download(f"{service.url}/d/round", tmp_path / "x")
    assert len(service.asked) == 6
    assert not (tmp_path / "x").exists()
