import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from events_app.models import Event
from ittyhost.admin import lists
from ittyhost.admin.tests.operator import list_path, make_operator, page_path, queries, sign_in, text, told
from ittyhost.leases import in_seconds
from media_app.services import file_delete
from media_app.tests.factories import make_file
from orgs_app.tests.factories import make_project
from tasks_app.admin.nodes import lanes_state
from tasks_app.models import Attempt, Node, Task
from tasks_app.services import task_claim, task_fail
from tasks_app.tests.factories import end, make_ingest, make_task

pytestmark = pytest.mark.django_db
Status = Task.Status
PLAN = {
    "commands": ["ffmpeg -i source -vf 'scale=320:-2' out.mp4", "python -m workers picture '{}'"],
    "notes": ["A note."],
}


def make_attempt(task, number=1, **fields):
    """An attempt that waited 340 ms and ran 12.4 s."""
    Task.objects.filter(pk=task.pk).update(attempt=number)
    due = task.created
    times = {
        "queued_at": due,
        "started_at": due + timedelta(milliseconds=340),
        "ended_at": due + timedelta(milliseconds=12740),
    }
    return Attempt.objects.create(
        task=task, number=number, **{"worker": "fast@host:1", "outcome": "ready", "plan": PLAN} | times | fields
    )


def listed(client, query=""):
    return client.get(list_path(Task, query)).context["cl"]


# --- What is shown ---


def test_a_task_tells_all_an_operator_asks():
    client = sign_in()
    task = end(make_task(width=320), "ready", output_size=1300, progress=100, result={"width": 320})
    make_file(id=task.output_id, media=task.media, content=b"0123456789", type="video/mp4", filename="out.mp4")
    make_attempt(task, warnings=["A warning."])
    page = text(client, page_path(task))
    for told_there in (
        "fast@host:1",
        "340 ms",
        "12.4 s",
        "A warning.",
        "A note.",
        "out.mp4",
        "<video",
        "&quot;width&quot;: 320",
    ):
        assert told_there in page
    assert '<pre class="itty-pre">ffmpeg -i source -vf &#x27;scale=320:-2&#x27; out.mp4</pre>' in page
    assert f"/admin/media_app/file/{task.source_id}/change/" in page
    row = text(client, list_path(Task))
    for told_there in (task.public_id, "340 ms", "12.4 s", "1.3 kB", "itty-good"):
        assert told_there in row


def test_a_task_outlives_its_input_and_output():
    task = end(make_task(), "ready")
    file_delete(file=task.source)
    page = text(sign_in(), page_path(task))
    assert f"The input is no longer there: {task.input}" in page
    assert "The output was deleted since." in page


@pytest.mark.parametrize("status", [*Status, "odd"])
def test_every_state_can_be_shown(status):
    task = make_task()
    if status == "odd":
        status = Status.QUEUED
        Task.objects.filter(pk=task.pk).update(kind="removed-kind", lane="removed")
    lease = in_seconds(30) if status == Status.PROCESSING else None
    Task.objects.filter(pk=task.pk).update(status=status, lease_until=lease, progress=42)
    client = sign_in()
    assert ('max="100" value="42"' in text(client, list_path(Task))) == (status == Status.PROCESSING)
    text(client, page_path(task))


def test_what_others_wrote_is_escaped():
    task = make_task(source=make_file(filename="<script>alert(1).jpg", content=b"x"))
    evil = "<script>alert(2)</script>"
    end(
        task,
        "error",
        error=evil,
        input=evil,
        options={"x": evil},
        definition={"x": evil},
        webhook_url=evil,
        created_by="x",
    )
    make_attempt(task, worker=evil, error=evil, log=evil, warnings=[evil], plan={"commands": [evil], "notes": [evil]})
    client = sign_in()
    for path in (list_path(Task), page_path(task), page_path(task, "history")):
        assert "<script>alert" not in text(client, path)
    assert "&lt;script&gt;" in text(client, page_path(task))


def test_tasks_are_only_looked_at():
    client = sign_in()
    task = make_task()
    assert client.get("/admin/tasks_app/task/add/").status_code == 403
    assert client.post(page_path(task), {"status": "ready"}).status_code == 403
    assert client.post(page_path(task, "delete"), {"post": "yes"}).status_code == 403
    client.post(list_path(Task), {"action": "delete_selected", "_selected_action": [task.pk], "post": "yes"})
    assert Task.objects.get().status == Status.QUEUED


# --- Actions ---


def test_tasks_are_cancelled_and_what_has_ended_is_told():
    client = sign_in()
    waiting, ready = make_task(), end(make_task(), "ready")
    data = {"action": "cancel", "_selected_action": [waiting.pk, ready.pk]}
    response = client.post(list_path(Task), data, follow=True)
    assert told(response) == [
        "1 task cancelled.",
        f"{ready.public_id}: Only a task that has not ended can be cancelled.",
    ]
    waiting.refresh_from_db()
    assert waiting.status == Status.CANCELLED
    assert Event.objects.filter(type="task.cancelled").count() == 1
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.change_message) == (waiting.pk, "Cancelled.")


def test_a_task_is_tried_again_from_its_page():
    client = sign_in()
    task = make_task()
    running = task_claim(lane=task.lane)
    task_fail(task=running, message="broken", log="the end")
    page = text(client, page_path(task))
    assert ">Retry<" in page
    assert ">Cancel<" not in page
    assert "the end" in page
    response = client.post(page_path(task, "action", "retry"), follow=True)
    assert told(response) == ["1 task queued again."]
    task.refresh_from_db()
    assert (task.status, task.error) == (Status.QUEUED, "")
    response = client.post(page_path(task, "action", "retry"), follow=True)
    assert told(response) == [f"{task.public_id}: Only a task that ended in error or was cancelled can be tried again."]


def test_a_task_whose_input_is_gone_cannot_be_tried_again_and_nothing_is_raised():
    task = end(make_task(), "error")
    file_delete(file=task.source)
    response = sign_in().post(page_path(task, "action", "retry"), follow=True)
    assert told(response) == [
        f"{task.public_id}: This task cannot be tried again: its input is gone or cannot be used."
    ]


def test_an_ingest_is_cancelled_and_tried_again_from_its_page():
    client = sign_in()
    task = make_ingest()
    assert f"/admin/media_app/file/{task.source_id}/change/" in text(client, page_path(task))
    assert told(client.post(page_path(task, "action", "cancel"), follow=True)) == ["1 task cancelled."]
    assert "The fetch was cancelled." in text(client, f"/admin/media_app/file/{task.source_id}/change/")
    assert told(client.post(page_path(task, "action", "retry"), follow=True)) == ["1 task queued again."]
    task = Task.objects.select_related("source").get()
    assert (task.status, task.source.status, task.source.lane) == (Status.WAITING, "waiting", "transfer")
    assert "ingest" in text(client, f"{list_path(Task)}?kind__exact=ingest")


def test_an_input_that_is_gone_is_no_link():
    client = sign_in()
    task = make_task()
    assert f"/admin/media_app/file/{task.source_id}/change/" in text(client, list_path(Task))
    file_delete(file=task.source)
    for path in (list_path(Task), page_path(task)):
        assert f"/admin/media_app/file/{task.source_id}/change/" not in text(client, path)
    assert task.public_id in text(client, f"{list_path(Task)}?q=file_{task.source_id}")  # found by its id all the same


def test_whoever_may_only_look_starts_nothing():
    task = end(make_task(), "error")
    viewer = sign_in(make_operator("tasks_app.view_task"))
    assert ">Retry<" not in text(viewer, page_path(task))
    assert viewer.post(page_path(task, "action", "retry")).status_code == 403
    viewer.post(list_path(Task), {"action": "retry", "_selected_action": [task.pk]})
    task.refresh_from_db()
    assert task.status == Status.ERROR


def test_too_many_at_once_are_refused(monkeypatch):
    monkeypatch.setattr("ittyhost.admin.actions.AT_ONCE", 1)
    tasks = [make_task(), make_task()]
    data = {"action": "cancel", "_selected_action": [task.pk for task in tasks]}
    assert told(sign_in().post(list_path(Task), data, follow=True)) == [
        "Choose at most 1 at a time. Nothing was changed."
    ]
    assert Task.objects.filter(status=Status.QUEUED).count() == 2


def test_an_action_on_many_takes_a_fixed_number_of_reads_for_each(monkeypatch):
    client = sign_in()
    given: list[Task] = []
    monkeypatch.setattr("tasks_app.admin.tasks.task_retry", lambda task: given.append(task))

    def reads(number: int) -> int:
        given.clear()
        tasks = [end(make_task(), "error") for _ in range(number)]
        with CaptureQueriesContext(connection) as captured:
            client.post(list_path(Task), {"action": "retry", "_selected_action": [task.pk for task in tasks]})
            assert len([task.project.pk for task in given]) == number
        return sum(query["sql"].startswith("SELECT") for query in captured.captured_queries)

    reads(1)  # what is kept in memory from then on: types of content
    assert reads(1) == reads(11)


# --- Lists of any length ---


def test_fifty_rows_take_as_many_queries_as_one():
    client = sign_in()
    make_attempt(make_task())
    one = queries(client, list_path(Task))
    for _ in range(49):
        make_attempt(make_task())
    assert queries(client, list_path(Task)) == one


def test_a_task_takes_as_many_queries_however_often_it_was_tried():
    client = sign_in()
    task = make_task()
    make_attempt(task)
    one = queries(client, page_path(task))
    for number in range(2, 30):
        make_attempt(task, number)
    assert queries(client, page_path(task)) == one
    assert text(client, page_path(task)).count("what was done</summary>") == 20


def test_large_columns_are_not_read_for_a_list():
    make_task()
    task = listed(sign_in()).result_list[0]
    assert not {"definition", "options", "result", "error"} & task.__dict__.keys()


def test_rows_are_counted_to_a_limit(monkeypatch):
    monkeypatch.setattr(lists, "COUNT_LIMIT", 3)
    client = sign_in()
    for _ in range(3):
        make_task()
    assert "3 tasks" in text(client, list_path(Task))
    make_task()
    assert "3+ tasks" in text(client, list_path(Task))


def test_a_filter_without_an_index_looks_through_the_newest_rows(monkeypatch):
    monkeypatch.setattr(lists, "WINDOW", 2)
    client = sign_in()
    project = make_project()
    tasks = [make_task(project=project) for _ in range(4)]
    for age, task in enumerate(reversed(tasks)):
        Task.objects.filter(pk=task.pk).update(created=timezone.now() - timedelta(minutes=age))
    for query in ("?lane=fast", f"?lane=fast&project__id__exact={project.pk}", "?kind__exact=image"):
        found = listed(client, query)
        assert [task.pk for task in found.result_list] == [tasks[3].pk, tasks[2].pk, tasks[1].pk]
        assert "Only the newest" in text(client, list_path(Task, query))
    for query in ("", "?status__exact=queued", f"?project__id__exact={project.pk}&kind__exact=image"):
        assert listed(client, query).result_count == 4
        assert "Only the newest" not in text(client, list_path(Task, query))


@pytest.mark.parametrize("query", ["", "?o=1", "?o=-3.2", "?o=x", "?all=", "?status__exact=queued"])
def test_the_order_is_always_the_indexed_one(query):
    client, task = sign_in(), make_task()
    assert set(listed(client, query).queryset.query.order_by) == {"-id"}
    of_project = f"{query or '?'}&project__id__exact={task.project_id}"
    assert listed(client, of_project).queryset.query.order_by[:2] == ("-created", "-pk")


@pytest.mark.parametrize("query", ["", "lane=fast"])
def test_a_period_is_found_by_ids_as_well(query):
    client, task = sign_in(), make_task()
    day = timezone.now().date()
    period = f"created__gte={day - timedelta(1)}T00:00:00Z&created__lt={day + timedelta(1)}T00:00:00Z"
    found = listed(client, f"?{query}&{period}")
    assert [row.pk for row in found.result_list] == [task.pk]
    assert str(found.queryset.query).count('"tasks_app_task"."id" >=') == 1
    assert listed(client, f"?{query}&created__lt={day - timedelta(1)}T00:00:00Z").result_count == 0
    assert listed(client, f"?{query}&created__gte={day + timedelta(1)}T00:00:00Z").result_count == 0


def test_a_list_never_counts_or_reads_the_whole_table():
    client = sign_in()
    make_task()
    with CaptureQueriesContext(connection) as captured:
        text(client, list_path(Task))
    touching = [query["sql"] for query in captured.captured_queries if 'FROM "tasks_app_task"' in query["sql"]]
    assert len(touching) == 2
    assert all("LIMIT" in sql or "COUNT" not in sql for sql in touching)


def test_tasks_are_found_by_every_id_that_belongs_to_them():
    client = sign_in()
    task, _ = make_task(), make_task()
    terms = [task.public_id, f"task_{task.pk}", task.pk, task.source.public_id, f"file_{task.output_id}"]
    terms += [f"med_{task.media_id}", task.project.public_id, f" {task.public_id}  {task.public_id} "]
    for term in terms:
        assert [row.pk for row in client.get(list_path(Task), {"q": term}).context["cl"].result_list] == [task.pk], term
    for term in ("image", "tsk_x", f"{task.public_id} image", "é" * 16):
        assert client.get(list_path(Task), {"q": term}).context["cl"].result_list == []


def test_filters_narrow_by_project_status_kind_lane_and_date():
    client = sign_in()
    today = timezone.now().date()
    task = make_task()
    end(make_task(), "error")
    for query in (f"?project__id__exact={task.project_id}", "?status__exact=queued"):
        assert [row.pk for row in listed(client, query).result_list] == [task.pk]
    assert listed(client, "?kind__exact=image&lane=fast").result_count == 2
    assert listed(client, "?kind__exact=video").result_count == 0
    assert listed(client, f"?created__gte={today}T00:00:00Z").result_count == 2
    page = text(client, list_path(Task, f"?project__id__exact={task.project_id}"))
    assert f'<option value="{task.project_id}" selected>' in page
    assert page.count("<option") < 10  # the chosen one, and none of the others


# --- The service ---


def make_node(name, *, ago=0.0, lanes=("fast",), slots=2):
    return Node.objects.create(name=name, lanes=list(lanes), slots=slots, started_at=Now(), seen_at=in_seconds(-ago))


def test_nodes_are_alive_or_silent():
    make_node("fast@a")
    make_node("heavy@b", ago=60, lanes=("heavy",))
    make_node("scheduler@a", lanes=(), slots=0)
    page = text(sign_in(), list_path(Node))
    assert re.findall(r">(alive|silent)<", page) == ["alive", "silent", "alive"]
    assert "sweeps" in page


def test_the_index_tells_what_waits_and_runs_in_each_lane(monkeypatch):
    make_node("fast@a")
    make_node("heavy@b", ago=60, lanes=("heavy",), slots=1)
    for _ in range(3):
        make_task()
    task_claim(lane="fast")
    assert lanes_state()[:2] == [
        {"name": "fast", "due": "2", "running": 1, "slots": 2},
        {"name": "heavy", "due": "0", "running": 0, "slots": 0},
    ]
    monkeypatch.setattr("tasks_app.admin.nodes.health.examine", lambda: {"broker": "<script>away", "database": "ok"})
    client = sign_in()
    assert 'data-load="/admin/tasks_app/node/state/"' in text(client, "/admin/")
    part = text(client, "/admin/tasks_app/node/state/")
    assert 'itty-bad">&lt;script&gt;away' in part
    assert 'itty-good">ok' in part


def test_the_state_of_the_service_is_for_staff(client, monkeypatch):
    monkeypatch.setattr("tasks_app.admin.nodes.health.examine", dict)
    assert client.get("/admin/tasks_app/node/state/").status_code == 302
    part = text(sign_in(make_operator("media_app.view_file")), "/admin/tasks_app/node/state/")
    assert "Tasks by lane" not in part


def test_warnings_of_tools_are_shown_and_filtered_by():
    client = sign_in()
    quiet, loud = make_task(), make_task()
    for task in (quiet, loud):
        Task.objects.filter(pk=task.pk).update(attempt=1)
    make_attempt(quiet)
    make_attempt(loud, warnings=["Track 2 was left out."], tool_warnings=1204, log="[warning] odd\n")
    page = text(client, list_path(Task))
    assert "1 told, 1,204 of tools" in page
    only = text(client, f"{list_path(Task)}?tool_warnings=yes")
    assert (loud.public_id in only, quiet.public_id in only) == (True, False)
    own = text(client, page_path(loud))
    assert "Track 2 was left out." in own
    assert "1,204" in own
    assert "[warning] odd" in own


def test_a_task_without_a_file_says_where_its_facts_are():
    client = sign_in()
    task = end(make_task(kind="probe"), "ready", result={"kind": "image"})
    make_attempt(task, plan={"steps": [], "commands": [], "notes": []})
    own = text(client, page_path(task))
    assert "Only facts were asked for" in own
    assert "Nothing had to be run." in own
