"""Uploads in pieces on the running service: clients and servers that die in the middle."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.client import LATER
from tests.fleet import Fleet
from tests.processes import until
from tests.stack import ROOT, Service, bare, healthy

pytestmark = [
    pytest.mark.processes,
    pytest.mark.services,
    pytest.mark.slow,
]

MEGABYTE = 1024 * 1024
LARGE = 90 * MEGABYTE + 12_345  # a multipart upload on S3
JOINED = 60 * MEGABYTE  # joined there of small objects, which takes a while


def uploader(service: Service, url: str, file: Path, piece: int, *more: str) -> "subprocess.Popen[str]":
    command = [
        sys.executable,
        "-m",
        "tests.uploader",
        url,
        service.credentials["test_key"],
        str(file),
        str(piece),
        *more,
    ]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def make(path: Path, size: int) -> Path:
    path.write_bytes(hashlib.shake_128(path.name.encode()).digest(size))
    return path


def downloaded(service: Service, file: dict[str, object]) -> bytes:
    answer = httpx.get(str(file["url"]), follow_redirects=True, timeout=150, trust_env=False)
    assert answer.status_code == 200
    return answer.content


def test_another_process_finishes_what_was_interrupted_in_another_order(service: Service, tmp_path: Path) -> None:
    source = make(tmp_path / "interrupted", LARGE)
    url = f"{service.credentials['delivery_url']}/e2e/interrupted.bin"
    with uploader(service, url, source, 20 * MEGABYTE, "--stall-at", "2") as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "stalled\n"
        first.kill()
    with uploader(service, url, source, 7 * MEGABYTE) as second:  # other pieces, backwards
        said, _ = second.communicate(timeout=240)
    assert second.returncode == 0
    file = json.loads(said)
    assert (file["filesize"], file["filename"]) == (LARGE, "interrupted.bin")
    assert hashlib.sha256(downloaded(service, file)).hexdigest() == hashlib.sha256(source.read_bytes()).hexdigest()
    [(key,)] = service.rows("SELECT key FROM media_app_file WHERE id = %s", bare(file["id"]))
    service.shell("from media_app.services.objects import objects_clean_up; objects_clean_up()")
    assert [each for each in service.objects() if f"/{bare(file['id'])}/" in each] == [key]


def test_the_sweep_completes_what_a_killed_web_left(fleet: Fleet, tmp_path: Path) -> None:
    healthy(fleet)
    source = make(tmp_path / "killed", JOINED)
    data, half = source.read_bytes(), JOINED // 2
    url = f"{fleet.credentials['delivery_url']}/e2e/killed.bin"
    headers = {"Authorization": f"Bearer {fleet.credentials['test_key']}", **LATER}

    def send(start: int, end: int) -> httpx.Response:
        told = {"Content-Range": f"bytes {start}-{end - 1}/{JOINED}"}
        return httpx.put(url, headers=headers | told, content=data[start:end], timeout=120, trust_env=False)

    assert send(0, half).status_code == 202
    broken: list[Exception] = []

    def last() -> None:
        try:
            send(half, JOINED)
        except httpx.TransportError as exc:
            broken.append(exc)

    sender = threading.Thread(target=last)
    state = "SELECT status, attempt FROM media_app_upload WHERE filename = 'killed.bin'"
    with psycopg.connect(fleet.database) as base:
        base.execute("LOCK TABLE media_app_file IN SHARE MODE")  # nobody writes down that it is complete
        sender.start()
        until(lambda: fleet.rows(state) == [("completing", 1)], seconds=60, what="the upload is being completed")
        os.killpg(fleet.processes["web"].pid, signal.SIGKILL)
        fleet.processes["web"].wait(60)
    sender.join(120)
    assert fleet.rows(state) == [("completing", 1)]
    assert len(broken) == 1
    fleet.processes.pop("web")
    fleet.start("web")
    healthy(fleet)
    until(lambda: fleet.rows(state) == [("complete", 2)], seconds=120, what="the sweep has completed it", every=0.2)
    again = send(half, JOINED)  # as the client does that got no answer
    assert again.status_code == 201
    assert downloaded(fleet, again.json()) == data
    assert fleet.rows("SELECT count(*) FROM media_app_file WHERE filename = 'killed.bin'") == [(1,)]
