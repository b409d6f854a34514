"""Other files that options name, as the picture of a layer: checked when the task is made, fetched when it runs."""

import io
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from PIL import Image

from ittyhost.outbound.tests.site import LOOPBACK, Site, redirects, sends
from media_app.models import File, Media
from media_app.selectors import file_url
from media_app.services.facts import file_facts
from media_app.storage import bucket
from media_app.tests.factories import jpeg_bytes, make_file, make_media
from orgs_app.tests.caller import G1, G4, Caller, is_2024, refusal
from tasks_app.jobs import attempt_run
from tasks_app.models import Attempt, Task
from tasks_app.services import LeaseLost, task_claim
from tasks_app.tests.factories import make_task
from tasks_app.tests.test_any_options_api import video_facts

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("woken", "work_dir")]

BLUE = (0, 0, 255)


def blue() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (16, 16), BLUE).save(out, "PNG")
    return out.getvalue()


def layers(*refs: str) -> list[dict[str, Any]]:
    return [{"kind": "image", "url": ref, "position": "top-left", "width": 16, "height": 16} for ref in refs]


@pytest.fixture
def site(settings: Any) -> Iterator[Site]:
    settings.OUTBOUND_ALLOW = LOOPBACK
    made = Site()
    yield made
    made.close()


def run(task: Task) -> Task:
    claimed = task_claim(lane="fast")
    assert claimed is not None
    attempt_run(claimed)
    return Task.objects.select_related("output").get(pk=task.pk)


def with_layer(ref: str, *more: str) -> Task:
    return make_task(source=make_file(content=jpeg_bytes(), project=None), format="png", layers=layers(ref, *more))


def corner(task: Task) -> tuple[int, ...]:
    picture = Image.open(io.BytesIO(b"".join(bucket().open(task.output.key)))).convert("RGB")
    return picture.getpixel((4, 4))  # type: ignore[return-value]


# --- when the task is made ---


@pytest.mark.parametrize("version", [G1, G4])
@pytest.mark.parametrize("path", ["/tasks", "/tasks/plan"])
def test_a_file_that_cannot_be_used_is_refused_by_its_place(version, path, settings):
    caller = Caller()
    settings.OPTION_FILE_BYTES = 2000
    source, good = make_file(project=caller.project), make_file(project=caller.project, content=jpeg_bytes())
    refused = {
        make_file(content=jpeg_bytes()).public_id: (404, "names nothing in this project"),
        make_file(project=caller.project, status=File.Status.WAITING).public_id: (409, "is not ready yet"),
        make_file(project=caller.project, status=File.Status.FAILED).public_id: (400, "could not be fetched"),
        make_file(project=caller.project, content=b"x" * 2001).public_id: (400, "at most 2000"),
        make_media(project=caller.project).public_id: (400, "has no file yet"),
        "nonsense": (400, "must be the id of"),
        "ftp://example.com/a.png": (400, ""),
        "http://127.0.0.1/a.png": (400, "private network"),
        "http://user:secret@example.com/a.png": (400, "user name"),
    }
    for ref, (status, words) in refused.items():
        options = {"layers": layers(good.public_id, ref)}
        body = (
            {"input": source.public_id, "output": {"kind": "image", **options}}
            if is_2024(version)
            else {"file_id": source.public_id, "kind": "image", **options}
        )
        answer = caller.ask("post", path, version, body)
        told = refusal(answer)
        assert (answer.status_code, words in told["message"]) == (status, True), told
        where = "output.layers" if is_2024(version) else "layers"
        assert f"{where}.1.url" in told["message"] or "param" in told
    assert Task.objects.count() == 0


@pytest.mark.parametrize(("version", "path"), [(G1, "/tasks/plan"), (G4, "/tasks")])
def test_a_file_that_is_known_to_be_something_else_is_refused(version, path, settings):
    settings.OUTBOUND_ALLOW = LOOPBACK  # where delivery is in tests
    caller = Caller()
    source = make_file(project=caller.project, **file_facts(video_facts()))
    picture = make_file(project=caller.project, content=jpeg_bytes(), folder="a b", filename="c.jpg")
    film = make_file(project=caller.project, content=b"film", kind="video", type="video/mp4", filename="c.mp4")
    track = make_file(project=caller.project, content=b"WEBVTT", kind="subtitles", type="text/vtt", filename="c.vtt")
    unknown = make_file(project=caller.project, content=b"x", type="application/octet-stream", status="failed")
    texts, pictures = "must name subtitles as text", "must name a picture"
    asked = [
        ("subtitles", "subtitle_url", lambda ref: {"subtitle_url": ref}, [picture, film], texts, [track, unknown]),
        ("video", "subtitle_url", lambda ref: {"subtitle_url": ref}, [picture, film], texts, [track, unknown]),
        ("adaptive_video", "subtitles.0.url", lambda ref: {"subtitles": [{"url": ref}]}, [picture], texts, [track]),
        ("video", "layers.0.url", lambda ref: {"layers": layers(ref)}, [film, track], pictures, [picture]),
    ]
    for kind, param, options, wrong, words, right in asked:
        for file in (*wrong, *right):
            for ref in (file.public_id, file.media.public_id, f"{file_url(file)}?x=1", file_url(file)):
                rest = {"kind": kind, **options(ref)}
                body = {"input": source.public_id, "output": rest} if is_2024(version) else {
                    "file_id": source.public_id, **rest
                }  # fmt: skip
                answer = caller.ask("post", path, version, body)
                if file in right:
                    assert answer.status_code in (200, 201), (ref, answer.content)
                    continue
                told = refusal(answer)
                where = f"output.{param}" if is_2024(version) else param
                assert answer.status_code == 400
                assert told["message"] == f"{where} {words}; this file is {file.type}."


def test_the_place_is_named_as_the_version_writes_it():
    caller = Caller()
    source = make_file(project=caller.project)
    body = {"file_id": source.public_id, "kind": "image", "layers": layers("file_0000000000000000")}
    assert refusal(caller.ask("post", "/tasks", G4, body))["param"] == "layers.0.url"


def test_a_plan_names_the_files_and_fetches_none():
    caller = Caller()
    source, other = make_file(project=caller.project), make_file(project=caller.project, content=blue())
    options = {"layers": layers(other.public_id, "https://example.com/logo.png")}
    plan = caller.data("post", "/tasks/plan", G4, {"file_id": source.public_id, "kind": "image", **options})
    assert [(use["ref"], use["param"]) for use in plan["files"]] == [
        (other.public_id, "layers.0.url"),
        ("https://example.com/logo.png", "layers.1.url"),
    ]


# --- when it runs ---


def test_a_file_and_a_media_of_the_project_are_used():
    source = make_file(content=jpeg_bytes())
    other = make_file(project=source.project, content=blue())
    for ref in (other.public_id, other.media.public_id):
        task = run(make_task(source=source, format="png", layers=layers(ref)))
        assert (task.status, task.error, corner(task)) == ("ready", "", BLUE)


def test_what_a_url_gives_is_used_and_not_kept(site):
    site.paths["/logo.png"] = sends(blue(), Content_Type="image/png")
    task = with_layer(site.url("/logo.png"))
    before = (File.objects.count(), Media.objects.count())
    task = run(task)
    assert (task.status, task.error, corner(task)) == ("ready", "", BLUE)
    assert (File.objects.count(), Media.objects.count()) == (before[0] + 1, before[1])
    assert len(site.asked) == 1


def test_a_redirect_is_followed_to_a_public_address_only(site, settings):
    site.paths["/logo.png"] = redirects("http://169.254.169.254/latest/meta-data")
    task = run(with_layer(site.url("/logo.png")))
    assert (task.status, "layers.0.url" in task.error, "private network" in task.error) == ("error", True, True)


def test_a_private_address_is_not_asked_when_the_task_runs(site, settings):
    url = site.url("/logo.png", host="localhost")
    settings.OUTBOUND_ALLOW = ()
    task = run(with_layer(url))
    assert (task.status, "private network" in task.error, site.asked) == ("error", True, [])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (sends(b"", 404), "has nothing at the URL"),
        (sends(b"", 403), "refused access"),
        (sends(b"x" * 5000, Content_Type="image/png"), "larger than 2000 bytes"),
        (sends(b"x" * 5000, Content_Type="image/png", Content_Length=""), "larger than 2000 bytes"),
        (sends(b"<html>", Content_Type="text/html"), "web page"),
        (sends(b"", Content_Type="image/png"), "empty file"),
    ],
)
def test_a_url_that_gives_no_file_ends_the_task_and_names_the_option(site, settings, answer, words):
    settings.OPTION_FILE_BYTES = 2000
    site.paths["/logo.png"] = answer
    task = run(with_layer(site.url("/logo.png")))
    assert (task.status, task.error.startswith("layers.0.url: "), words in task.error) == ("error", True, True)


def test_a_server_that_is_away_is_asked_again_later(site):
    site.paths["/logo.png"] = sends(b"", 503)
    task = run(with_layer(site.url("/logo.png")))
    assert (task.status, task.failures, Attempt.objects.get().outcome) == ("queued", 1, "fault")


def test_a_file_that_vanished_ends_the_task():
    source = make_file(content=jpeg_bytes())
    other = make_file(project=source.project, content=blue())
    task = make_task(source=source, layers=layers(other.public_id))
    other.delete()
    task = run(task)
    assert (task.status, task.error) == ("error", "layers.0.url: The file is no longer there.")


def test_bytes_that_vanished_end_the_task():
    source = make_file(content=jpeg_bytes())
    other = make_file(project=source.project, content=blue())
    task = make_task(source=source, layers=layers(other.public_id))
    bucket().delete(other.key)
    task = run(task)
    assert (task.status, task.error) == ("error", "layers.0.url: The file's bytes are no longer there.")


def test_another_projects_file_is_not_given_to_a_task_whatever_its_row_says():
    source, foreign = make_file(content=jpeg_bytes()), make_file(content=blue())
    task = run(make_task(source=source, layers=layers(foreign.public_id)))
    assert (task.status, task.error) == ("error", "layers.0.url: The file is no longer there.")


def test_a_task_that_is_cancelled_stops_fetching(site):
    def trickle(request: Any) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "1000000")
        request.end_headers()
        Task.objects.update(status="cancelled", lease_until=None)
        connection.close()
        for _ in range(200):
            request.wfile.write(b"x" * 10)
            request.wfile.flush()
            time.sleep(0.05)

    site.paths["/logo.png"] = trickle
    began = time.monotonic()
    with pytest.raises(LeaseLost):
        run(with_layer(site.url("/logo.png")))
    assert time.monotonic() - began < 5  # of the ten that it would take
    assert Task.objects.get().status == "cancelled"


def test_all_files_that_urls_give_for_one_task_are_bounded_together(site, settings):
    size = len(blue())
    settings.OPTION_FILE_BYTES = size * 2 - 1
    site.paths["/logo.png"] = sends(blue(), Content_Type="image/png")
    url = site.url("/logo.png")
    task = run(with_layer(url, f"{url}?again"))
    assert (task.status, task.error) == (
        "error",
        f"layers.1.url: The file at the URL is larger than {size - 1} bytes, the largest that is taken.",
    )


def test_slow_servers_take_a_slot_no_longer_than_one_would(site, settings):
    settings.OPTION_FILE_SECONDS = 1

    def slow(request: Any) -> None:
        time.sleep(0.4)
        sends(blue(), Content_Type="image/png")(request)

    urls = [f"/{number}.png" for number in range(6)]
    site.paths |= dict.fromkeys(urls, slow)
    task = with_layer(*map(site.url, urls))
    began = time.monotonic()
    run(task)
    assert time.monotonic() - began < 2.2  # of the 2.4 that six take, and the work besides
    assert (len(site.asked), task.status) == (3, "queued")
