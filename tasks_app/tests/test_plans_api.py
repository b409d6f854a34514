"""Plans: what a task would do, with nothing made; and what a task did."""

from datetime import timedelta

import pytest

from events_app.models import Event
from media_app.models import File, Media
from media_app.services.facts import file_facts
from media_app.tests.factories import make_file, make_media
from orgs_app.models import Project
from orgs_app.tests.caller import G1, G4, VERSIONS, Caller, is_2024, refusal
from orgs_app.tests.factories import bearer_header, make_api_key
from tasks_app.models import Attempt, Task
from tasks_app.services import attempt_planned, task_claim
from tasks_app.tests.factories import end, make_task
from tasks_app.tests.needing import TELLING, add_kinds
from tasks_app.tests.test_any_options_api import video_facts

pytestmark = pytest.mark.django_db


def body(version: str, source: str, kind: str = "image", **options: object) -> dict[str, object]:
    if is_2024(version):
        return {"input": source, "output": {"kind": kind, **options}}
    return {"url" if "://" in source else "file_id": source, "kind": kind, **options}


def counts() -> list[int]:
    return [model.objects.count() for model in (Task, Attempt, File, Media, Event)]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_plan_tells_all_and_makes_nothing(version):
    caller = Caller()
    file = make_file(project=caller.project)
    before = counts()
    plan = caller.data("post", "/tasks/plan", version, body(version, file.public_id, width="50%", filename="a.webp"))
    assert counts() == before
    assert list(plan) == [
        *("object", "kind", "input", "options", "needs", "steps", "commands", "outputs", "files", "estimate"),
        "warnings",
    ]
    assert (plan["object"], plan["kind"], plan["input"]["id"]) == ("plan", "image", file.public_id)
    assert (plan["input"]["facts"]["width"], plan["input"]["facts"]["format"]) == (64, "jpeg")
    assert {name: plan["options"][name] for name in ("width", "height", "format", "filename", "fit")} == {
        "width": 32,
        "height": 24,
        "format": "webp",
        "filename": "a.webp",
        "fit": "fill",
    }
    assert [(made["width"], made["height"], made["type"]) for made in plan["outputs"]] == [(32, 24, "image/webp")]
    assert [step["tool"] for step in plan["steps"]] == ["picture"]
    assert plan["commands"][0].startswith("python -m workers picture ")
    assert (0 < plan["estimate"]["seconds"] < 5, plan["estimate"]["filesize"]) == (True, None)
    assert (plan["needs"], plan["files"], plan["warnings"]) == ([], [], [])


@pytest.mark.parametrize("version", VERSIONS)
def test_its_answer_is_no_creation_and_links_to_the_tasks(version):
    caller = Caller()
    answer = caller.ask("post", "/tasks/plan", version, body(version, make_file(project=caller.project).public_id))
    assert answer.status_code == 200
    if "links" in answer.json():
        assert answer.json()["links"]["self"].endswith("/tasks/plan")
        assert answer.json()["links"]["parent"].endswith("/tasks")


def test_a_key_that_may_only_read_may_plan():
    caller = Caller(scopes=["read"])
    answer = caller.ask("post", "/tasks/plan", G4, body(G4, make_file(project=caller.project).public_id))
    assert answer.status_code == 200


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"kind": "image", "width": 0}, 400),
        ({"kind": "image", "colour": "red"}, 400),
        ({"kind": "audio"}, 400),
        ({"kind": "image", "interval": 1}, 400),
        ({"kind": "nothing"}, 400),
        ({}, 400),
    ],
)
def test_it_refuses_what_the_creation_refuses_in_the_same_words(version, given, status):
    caller = Caller()
    file = make_file(project=caller.project)
    asked = {"input": file.public_id, "output": given} if is_2024(version) else {"file_id": file.public_id, **given}
    plan, task = (caller.ask("post", path, version, asked) for path in ("/tasks/plan", "/tasks"))
    assert (plan.status_code, task.status_code) == (status, status)
    assert refusal(plan) == refusal(task)


def test_it_refuses_another_projects_file_a_failed_one_and_a_full_project_as_the_creation_does():
    caller = Caller()
    failed = make_file(project=caller.project, status=File.Status.FAILED, error="It is empty.")
    empty = make_media(project=caller.project)
    for source, status in ((make_file(), 404), (failed, 400), (empty, 400)):
        plan, task = (caller.ask("post", path, G4, body(G4, source.public_id)) for path in ("/tasks/plan", "/tasks"))
        assert (plan.status_code, refusal(plan)) == (status, refusal(task))
    Project.objects.filter(pk=caller.project.pk).update(storage_quota=1, storage_used=1)
    ready = make_file(project=caller.project)
    plan, task = (caller.ask("post", path, G4, body(G4, ready.public_id)) for path in ("/tasks/plan", "/tasks"))
    assert (plan.status_code, refusal(plan)) == (402, refusal(task))


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_not_known_yet_is_a_conflict_that_tells_the_way_out(version):
    caller = Caller()
    waiting = make_file(project=caller.project, status=File.Status.WAITING)
    for source, words in (("https://example.com/a.mp4", "POST /files"), (waiting.public_id, "ask again")):
        before = counts()
        answer = caller.ask("post", "/tasks/plan", version, body(version, source))
        assert (answer.status_code, words in refusal(answer)["message"]) == (409, True)
        assert counts() == before


@pytest.mark.parametrize("path", ["/tasks/plan", "/tasks", "/sources"])
@pytest.mark.parametrize(("version", "param"), [(G1, "output.interval"), (G4, "interval")])
def test_an_option_that_does_not_suit_the_input_is_named_as_the_body_has_it(path, version, param):
    caller = Caller()
    given = body(version, make_file(project=caller.project).public_id, interval=1)
    answer = caller.ask("post", path, version, given)
    assert (answer.status_code, refusal(answer)["param"]) == (400, param)


def test_a_kind_without_tools_has_no_plan():
    caller = Caller()
    answer = caller.ask("post", "/tasks/plan", G4, body(G4, "https://example.com/a.mp4", kind="ingest"))
    assert (answer.status_code, refusal(answer)["param"]) == (400, "kind")


def test_facts_can_be_planned_too():
    caller = Caller()
    plan = caller.data("post", "/tasks/plan", G4, body(G4, make_file(project=caller.project).public_id, kind="probe"))
    assert (plan["steps"], plan["commands"], plan["outputs"], plan["estimate"]) == (
        [],
        [],
        [],
        {"seconds": 0.0, "filesize": None},
    )


def test_a_plan_with_an_idempotency_key_is_answered_the_same_twice():
    caller = Caller()
    asked = body(G4, make_file(project=caller.project).public_id)
    headers = {**bearer_header(caller.secret), "Accept-Version": G4, "Idempotency-Key": "once"}
    first, second = (
        caller.http.post("/tasks/plan", asked, content_type="application/json", headers=headers) for _ in range(2)
    )
    assert (first.status_code, first.content) == (200, second.content)
    assert second.headers["Idempotency-Replayed"] == "true"
    # It made nothing, so the task is another request.
    task = caller.ask("post", "/tasks", G4, asked)
    assert task.status_code == 201


def test_before_a_worker_has_begun_there_is_no_plan():
    caller = Caller()
    task = make_task(source=make_file(project=caller.project))
    answer = caller.ask("get", f"/tasks/{task.public_id}/plan", G4)
    assert (answer.status_code, answer.json()["kind"]) == (404, "plan_not_found")
    assert caller.ask("get", "/tasks/task_unknown/plan", G4).json()["kind"] == "task_not_found"
    other = Caller().ask("get", f"/tasks/{task.public_id}/plan", G4)
    assert (other.status_code, other.json()["kind"]) == (404, "task_not_found")


def test_while_it_runs_the_plan_says_what_is_about_to_be_done():
    caller = Caller()
    task = make_task(source=make_file(project=caller.project))
    claimed = task_claim(lane="fast")
    plan = {"steps": [], "commands": ["ffmpeg -i source a.jpg"], "expected": [], "notes": ["a", "a"], "reads": "whole"}
    attempt_planned(task=claimed, plan=plan, modelled=0.5)
    shown = caller.data("get", f"/tasks/{task.public_id}/plan", G1)
    assert (shown["outcome"], shown["seconds"], shown["commands"], shown["warnings"]) == (
        "running",
        None,
        ["ffmpeg -i source a.jpg"],
        ["a"],
    )


def test_estimates_are_corrected_by_what_took_place_here(work_dir, woken):
    caller = Caller()
    file = make_file(project=caller.project)
    asked = body(G4, file.public_id, width=32)
    by_the_model = caller.data("post", "/tasks/plan", G4, asked)["estimate"]["seconds"]
    for number in range(3):
        done = end(make_task(source=file), "ready")
        began = done.created
        Attempt.objects.create(
            task=done,
            number=1,
            queued_at=began,
            started_at=began,
            ended_at=began + timedelta(seconds=2 * (number + 1)),
            outcome="ready",
            modelled=2.0,
        )
        told = caller.data("post", "/tasks/plan", G4, asked)["estimate"]["seconds"]
        assert told == pytest.approx(by_the_model * (1 if number < 2 else 2), abs=0.02)


def test_writing_alone_does_not_let_a_key_plan():
    file = make_file()
    _, secret = make_api_key(project=file.project, scopes=["write"])
    answer = Caller(file.project).http.post(
        "/tasks/plan", body(G4, file.public_id), content_type="application/json", headers=bearer_header(secret)
    )
    assert answer.status_code == 403


@pytest.mark.parametrize("version", [G1, G4])
def test_a_file_that_an_earlier_release_probed_is_looked_at_anew_first(
    version, monkeypatch, django_capture_on_commit_callbacks
):
    caller, sent = Caller(), []
    monkeypatch.setattr("ittyhost.queue._publish", lambda *message: sent.append(message))
    file = make_file(project=caller.project, probe={"schema": 1})
    with django_capture_on_commit_callbacks(execute=True):
        answer = caller.ask("post", "/tasks/plan", version, body(version, file.public_id))
    assert answer.status_code == 409
    assert refusal(answer)["message"].startswith("The input was looked at by an earlier release of the service")
    assert sent == [("media_app.facts_renew", (file.pk,), "fast")]


# --- What is needed first ---


@pytest.mark.parametrize("version", VERSIONS)
def test_a_plan_tells_what_is_made_first_and_what_that_takes(version):
    caller = Caller()
    film = make_file(project=caller.project, **file_facts(video_facts()))
    before = counts()
    plan, first = (
        caller.data("post", "/tasks/plan", version, body(version, film.public_id, kind=kind, **options))
        for kind, options in (("subtitles", {}), ("speech", {"words": True}))
    )
    assert counts() == before
    seconds = first["estimate"]["seconds"]
    assert plan["needs"] == [
        {"kind": "speech", "options": {"words": True}, "required": True, "exists": False, "seconds": seconds}
    ]
    assert (seconds > 3, first["needs"]) == (True, [])


@pytest.mark.parametrize("version", VERSIONS)
def test_a_plan_says_that_it_cannot_be_carried_out_without_a_server_that_nobody_named(version, settings):
    caller = Caller()
    film = make_file(project=caller.project, **file_facts(video_facts()))
    asked = body(version, film.public_id, kind="prompt")
    plan = caller.data("post", "/tasks/plan", version, asked)
    missing = "A prompt needs a language model, and none is named here: set LANGUAGE_URL."
    assert (plan["needs"], plan["warnings"]) == ([], [missing])
    settings.LANGUAGE_URL, settings.LANGUAGE_MODEL = "http://127.0.0.1:9/v1", "small"
    plan = caller.data("post", "/tasks/plan", version, asked)
    assert ([need["kind"] for need in plan["needs"]], plan["warnings"]) == (["speech"], [])


def test_what_is_there_already_or_under_way_takes_no_time(monkeypatch):
    add_kinds(monkeypatch)
    caller = Caller()
    file = make_file(project=caller.project)
    asked = body(G4, file.public_id, kind="needy", required=False)
    told = {"kind": "telling", "required": False, "options": {}, "exists": True, "seconds": 0.0}
    make_task(source=file, kind=TELLING.name)
    assert caller.data("post", "/tasks/plan", G4, asked)["needs"] == [told]
    elsewhere = Caller()
    other = make_file(project=elsewhere.project)
    asked = body(G4, other.public_id, kind="needy", required=False)
    assert not elsewhere.data("post", "/tasks/plan", G4, asked)["needs"][0]["exists"]


def test_what_cannot_be_made_first_is_no_part_of_a_plan_that_goes_on_without(monkeypatch):
    add_kinds(monkeypatch)
    caller = Caller()
    file = make_file(project=caller.project)
    asked = body(G4, file.public_id, kind="needy", refuses=True, required=False)
    assert caller.data("post", "/tasks/plan", G4, asked)["needs"] == []
