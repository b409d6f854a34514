"""What a task tells once it ran: its plan, its log, and facts where those are all that was wanted."""

from dataclasses import replace

import pytest

from events_app.models import Event
from media_app.models import File
from media_app.tests.factories import jpeg_bytes, make_file
from orgs_app.tests.caller import G1, G4, Caller, data_of, is_2024
from tasks_app import jobs
from tasks_app.jobs import attempt_run
from tasks_app.models import Attempt, Task
from tasks_app.services import task_claim
from tasks_app.tests.factories import make_task
from tasks_app.tests.test_plans_api import body

pytestmark = pytest.mark.django_db(transaction=True)


def ran(caller: Caller) -> Task:
    task = make_task(source=make_file(project=caller.project, content=jpeg_bytes()), width=32)
    claimed = task_claim(lane="fast")
    assert claimed is not None
    attempt_run(claimed)
    task.refresh_from_db()
    return task


@pytest.mark.parametrize("version", [G1, G4])
def test_a_task_that_ended_shows_what_was_done(version, work_dir, woken):
    caller = Caller()
    task = ran(caller)
    assert task.status == "ready"
    shown = caller.data("get", f"/tasks/{task.public_id}/plan", version)
    attempt = Attempt.objects.get(task=task)
    assert shown == {
        "object": "plan",
        "task_id": f"{'tsk' if is_2024(version) else 'task'}_{task.pk}",
        "kind": "image",
        "options": {"width": 32},
        "attempt": 1,
        "outcome": "ready",
        "seconds": shown["seconds"],
        "steps": attempt.plan["steps"],
        "commands": attempt.plan["commands"],
        "outputs": attempt.plan["expected"],
        "files": [],
        "warnings": [],
        "tool_warnings": 0,
    }
    assert shown["commands"]
    assert 0 < shown["seconds"] < 60


@pytest.mark.parametrize("version", [G1, G4])
def test_facts_are_the_result_of_a_task_that_makes_no_file(version, work_dir, woken):
    caller = Caller()
    file = make_file(project=caller.project, content=jpeg_bytes())
    created = caller.data("post", "/tasks", version, body(version, file.public_id, kind="probe"))
    before = caller.data("get", f"/tasks/{created['id']}", version)
    files = File.objects.count()
    claimed = task_claim(lane="fast")
    assert claimed is not None
    attempt_run(claimed)
    assert File.objects.count() == files
    task = Task.objects.get()
    assert (task.status, task.output_id, task.output_size) == ("ready", None, None)
    shown = caller.data("get", f"/tasks/{created['id']}", version)
    if is_2024(version):
        assert before["output"] == {"id": file.public_id, "object": "source", "kind": "probe"}
        assert shown["output"] == {**before["output"], "results": task.result}
        results = shown["output"]["results"]
    else:
        assert (before["output"], "results" in before) == (None, False)
        assert (shown["output"], shown["results"]) == (None, task.result)
        results = shown["results"]
    assert (results["kind"], results["width"], results["height"], results["filesize"]) == ("image", 64, 48, 1000)
    listed = caller.data("get", "/tasks?kind=probe", version)
    assert [one["id"] for one in listed] == [created["id"]]
    assert Event.objects.filter(type="task.ready").count() == 1


def test_the_log_and_its_warnings_are_kept_of_attempts_that_went_well(work_dir, woken, monkeypatch):
    printed = "[mjpeg @ 0x1] [warning] odd \x00 header \ud800\n[info] fine\n"
    monkeypatch.setattr(jobs, "run", lambda *given, _run=jobs.run, **named: replace(_run(*given, **named), log=printed))
    ran(Caller())
    attempt = Attempt.objects.get()
    kept = printed.replace("\x00", "�").replace("\ud800", "?")
    assert (attempt.outcome, attempt.log, attempt.tool_warnings) == ("ready", kept, 1)
    assert 0 < attempt.modelled < 5


def test_the_answer_of_a_task_that_failed_after_its_plan_still_tells_the_plan(work_dir, woken):
    caller = Caller()
    task = make_task(source=make_file(project=caller.project, content=b"no picture"), width=32)
    attempt_run(task_claim(lane="fast"))
    shown = data_of(caller.ask("get", f"/tasks/{task.public_id}/plan", G4))
    assert (shown["outcome"], len(shown["commands"])) == ("error", 1)
