"""50 clients on slow lines: how long `GET /tasks/:id` takes others meanwhile."""

import asyncio
import multiprocessing
import socket
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.figures import Figure, Report, percentile, spread
from benchmarks.parts import Parts, Service, service
from benchmarks.pictures import photo

CLIENTS = 50  # every second one uploads, the others download
PACE = 20_000  # bytes per second
SECONDS = 20
PIECE = 1_000
WINDOW = 16 * 1024  # of the receiver: else the kernel would take the whole answer at once and free the server
AIM = 200.0  # milliseconds


@dataclass(frozen=True)
class Line:
    """What one slow client did: seconds that its bytes took, beyond those at the pace agreed on."""

    late: float
    failed: str = ""


def measure(of: Parts) -> Report:
    with tempfile.TemporaryDirectory(prefix="ittyhost-bench-") as name, service(of) as running:
        folder = Path(name)
        small = photo(folder / "small.jpg", seed=1, size=(800, 600))
        caller = running.caller()
        source = caller.upload(small)
        task = caller.create(source, "image", width=320)
        caller.wait(task, every=0.05)
        large = folder / "large.jpg"
        photo(large, seed=2)
        # Rubbish behind a JPEG is no part of it, and makes it as large as slow clients need.
        large.write_bytes(large.read_bytes().ljust(CLIENTS * PACE * SECONDS // 10, b"\0"))
        upload = small.read_bytes().ljust(PACE * SECONDS, b"\0")
        caller.upload(large)
        alone = ask(running, task, 5.0)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            lines = pool.apply_async(slow_lines, (dict(running.credentials), upload))
            time.sleep(3.0)  # until all are on
            beside = ask(running, task, SECONDS - 8.0)
            done = lines.get(timeout=4 * SECONDS)
        caller.close()
    failed = [line.failed for line in done if line.failed]
    if failed:
        raise RuntimeError(f"{len(failed)} slow clients failed, the first: {failed[0]}")
    found = percentile(beside, 0.95)
    late = [line.late for line in done]
    return Report(
        (
            Figure(
                f"p95 of `GET /tasks/:id` beside {CLIENTS} clients at {PACE // 1000} kB/s",
                of.title,
                f"{found:.1f} ms",
                f"{percentile(alone, 0.95):.1f} ms without them",
                f"{found / percentile(alone, 0.95):.1f} ×",
                f"< {AIM:.0f} ms",
                found < AIM,
            ),
        ),
        (
            f"{of.title}: beside them {spread(beside, ' ms')}, without {spread(alone, ' ms')}; the slow transfers took "
            f"{SECONDS} s at their pace and {statistics.median(late):.2f} s more ({min(late):.2f}–{max(late):.2f}).",
        ),
    )


def ask(running: Service, task: str, seconds: float) -> list[float]:
    """Milliseconds of requests on new connections, so that every web process is asked: 25 a second."""
    times, ends = [], time.monotonic() + seconds
    while (began := time.monotonic()) < ends:
        caller = running.caller()
        caller.call("GET", f"/tasks/{task}")
        caller.close()
        times.append((time.monotonic() - began) * 1000)
        time.sleep(max(0.0, 0.04 - (time.monotonic() - began)))
    return times


def slow_lines(credentials: dict[str, str], upload: bytes) -> list[Line]:
    """All slow clients at once, in a process of their own."""

    async def all_of_them() -> list[Line]:
        lines = [send(credentials, upload, each) if each % 2 else take(credentials) for each in range(CLIENTS)]
        return list(await asyncio.gather(*lines))

    return asyncio.run(all_of_them())


async def send(credentials: dict[str, str], body: bytes, number: int) -> Line:
    """Upload at the pace; the server's probe of it is not counted."""
    reader, writer = await connect(credentials, "PUT", f"slow/{number}.jpg", {"Content-Length": str(len(body))})
    began = time.monotonic()
    for start in range(0, len(body), PIECE):
        await asyncio.sleep(max(0.0, began + start / PACE - time.monotonic()))
        writer.write(body[start : start + PIECE])
        await writer.drain()
    late = time.monotonic() - began - len(body) / PACE
    status = await reader.readline()
    writer.close()
    return Line(late, "" if b" 201 " in status else f"upload: {status!r}")


async def take(credentials: dict[str, str]) -> Line:
    """Download so much at the pace, then hang up."""
    reader, writer = await connect(credentials, "GET", "bench/large.jpg", {})
    status = await reader.readline()
    began, taken = time.monotonic(), 0
    while taken < PACE * SECONDS:
        await asyncio.sleep(max(0.0, began + taken / PACE - time.monotonic()))
        piece = await reader.read(PIECE)
        if not piece:
            return Line(0.0, f"download: ended after {taken} bytes")
        taken += len(piece)
    writer.close()
    late = time.monotonic() - began - taken / PACE
    return Line(late, "" if b" 200 " in status else f"download: {status!r}")


async def connect(
    credentials: dict[str, str], method: str, name: str, headers: dict[str, str]
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    url = urlsplit(f"{credentials['delivery_url']}/{name}")
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)
    line.setblocking(False)
    await asyncio.get_running_loop().sock_connect(line, (url.hostname, url.port))
    reader, writer = await asyncio.open_connection(sock=line, limit=2 * PIECE)
    given = {"Host": url.netloc, "Authorization": f"Bearer {credentials['test_key']}", "Connection": "close", **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    writer.write(f"{method} {url.path} HTTP/1.1\r\n{head}\r\n".encode())
    await writer.drain()
    return reader, writer
