"""Inputs that are deleted while ffmpeg works on them, and URLs that are ingested: on the whole service, over HTTP."""

import http.server
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from tests.client import LATER, Client
from tests.processes import is_alive, until
from tests.stack import Service, bare
from tests.story import make_photo, serving
from tests.test_faults import AT_ONCE, Running

pytestmark = [
    pytest.mark.processes,
    pytest.mark.services,
    pytest.mark.ffmpeg,
    pytest.mark.slow,
]

DELETED = "The input was deleted while this was made."
CLEAN_UP = "from media_app.services.objects import objects_clean_up; objects_clean_up()"


@pytest.fixture(scope="module")
def told() -> Iterator[list[str]]:
    """Times that were measured; told at the end (-s shows them)."""
    lines: list[str] = []
    yield lines
    sys.stdout.write("\n".join(["", *lines, ""]))


@pytest.mark.parametrize("which", ["files", "media"])
def test_deleting_the_input_ends_the_task_and_its_ffmpeg(
    service: Service, noise: Path, told: list[str], which: str
) -> None:
    with Client(service.credentials) as client:
        source = client.upload(noise, f"{which}.mp4")
        run = Running(service, source["id"]).begun()
        queued = client.create(source["id"], "video", width=64)["id"]  # the one slot for video is taken
        tools = run.tools()
        path = f"/files/{source['id']}" if which == "files" else f"/media/{source['media_id']}"
        assert client.http.delete(path).status_code == 202
        begun = time.monotonic()
        gone = until(lambda: not any(map(is_alive, tools)), seconds=AT_ONCE, what="ffmpeg ended", every=0.01)
        ended = {task: client.wait(task, timeout=60) for task in (run.id, queued)}
        both = time.monotonic() - begun
        told.append(f"{service.name}, {which}: deleted to ffmpeg gone {gone:.2f} s, to both tasks ended {both:.2f} s")
        assert [task["status"] for task in ended.values()] == ["error", "error"]
        assert ended[run.id]["error"] == DELETED
        assert ended[queued]["error"] == "The input was deleted before this could start."
        assert (service.attempts(run.id), service.attempts(queued)) == (["error"], [])
        until(lambda: not run.places(), seconds=40, what="no work directory is left")
        until(lambda: not run.tools(), seconds=40, what="no process works on it any more")
        service.shell(CLEAN_UP)
        outputs = [str(service.task(task, "output_id")) for task in (run.id, queued)]
        assert not [key for key in service.objects() if any(output in key for output in outputs)]
        happened = "SELECT type FROM events_app_event WHERE subject = %s ORDER BY created, id"
        for task in (run.id, queued):
            assert service.rows(happened, f"tsk_{bare(task)}") == [("task.created",), ("task.error",)]


def test_a_url_is_ingested_and_made_use_of(service: Service, tmp_path: Path) -> None:
    place = tmp_path / "web"
    place.mkdir()
    make_photo(place / "photo.jpg")
    (place / "page.mp4").write_text("<!doctype html><title>Sign in</title>")
    with Client(service.credentials) as client, serving(place) as base:
        ingest = client.create(f"{base}/photo.jpg", "ingest", folder="in", filename=f"{service.name}.jpg", ref="cover")
        assert (ingest["status"], ingest["input"]) == ("waiting", f"{base}/photo.jpg")
        page = client.create(f"{base}/page.mp4", "ingest")
        task = client.wait(ingest["id"])
        assert task["status"] == "ready", task
        file = task["output"]
        assert (file["object"], file["kind"], file["width"], file["height"]) == ("source", "image", 60, 80)
        assert client.download(file["src"], tmp_path / "got.jpg").read_bytes() == (place / "photo.jpg").read_bytes()
        later = client.show_later(ingest["id"])
        assert (later["status"], later["input"], later["output"]["ref"]) == (
            "completed",
            {"url": f"{base}/photo.jpg"},
            "cover",
        )
        made = client.make(file["id"], "image", width=30, format="png")
        with Image.open(client.download(made["src"], tmp_path / "made.png")) as picture:
            assert picture.size == (30, 40)
        refused = client.wait(page["id"])
        assert refused["status"] == "error"
        assert refused["error"].startswith("The URL leads to a web page")
        assert client.http.get("/tasks-config", headers=LATER).json()["ingest"]["object"] == "source"


@contextmanager
def endless() -> Iterator[tuple[str, threading.Event]]:
    """The URL of a file that never ends, and what is set once its reader hangs up."""
    left = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(bytes(50_000))
                    time.sleep(0.05)
            except OSError:
                left.set()

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/endless.mp4", left
        finally:
            server.shutdown()


CANCEL = """
import time
from tasks_app.models import Task
from tasks_app.services import task_cancel
task_cancel(task=Task.objects.get(pk={!r}))
print(time.time())
"""


def test_cancelling_an_ingest_hangs_up_on_its_server(service: Service, told: list[str]) -> None:
    with Client(service.credentials) as client, endless() as (url, left):
        task = client.create(url, "ingest")["id"]
        file = service.task(task, "output_id")
        status = "SELECT status FROM media_app_file WHERE id = %s"
        until(lambda: service.rows(status, file) == [("processing",)], seconds=60, what="it is fetched")
        gone: list[float] = []
        watcher = threading.Thread(target=lambda: left.wait(180) and gone.append(time.time()))
        watcher.start()
        cancelled = float(service.shell(CANCEL.format(bare(task))))
        watcher.join()
        told.append(f"{service.name}: cancel to the fetch's connection closed {gone[0] - cancelled:.2f} s")
        assert gone[0] - cancelled < 20  # the file has no end
        assert client.show_later(task)["status"] == "cancelled"
        assert service.rows(status, file) == [("failed",)]
        until(lambda: not [key for key in service.objects() if str(file) in key], seconds=60, what="nothing is kept")
