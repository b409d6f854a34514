"""What files look like: from the probe to the answers of every version, and never at a file's cost."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from PIL import Image

from ittyhost import queue
from media_app import jobs
from media_app.models import File
from media_app.services import output_publish, outputs_store
from media_app.storage import bucket
from media_app.tests.factories import jpeg_bytes, jpeg_facts, make_file, make_media
from orgs_app.tests.caller import G4, VERSIONS, Caller, is_2024
from workers.kinds.base import Output
from workers.preview import Preview
from workers.tests.media import make_audio, make_video

# Not in one transaction: jobs let go of connections.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.ffmpeg, pytest.mark.usefixtures("no_workers")]

Status = File.Status


@pytest.fixture(autouse=True)
def _work_dir(settings: Any, tmp_path: Path) -> None:
    settings.WORK_DIR = tmp_path / "work"


def probed(content: bytes | Path, caller: Caller | None = None) -> File:
    """A file as it is once a worker has looked at it."""
    project = caller.project if caller else None
    file = make_file(project=project, content=content, status=Status.WAITING, lane=queue.FAST)
    jobs.work(queue.FAST)
    file.refresh_from_db()
    return file


@pytest.mark.parametrize("version", VERSIONS)
def test_a_picture_is_shown_by_its_colour_until_it_is_loaded(version):
    caller = Caller()
    file = probed(jpeg_bytes(), caller)
    assert file.status == "ready"
    assert file.placeholder.startswith("data:image/webp;base64,")
    red, green, blue = bytes.fromhex(file.background[1:])
    assert max(abs(red - 200), abs(green - 30), abs(blue - 30)) < 6
    media = caller.data("get", f"/media/{file.media.public_id}", version)
    shown = caller.data("get", f"/files/{file.public_id}", version)
    assert media["background"] == file.background
    if is_2024(version):
        assert media["placeholder"] == file.placeholder
    else:
        assert (shown["placeholder"], shown["background"]) == (file.placeholder, file.background)


def test_a_video_has_a_look_and_sound_has_none(tmp_path):
    video, sound = probed(make_video(tmp_path / "a.mp4")), probed(make_audio(tmp_path / "a.wav"))
    assert (video.status, sound.status) == ("ready", "ready")
    assert video.placeholder
    assert len(video.background) == 7
    assert (sound.placeholder, sound.background) == ("", "")


def test_what_cannot_be_looked_at_is_ready_all_the_same(settings):
    out = io.BytesIO()
    Image.effect_noise((400, 300), 90).save(out, "JPEG")
    file = probed(out.getvalue()[:9000])  # the header is sound, so the probe has nothing against it
    assert (file.status, file.width, file.placeholder, file.background) == ("ready", 400, "", "")
    assert list(settings.WORK_DIR.iterdir()) == []


def test_a_transparent_nothing_has_no_colour():
    out = io.BytesIO()
    Image.new("RGBA", (50, 50)).save(out, "PNG")
    file = probed(out.getvalue())
    assert (bool(file.placeholder), file.background) == (True, "")
    caller = Caller(project=file.project)
    assert caller.data("get", f"/files/{file.public_id}", G4)["background"] is None
    assert caller.data("get", f"/media/{file.media.public_id}", G4)["background"] is None


def test_a_file_in_s3_is_fetched_once_for_both(s3_quick, settings, monkeypatch, tmp_path):
    for name, value in s3_quick.environment(s3_quick.new_bucket()).items():
        setattr(settings, name, value if name != "S3_PATH_STYLE" else True)
    fetched: list[str] = []
    fetch = type(bucket()).fetch_to

    def counted(self: Any, key: str, *args: Any, **more: Any) -> None:
        fetched.append(key)
        fetch(self, key, *args, **more)

    monkeypatch.setattr(type(bucket()), "fetch_to", counted)
    file = probed(make_video(tmp_path / "a.mp4"))
    bucket().close()
    assert fetched == [file.key]
    assert file.placeholder
    assert list(settings.WORK_DIR.iterdir()) == []


def test_an_output_keeps_what_the_engine_saw(tmp_path):
    media, path = make_media(), tmp_path / "a.jpg"
    path.write_bytes(jpeg_bytes())
    seen = Preview("data:image/webp;base64,AA==", None)
    output = Output(path, True, "a.jpg", "image/jpeg", jpeg_facts(), seen)
    stored = outputs_store(project_id=media.project_id, file_id="0" * 16, attempt=1, outputs=[output])
    made = {"project": media.project, "media": media, "file_id": "0" * 16, "attempt": 1, "stored": stored}
    with transaction.atomic():
        output_publish(object="source", kind="image", **made)
    file = File.objects.get()
    assert (file.placeholder, file.background) == (seen.placeholder, "")
