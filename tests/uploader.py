"""Sends a file in pieces, as a client of its own: `python -m tests.uploader URL KEY FILE PIECE [--stall-at N]`.

It asks what is missing, sends that backwards, two pieces at a time, and prints the answer of the last one. With
`--stall-at` it sends pieces from the front, stops in the middle of the N-th, says so, and waits to be killed.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

Span = tuple[int, int]  # first byte, and the one after the last
BUSY_SECONDS = 60.0  # how long a piece may be another's


def missing(url: str, headers: dict[str, str], total: int) -> list[Span]:
    """What the service lacks, by its own answer."""
    asked = httpx.put(url, headers={**headers, "Content-Range": f"bytes */{total}"}, trust_env=False)
    assert asked.status_code == 202, asked.text
    return [(first, last + 1) for first, last in asked.json()["missing"]]


def cut(gaps: list[Span], size: int) -> list[Span]:
    """Gaps in pieces of one size; the last of each takes what would be too little for one of its own."""
    spans: list[Span] = []
    for start, end in gaps:
        count = max(1, (end - start) // size)
        starts = [start + size * index for index in range(count)]
        spans += zip(starts, [*starts[1:], end], strict=True)
    return spans


def send(url: str, headers: dict[str, str], data: memoryview, span: Span) -> httpx.Response:
    """One piece; while another connection has it that is waited for."""
    start, end = span
    told = {**headers, "Content-Range": f"bytes {start}-{end - 1}/{len(data)}"}
    until = time.monotonic() + BUSY_SECONDS
    while True:
        answer = httpx.put(url, headers=told, content=bytes(data[start:end]), timeout=120, trust_env=False)
        if answer.status_code != 409 or "Retry-After" not in answer.headers or time.monotonic() > until:
            assert answer.status_code in (201, 202), answer.text
            return answer
        time.sleep(1.0)


def stall(url: str, headers: dict[str, str], data: memoryview, span: Span) -> None:
    """Half a piece, and then nothing more."""

    def half() -> Iterator[bytes]:
        yield bytes(data[span[0] : (span[0] + span[1]) // 2])
        sys.stdout.write("stalled\n")
        sys.stdout.flush()
        time.sleep(600)

    told = {"Content-Range": f"bytes {span[0]}-{span[1] - 1}/{len(data)}", "Content-Length": str(span[1] - span[0])}
    httpx.put(url, headers={**headers, **told}, content=half(), timeout=700, trust_env=False)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.uploader")
    parser.add_argument("url")
    parser.add_argument("key")
    parser.add_argument("file", type=Path)
    parser.add_argument("piece", type=int)
    parser.add_argument("--stall-at", type=int)
    asked = parser.parse_args()
    data = memoryview(asked.file.read_bytes())
    headers = {"Authorization": f"Bearer {asked.key}", "Accept-Version": "2025-08-20"}
    spans = cut(missing(asked.url, headers, len(data)), asked.piece)
    if asked.stall_at is not None:
        for span in spans[: asked.stall_at]:
            send(asked.url, headers, data, span)
        stall(asked.url, headers, data, spans[asked.stall_at])
        return 1
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda span: send(asked.url, headers, data, span), reversed(spans)))
    [done] = [answer for answer in answers if answer.status_code == 201]
    json.dump(done.json(), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
