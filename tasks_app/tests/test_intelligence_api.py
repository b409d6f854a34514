"""Tracks and intelligence over HTTP: kinds by other names, waiting for what is needed, results in both forms."""

import json
from pathlib import Path
from typing import Any

import pytest

from media_app.models import File
from media_app.tests.factories import jpeg_bytes, make_file
from orgs_app.tests.caller import G1, G2, G3, G4, VERSIONS, Caller, is_2024, refusal
from tasks_app import services
from tasks_app.models import Task
from tasks_app.tests.needing import add_kinds
from tasks_app.tests.test_jobs import run, stored
from tasks_app.tests.test_tasks_api import body_of
from workers.tests.media import make_video

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("woken", "work_dir", "kinds")]

EVERY = pytest.mark.parametrize("version", VERSIONS)


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    add_kinds(monkeypatch)


@pytest.fixture
def caller() -> Caller:
    return Caller()


@pytest.fixture
def photo(caller: Caller) -> File:
    return make_file(project=caller.project, content=jpeg_bytes())


def ask(caller: Caller, version: str, source: File, kind: str, **options: Any) -> tuple[Task, dict[str, Any]]:
    """The task made, and how it is shown."""
    shown = caller.data("post", "/tasks", version, body_of(version, source.public_id, kind, **options))
    return Task.objects.get(pk=shown["id"].rpartition("_")[2]), shown


@EVERY
def test_a_task_waits_for_what_it_needs_and_ends_with_results(version, caller, photo):
    task, shown = ask(caller, version, photo, "needy")
    assert shown["status"] == "waiting"
    child = Task.objects.get(kind="telling")
    run(child)
    services.tasks_sweep()
    task.refresh_from_db()
    run(task)
    track, document = (caller.data("get", f"/tasks/{each.public_id}", version) for each in (task, child))
    results = [{"format": "vtt", "language": "en", "label": "English"}, {"language": "en", "duration": 2.5}]
    if is_2024(version):
        assert (track["status"], [each["output"]["results"] for each in (track, document)]) == ("ready", results)
        assert "results" not in track
    else:
        assert (track["status"], [each["results"] for each in (track, document)]) == ("completed", results)
        assert document["parent_id"] == document["created_by"] == track["id"]
    output = track["output"]
    told = ("id", "object", "kind", "type", "language", "label")
    assert [output[name] for name in told] == [
        f"file_{task.output_id}",
        "track",
        "needy",
        "text/vtt",
        "en",
        "English",
    ]
    if is_2024(version):  # which language a player may offer stands with the tracks of a media
        [listed] = caller.data("get", f"/media/{photo.media.public_id}", version)["tracks"]
        assert [listed[name] for name in told] == [output[name] for name in told]
    assert document["output"]["type"] == "application/json"


@EVERY
def test_a_need_that_cannot_be_had_refuses_the_task(version, caller, photo):
    answer = caller.ask("post", "/tasks", version, body_of(version, photo.public_id, "needy", refuses=True))
    assert answer.status_code == 400
    assert refusal(answer)["message"] == "Nothing can be told of this."
    assert not Task.objects.exists()


@pytest.mark.parametrize("version", [G1, G2])
def test_a_source_has_no_results_beside_its_own_fields(version, caller, photo):
    task, _ = ask(caller, version, photo, "image", width=16)
    run(task)
    assert "results" not in caller.data("get", f"/tasks/{task.public_id}", version)["output"]


@pytest.mark.parametrize("version", [G3, G4])
def test_nor_in_later_versions(version, caller, photo):
    task, _ = ask(caller, version, photo, "image", width=16)
    run(task)
    assert "results" not in caller.data("get", f"/tasks/{task.public_id}", version)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("version", [G1, G4])
def test_the_json_of_a_track_says_of_itself_what_the_api_does(version, caller, tmp_path):
    silent = make_video(tmp_path / "clip.mp4", seconds=0.5, audio=None)
    task, _ = ask(caller, version, stored(silent, project=caller.project), "chapters", format="json")
    run(task)
    output = caller.data("get", f"/tasks/{task.public_id}", version)["output"]
    delivered = caller.http.get(f"/delivery/{caller.project.public_id}/{output['id']}")
    document = json.loads(delivered.getvalue())
    names = ("id", "object", "kind", "format", "created", "updated")
    assert {name: document[name] for name in names} == {name: output[name] for name in names}


# --- Other names ---


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("film") / "clip.mp4", seconds=1.0)


@pytest.mark.ffmpeg
@EVERY
def test_a_kind_may_be_given_by_another_name_which_is_echoed_where_what_was_asked_for_is(version, caller, film):
    clip = stored(film, project=caller.project)
    task, shown = ask(caller, version, clip, "thumbnail", ref="scrub")
    assert (task.kind, task.options["ref"]) == ("thumbnails", "scrub")
    if is_2024(version):
        assert shown["output"] == {"kind": "thumbnail", "ref": "scrub"}
        assert caller.data("get", "/tasks", version)[0]["output"] == {"kind": "thumbnail", "ref": "scrub"}
    else:
        assert (shown["kind"], shown["options"]) == ("thumbnails", {"ref": "scrub"})
    for name in ("thumbnail", "thumbnails"):
        assert len(caller.data("get", f"/tasks?kind={name}", version)) == 1
    assert caller.data("get", "/tasks?kind=image", version) == []


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("subtitle", "subtitles"),
        ("thumbnail", "thumbnails"),
        ("describe", "description"),
        ("summary", "description"),
    ],
)
@pytest.mark.ffmpeg
def test_every_other_name_means_its_kind(given, meant, caller, film):
    clip = stored(film, project=caller.project)
    task, _ = ask(caller, G4, clip, given)
    assert task.kind == meant
    named = caller.data("get", "/tasks-config", G4)
    assert meant in named
    assert given not in named
