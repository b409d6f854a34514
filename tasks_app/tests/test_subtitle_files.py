"""A file of subtitles as an input: known by its content, converted, and refused by what makes media."""

import pytest

from ittyhost import queue
from ittyhost.errors import Invalid
from media_app import jobs
from media_app.models import File, Media
from media_app.storage import bucket
from media_app.tests.factories import make_file
from tasks_app.jobs import attempt_run
from tasks_app.models import Task
from tasks_app.services import task_claim
from tasks_app.tests.factories import make_task

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("woken", "work_dir")]

SRT = b"1\r\n00:00:01,000 --> 00:00:02,500\r\nOne <i>two</i>\r\n"


@pytest.fixture
def uploaded() -> File:
    """As it is once a worker looked at it."""
    file = make_file(content=SRT, status=File.Status.WAITING, lane=queue.FAST, filename="words.mp4")
    jobs.work(queue.FAST)
    file.refresh_from_db()
    return file


def test_it_is_known_by_its_content(uploaded):
    assert (uploaded.status, uploaded.kind, uploaded.type, uploaded.format) == ("ready", "subtitles", "text/srt", "srt")
    assert (uploaded.duration, uploaded.width, uploaded.placeholder) == (None, None, "")
    assert Media.objects.get().kind == "subtitles"


def test_it_becomes_a_track_of_its_media(uploaded):
    task = make_task(source=uploaded, kind="subtitles", shift=-0.5)
    claimed = task_claim(lane="fast")
    assert claimed is not None
    attempt_run(claimed)
    task = Task.objects.select_related("output").get(pk=task.pk)
    assert (task.status, task.error) == ("ready", "")
    output = task.output
    assert (output.object, output.kind, output.type, output.media_id) == (
        "track",
        "subtitles",
        "text/vtt",
        uploaded.media_id,
    )
    text = b"".join(bucket().open(output.key)).decode()
    assert text == "WEBVTT\n\n1\n00:00:00.500 --> 00:00:02.000\nOne <i>two</i>\n"


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("image", "image needs image or video; the input is a subtitle file."),
        ("audio", "audio needs audio or video; the input is a subtitle file."),
        ("adaptive_video", "adaptive_video needs audio or video; the input is a subtitle file."),
    ],
)
def test_what_makes_media_refuses_it(uploaded, kind, message):
    with pytest.raises(Invalid) as refused:
        make_task(source=uploaded, kind=kind)
    assert (refused.value.message, refused.value.param) == (message, "input")
    assert not Task.objects.exists()
