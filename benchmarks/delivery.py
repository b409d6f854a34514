"""A large file and small parts of it, beside nginx over the same bytes."""

import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

from benchmarks.figures import Figure, Report, spread
from benchmarks.load import CONNECTIONS, press, tool
from benchmarks.parts import Parts, Service, service
from benchmarks.pictures import photo
from ittyhost.launcher.processes import terminate
from tests.services.server import Unavailable
from tests.stack import free_port

SIZE = 100 * 1024 * 1024
PART = (
    32 * 1024
)  # with its headers in one segment of the loopback: else the tool waits for its own late acknowledgements
RUNS = 5
SECONDS = 4.0
WHOLE_AIM, PARTS_AIM = 0.25, 0.03

# Two processes as the service has, on the same machine; one file, from the kernel's cache to the socket.
NGINX = """
daemon off;
{user}
worker_processes 2;
pid nginx.pid;
error_log stderr warn;
events {{ worker_connections 256; }}
http {{
    sendfile on;
    tcp_nopush on;
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{ listen 127.0.0.1:{port}; location / {{ root {root}; }} }}
}}
"""


def measure(of: Parts) -> Report:
    with tempfile.TemporaryDirectory(prefix="ittyhost-bench-") as name, service(of) as running:
        folder = Path(name)
        folder.chmod(0o755)
        large = folder / "large.jpg"
        photo(large, seed=1)
        # Rubbish behind a JPEG is no part of it, and makes it as large as wanted.
        with large.open("r+b") as file:
            file.truncate(SIZE)
        ours = _uploaded(running, large)
        key = running.credentials["test_key"]
        with nginx(folder) as theirs:
            bare = f"{theirs}/large.jpg"
            _fetch(ours), _fetch(bare)
            whole = _compare(lambda: _fetch(ours), lambda: _fetch(bare))
            parts = _compare(lambda: _parts(ours, key), lambda: _parts(bare, key))
    return Report(
        (
            _figure("`GET` of 100 MB by one client, MB/s", of, whole, WHOLE_AIM),
            _figure(
                f"ranges of {PART // 1024} KiB on {CONNECTIONS} connections, requests per second", of, parts, PARTS_AIM
            ),
        ),
        (f"{of.title}: whole files by curl, parts by {tool()}; nginx with sendfile and two processes.",),
    )


def _uploaded(running: Service, path: Path) -> str:
    caller = running.caller()
    caller.upload(path)
    caller.close()
    return f"{running.credentials['delivery_url']}/bench/{path.name}"


def _fetch(url: str) -> float:
    """MB per second of one download."""
    command = ["curl", "-sS", "--fail", "-o", "/dev/null", "-w", "%{size_download} %{time_total}", url]
    size, seconds = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    if int(size) != SIZE:
        raise RuntimeError(f"{url} gave {size} bytes")
    return SIZE / float(seconds) / 1e6


def _parts(url: str, key: str) -> float:
    return press(url, key=key, seconds=SECONDS, part=PART, size=SIZE).rate


def _compare(ours: Callable[[], float], bare: Callable[[], float]) -> tuple[list[float], list[float]]:
    """Both, turn by turn."""
    pairs = [(ours(), bare()) for _ in range(RUNS)]
    return [mine for mine, _ in pairs], [theirs for _, theirs in pairs]


def _figure(name: str, of: Parts, values: tuple[list[float], list[float]], aim: float) -> Figure:
    ours, bare = values
    ratio = statistics.median(mine / theirs for mine, theirs in zip(ours, bare, strict=True))
    return Figure(
        name, of.title, spread(ours, digits=0), spread(bare, digits=0), f"{ratio:.2f} ×", f"≥ {aim}", ratio >= aim
    )


@contextmanager
def nginx(folder: Path) -> Iterator[str]:
    """A private nginx over a folder, and its address. Raises Unavailable where there is none."""
    found = next(filter(None, (shutil.which(name) for name in ("nginx", "/usr/sbin/nginx"))), None)
    if found is None or shutil.which("curl") is None:
        raise Unavailable("nginx and curl are not both installed (Debian packages nginx-light, curl).")
    port = free_port()
    user = "user root;" if folder.stat().st_uid == 0 else ""
    with tempfile.TemporaryDirectory(prefix="ittyhost-nginx-") as place:
        settings = Path(place) / "nginx.conf"
        settings.write_text(NGINX.format(port=port, root=folder, user=user))
        process = subprocess.Popen([found, "-p", place, "-c", str(settings), "-e", "stderr"], stdin=subprocess.DEVNULL)
        try:
            _until_it_answers(f"http://127.0.0.1:{port}", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            terminate(process, 10)


def _until_it_answers(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            urlopen(f"{url}/large.jpg", timeout=5).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"nginx did not start on port {urlsplit(url).port}") from None
            time.sleep(0.05)
