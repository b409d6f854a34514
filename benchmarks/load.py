"""As many requests as a server answers, from a few connections: by wrk, or by threads of this Python without it."""

import http.client
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.figures import percentile

CONNECTIONS = 8
SCRIPT = Path(__file__).with_name("load.lua")


@dataclass(frozen=True)
class Load:
    """What a server bore: requests per second, and how long they took, milliseconds."""

    rate: float
    p50: float
    p95: float


def tool() -> str:
    return "wrk" if shutil.which("wrk") else "Python threads (wrk is not installed)"


def press(url: str, *, key: str, seconds: float, body: str | None = None, part: int = 0, size: int = 0) -> Load:
    """Ask for `url` on 8 connections, one request after the other on each; for `part` bytes anywhere among `size` each
    time, where those are given. Raises RuntimeError when any failed.
    """
    given = {"url": url, "key": key, "seconds": seconds, "body": body, "part": part, "size": size}
    found = _by_wrk(**given) if shutil.which("wrk") else _by_threads(**given)
    if found["failed"]:
        raise RuntimeError(f"{found['failed']:.0f} of {found['requests']:.0f} requests to {url} failed")
    return Load(found["requests"] / found["seconds"], found["p50"], found["p95"])


def _by_wrk(url: str, key: str, seconds: float, body: str | None, part: int, size: int) -> dict[str, float]:
    settings = {"LOAD_AUTHORIZATION": f"Bearer {key}", "LOAD_METHOD": "POST" if body else "GET"}
    settings |= {"LOAD_PART": str(part), "LOAD_SIZE": str(size)} if part else {}
    ran = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "--timeout", "30s", "-s", str(SCRIPT), url],
        env={**os.environ, **settings, **({"LOAD_BODY": body} if body else {})},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, float] = json.loads(ran.stdout.strip().splitlines()[-1])
    return found


def _by_threads(**given: Any) -> dict[str, float]:
    """In a process of its own, so that it does not share an interpreter with whatever else is measured."""
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"], input=json.dumps(given), capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(ran.stdout)
    return found


def _main() -> None:
    given = json.load(sys.stdin)
    parts, times, failed = urlsplit(given["url"]), [], []
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    headers = {"Authorization": f"Bearer {given['key']}", "Content-Type": "application/json"}
    ends = time.monotonic() + given["seconds"]

    def one() -> None:
        own = dict(headers)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        while (began := time.monotonic()) < ends:
            if given["part"]:
                start = random.randrange(given["size"] - given["part"])
                own["Range"] = f"bytes={start}-{start + given['part'] - 1}"
            connection.request("POST" if given["body"] else "GET", path, given["body"], own)
            answer = connection.getresponse()
            answer.read()
            times.append((time.monotonic() - began) * 1000)
            if answer.status >= 300:
                failed.append(answer.status)
        connection.close()

    threads = [threading.Thread(target=one) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = {"requests": len(times), "seconds": given["seconds"], "failed": len(failed)}
    json.dump({**found, "p50": percentile(times, 0.5), "p95": percentile(times, 0.95)}, sys.stdout)


if __name__ == "__main__":
    _main()
