"""A track of thumbnails from task to player: made by a worker, stored with its sheets, read through a signed URL."""

import io
from pathlib import Path

import pytest
from PIL import Image

from media_app.models import FileMember
from media_app.services import media_delete
from media_app.tests.test_packages import address
from media_app.tests.test_thumbnail_tracks import seen
from orgs_app.models import Project
from orgs_app.tests.caller import G1, G4, Caller, is_2024
from tasks_app.tests.factories import make_task
from tasks_app.tests.test_jobs import stored
from tasks_app.tests.test_packages import run
from workers.tests.media import make_video

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("woken", "work_dir"),
    pytest.mark.ffmpeg,
]


def test_the_sheets_are_read_from_the_tracks_signed_url(tmp_path: Path) -> None:
    source = stored(make_video(tmp_path / "clip.mp4", seconds=2.0, size=(128, 96)))
    caller = Caller(source.project)
    Project.objects.filter(pk=caller.project.pk).update(is_private=True)
    caller.project.refresh_from_db()
    given = {"folder": "talks", "filename": "talk.vtt", "count": 3, "columns": 2}
    task = run(make_task(source=source, kind="thumbnails", **given))
    assert (task.status, task.error, task.lane) == ("ready", "", "fast")
    file = task.output
    assert (file.object, file.kind, file.type) == ("track", "thumbnails", "text/vtt")
    [sheet] = FileMember.objects.filter(file=file)
    assert (sheet.name, sheet.type, sheet.listed) == ("sprite-1.jpg", "image/jpeg", True)
    assert file.filesize == file.entry_size + sheet.size == task.output_size
    cells = seen(address(caller, "talks/talk.vtt"))
    assert [region for region, _ in cells] == ["xywh=0,0,128,96", "xywh=128,0,128,96", "xywh=0,96,128,96"]
    for _, content in cells:
        assert Image.open(io.BytesIO(content)).size == (256, 192)
    for version in (G1, G4):
        shown = caller.data("get", f"/tasks/{task.public_id}", version)["output"]
        assert (shown["object"], shown["kind"], shown["type"]) == ("track", "thumbnails", "text/vtt")
        assert (shown["src"] if is_2024(version) else shown["url"]).endswith("/talks/talk.vtt")
    media_delete(media=task.media)
    assert FileMember.objects.count() == 0


def test_what_the_worker_would_refuse_is_refused_at_once(tmp_path: Path) -> None:
    source = stored(make_video(tmp_path / "clip.mp4", seconds=2.0, size=(128, 96)))
    caller = Caller(source.project)
    body = {"file_id": source.public_id, "kind": "thumbnails", "count": 100, "columns": 90}
    refused = caller.ask("post", "/tasks", G4, body)
    assert refused.status_code == 400
    assert "90 columns of 128 pixels are more than a sheet" in refused.content.decode()
