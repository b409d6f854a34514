"""Results from real kinds are found by their words once their task is ready, and gone with their media."""

from pathlib import Path

import pytest

from ittyhost.admin.tests.operator import page_path, sign_in, text
from media_app.models import DeadObject, File, FileMember, SearchText
from media_app.services import media_delete, objects_clean_up
from media_app.services.facts import file_facts
from media_app.storage import bucket
from media_app.tests.factories import make_file
from orgs_app.models import Project
from orgs_app.tests.caller import G1, G4, Caller, data_of
from tasks_app import jobs
from tasks_app.tests.factories import make_task
from workers.engine.probe import probe
from workers.tests.media import make_video

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.ffmpeg, pytest.mark.usefixtures("woken", "work_dir")]

SUBTITLES = b"1\n00:00:00,500 --> 00:00:02,000\nFishing boats leave\nthe harbour.\n"


def stored(caller: Caller, path: Path) -> File:
    return make_file(project=caller.project, content=path.read_bytes(), **file_facts(probe(path)))


def found(caller: Caller, search: str, version: str = G4) -> list[str]:
    query = {"search": search}
    headers = {"Authorization": f"Bearer {caller.secret}", "Accept-Version": version}
    return [media["id"] for media in data_of(caller.http.get("/media", query_params=query, headers=headers))]


def test_tracks_are_found_by_what_they_say_and_deleted_with_their_media(tmp_path):
    caller = Caller()
    source = stored(caller, make_video(tmp_path / "clip.mp4", seconds=3.0))
    given = make_file(project=caller.project, content=SUBTITLES, status=File.Status.FAILED)
    media = source.media
    subtitles = make_task(source=source, kind="subtitles", subtitle_url=given.public_id, language="en")
    thumbnails = make_task(source=source, kind="thumbnails", width=32)
    for task in (subtitles, thumbnails):
        jobs.work(task.lane)
        task.refresh_from_db()
        assert task.status == "ready", task.error
    for version in (G1, G4):
        assert found(caller, '"boats leave the harbour"', version) == [media.public_id]
    assert found(caller, "xywh") == []  # addresses are not what anybody says
    client = sign_in()
    track, sprites = (File.objects.get(pk=task.output_id) for task in (subtitles, thumbnails))
    page = text(client, page_path(track, "viewer"))
    assert 'data-seek="0.5" data-until="2.0"' in page
    assert "Fishing boats leave the harbour." in page
    sheet = FileMember.objects.get(file=sprites)
    assert f'src="{page_path(sprites, "member", sheet.name)}"' in text(client, page_path(sprites, "viewer"))

    keys = [source.key, track.key, sprites.key, sheet.key]
    assert all(bucket().local_path(key) for key in keys)
    media_delete(media=media)
    assert found(caller, "boats") == []
    assert (SearchText.objects.count(), File.objects.count(), FileMember.objects.count()) == (0, 1, 0)
    DeadObject.objects.update(due_at="2025-01-01T00:00:00Z")
    objects_clean_up()
    assert [key for key in keys if bucket().local_path(key)] == []
    assert Project.objects.get(pk=caller.project.pk).storage_used == 0


def test_what_a_task_that_failed_says_is_not_found(tmp_path):
    caller = Caller()
    source = stored(caller, make_video(tmp_path / "clip.mp4", seconds=1.0))
    task = make_task(
        source=source,
        kind="subtitles",
        subtitle_url=make_file(project=caller.project, content=b"no boats", status="failed").public_id,
    )
    jobs.work(task.lane)
    task.refresh_from_db()
    assert (task.status, found(caller, "boats"), SearchText.objects.count()) == ("error", [], 0)
