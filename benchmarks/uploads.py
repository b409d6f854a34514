"""Uploads of a gigabyte, whole and in pieces, into a folder and into an S3 server; and how much memory they take."""

import contextlib
import http.client
import json
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from benchmarks.figures import Figure, Report, spread
from benchmarks.memory import share, tops
from benchmarks.parts import Clock, Parts, Service, quiet, service
from ittyhost.launcher.processes import descendants
from tests.services.s3 import Radosgw

MEGABYTE = 1024 * 1024
SIZE = 1024 * MEGABYTE
SPARSE = 5 * 1024 * MEGABYTE
PIECE = 16 * MEGABYTE
AT_ONCE = 2  # pieces
TURNS = {"folder": 3, "S3": 1}  # the S3 server keeps everything in memory, deleted or not
STORE_BYTES = 10 * 1024**3
AIM = 64.0  # megabytes
LATER = {"Accept-Version": "2025-08-20"}


def measure(of: Parts) -> Report:
    figures, notes = [], []
    with tempfile.TemporaryDirectory(prefix="ittyhost-bench-") as name:
        folder = Path(name)
        source = noise(folder / "source")
        for kind in ("folder", "S3"):
            with contextlib.ExitStack() as cleanup:
                server = None
                settings = {"PROBE_WAIT_SECONDS": "0"}
                if kind == "S3":
                    server = Radosgw()
                    server.store_bytes = STORE_BYTES
                    cleanup.enter_context(server)
                    settings |= server.environment(server.new_bucket())
                running = cleanup.enter_context(service(of, **settings))
                made, said = measure_bucket(of, kind, running, source, server)
                figures += made
                notes += said
    return Report(tuple(figures), tuple(notes))


def measure_bucket(
    of: Parts, kind: str, running: Service, source: Path, server: Radosgw | None
) -> tuple[list[Figure], list[str]]:
    """The lines of one bucket: whole, in pieces, and a sparse file."""
    sender = Sender(running)
    sender.whole("warm", source, MEGABYTE)
    sender.pieces("warm", source, 2 * MEGABYTE, MEGABYTE)
    ours: dict[str, list[float]] = {"whole": [], "in pieces": []}
    bare: list[float] = []
    with watched(running) as memory:
        for turn in range(TURNS[kind]):
            with Clock() as clock:
                if server is None:
                    quiet(["cp", str(source), str(source.with_name("copy"))])
                    quiet(["sync", str(source.with_name("copy"))])
                else:
                    boto3_alone(server, source)
            bare.append(SIZE / MEGABYTE / clock.seconds)
            for how, send in (("whole", sender.whole), ("in pieces", sender.pieces)):
                with Clock() as clock:
                    file = send(f"{how.replace(' ', '-')}-{turn}", source, SIZE)
                ours[how].append(SIZE / MEGABYTE / clock.seconds)
                sender.settle(file)
    figures = [
        Figure(
            f"1 GiB {how} to {'a folder' if server is None else 'S3'}, MiB per second",
            of.title,
            spread(rates, " MiB/s", digits=0),
            f"{spread(bare, ' MiB/s', digits=0)} {'cp and sync' if server is None else 'boto3 alone'}",
            f"{sorted(rates)[len(rates) // 2] / sorted(bare)[len(bare) // 2]:.2f} ×",
        )
        for how, rates in ours.items()
    ]
    sparse = source.with_name("sparse")
    with sparse.open("wb") as made:
        made.truncate(SPARSE)
    with watched(running) as large, Clock() as clock:
        file = sender.pieces("sparse", sparse, SPARSE)
    sender.settle(file)
    figures.append(
        Figure(
            f"web: most memory during 5 GiB in pieces to {'a folder' if server is None else 'S3'}",
            of.title,
            f"{large.most:.0f} MB",
            f"{large.before:.0f} MB before",
            f"{large.most - large.before:.0f} MB more",
            f"≤ {AIM:.0f} MB more",
            large.most - large.before <= AIM,
        )
    )
    said = (
        f"{of.title}, {kind}: web's memory rose by {memory.most - memory.before:.0f} MB during the uploads of 1 GiB; "
        f"5 GiB in pieces took {clock.seconds:.0f} s ({SPARSE / MEGABYTE / clock.seconds:.0f} MiB/s)."
    )
    return figures, [said]


class Sender:
    """A client that sends files from disk."""

    def __init__(self, running: Service) -> None:
        self.place = urlsplit(running.credentials["delivery_url"])
        self.headers = {"Authorization": f"Bearer {running.credentials['test_key']}", **LATER}
        self.running = running

    def whole(self, name: str, source: Path, size: int) -> str:
        """The id of a file sent in one request."""
        with source.open("rb") as body:
            return str(self._put(name, body, size, {})["id"])

    def pieces(self, name: str, source: Path, size: int, piece: int = PIECE) -> str:
        """The id of a file sent in pieces, some at a time."""

        def send(start: int) -> Any:
            end = min(size, start + piece)
            with source.open("rb") as body:
                body.seek(start)
                return self._put(name, body, end - start, {"Content-Range": f"bytes {start}-{end - 1}/{size}"})

        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(send, range(0, size, piece)))
        [file] = [answer["id"] for answer in answers if "id" in answer]
        return str(file)

    def settle(self, file: str) -> None:
        """Wait until a file is probed, and delete it."""
        with contextlib.closing(self.running.caller()) as caller:
            while caller.call("GET", f"/files/{file}")["data"]["status"] in ("waiting", "processing"):
                time.sleep(0.1)
            caller.call("DELETE", f"/files/{file}")

    def _put(self, name: str, body: IO[bytes], length: int, headers: dict[str, str]) -> Any:
        line = http.client.HTTPConnection(self.place.hostname or "", self.place.port, timeout=300, blocksize=MEGABYTE)
        try:
            line.putrequest("PUT", f"{self.place.path}/bench/{name}")
            for header, value in {**self.headers, **headers, "Content-Length": str(length)}.items():
                line.putheader(header, value)
            line.endheaders()
            while length:
                chunk = body.read(min(MEGABYTE, length))
                line.send(chunk)
                length -= len(chunk)
            answer = line.getresponse()
            said = answer.read()
            if answer.status not in (201, 202):
                raise RuntimeError(f"{name}: {answer.status} {said[:500]!r}")
            return json.loads(said)
        finally:
            line.close()


@dataclass
class Memory:
    """Proportional set size of web, megabytes: at first, and the most that was seen."""

    before: float
    most: float


@contextlib.contextmanager
def watched(running: Service) -> Iterator[Memory]:
    """Look at web's memory five times a second."""
    top = tops(running.pid)["web"]
    over = threading.Event()

    def now() -> float:
        return sum(share(each) for each in (top, *descendants(top)))

    memory = Memory(now(), 0.0)

    def watch() -> None:
        while not over.wait(0.2):
            memory.most = max(memory.most, now())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield memory
    finally:
        over.set()
        watcher.join()


def boto3_alone(server: Radosgw, source: Path) -> None:
    """The same file by the library that the service uses too, with its own defaults."""
    client = server.client()
    try:
        client.upload_file(str(source), server.new_bucket(), "source")
    finally:
        client.close()


def noise(path: Path) -> Path:
    """A file of `SIZE` bytes that no file system or store can make smaller."""
    block = random.Random(1).randbytes(8 * MEGABYTE)
    with path.open("wb") as out:
        for number in range(SIZE // len(block)):
            out.write(number.to_bytes(8, "big"))
            out.write(block[8:])
    return path
