"""A package from task to player: made by a worker, stored with its members, read through a signed URL, deleted."""

from pathlib import Path

import pytest

from media_app.models import DeadObject, File, FileMember
from media_app.services import media_delete
from media_app.tests.factories import make_file
from media_app.tests.test_packages import address, played
from orgs_app.models import Project
from orgs_app.tests.caller import G1, G4, Caller, is_2024
from tasks_app.jobs import attempt_run
from tasks_app.models import Attempt, Task
from tasks_app.services import task_claim
from tasks_app.tests.factories import make_task
from tasks_app.tests.test_jobs import stored
from workers.tests.media import make_video

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("woken", "work_dir"),
    pytest.mark.ffmpeg,
]

HLS = "application/vnd.apple.mpegurl"
TEXT = b"1\n00:00:00,100 --> 00:00:00,900\nGood morning.\n"


def run(task: Task) -> Task:
    claimed = task_claim(lane=task.lane)
    assert claimed is not None
    attempt_run(claimed)
    return Task.objects.select_related("output", "project", "media").get(pk=task.pk)


def test_a_package_is_played_from_a_signed_url(tmp_path: Path) -> None:
    source = stored(make_video(tmp_path / "clip.mp4", seconds=1.0, size=(128, 96), channels=2))
    caller = Caller(source.project)
    Project.objects.filter(pk=caller.project.pk).update(is_private=True)
    caller.project.refresh_from_db()
    # A text is no medium: its probe failed, and it can be used all the same.
    text = make_file(project=caller.project, content=TEXT, status=File.Status.FAILED, error="It is no medium.")
    given = {"folder": "talks", "filename": "talk.m3u8", "subtitles": [{"url": text.public_id, "language": "en"}]}
    task = run(make_task(source=source, kind="adaptive_video", **given))
    assert (task.status, task.error) == ("ready", "")
    file = task.output
    assert (file.kind, file.type, file.format, file.width, file.height) == ("video", HLS, "hls", 128, 96)
    assert file.duration == pytest.approx(1.0, abs=0.1)
    members = FileMember.objects.filter(file=file)
    assert file.filesize == file.entry_size + sum(member.size for member in members)
    assert file.filesize == task.output_size
    found = played(address(caller, "talks/talk.m3u8"))
    assert any(b"Good morning." in content for content in found.values())
    listed = set(members.exclude(name__endswith=".mpd").values_list("name", flat=True))
    read = {path.partition(f"{file.public_id}/")[2] for path in found} - {""}
    assert listed == read
    for version in (G1, G4):
        shown = caller.data("get", f"/tasks/{task.public_id}", version)["output"]
        assert (shown["type"], shown["width"], shown["filesize"]) == (HLS, 128, file.filesize)
        assert (shown["src"] if is_2024(version) else shown["url"]).endswith("/talks/talk.m3u8")
    plan = caller.data("get", f"/tasks/{task.public_id}/plan", G4)
    assert (plan["outcome"], len(plan["commands"]) > 0) == ("ready", True)
    assert Attempt.objects.get().modelled > 0
    media_delete(media=task.media)
    assert (FileMember.objects.count(), File.objects.filter(pk=file.pk).exists()) == (0, False)
    assert DeadObject.objects.filter(key=f"{caller.project.pk}/{file.pk}/").exists()
