"""Automations over HTTP: every verb with whole bodies, in every version, and every refusal."""

from typing import Any

import pytest

from events_app.models import Event
from ittyhost.api.versions import all_versions
from orgs_app.services import api_key_revoke
from orgs_app.tests.caller import Caller, at, created, message
from workflows_app.models import Automation
from workflows_app.tests.factories import make_automation

pytestmark = pytest.mark.django_db

G1, G2, _, G3, G4 = VERSIONS = tuple(version.name for version in all_versions())
EVERY = pytest.mark.parametrize("version", VERSIONS)
VIDEO = {"prop": "kind", "value": "video"}
STEPS = [
    {"kind": "description"},
    {"kind": "image", "width": 320, "format": "png", "ref": "thumbnail"},
    {
        "kind": "conditions",
        "conditions": [VIDEO],
        "next": [{"kind": "subtitles", "ref": "subtitles", "next": [{"kind": "http", "url": "https://example.com"}]}],
    },
]
GATED = [{"kind": "conditions", "conditions": [VIDEO], "next": STEPS}]


@pytest.fixture
def caller() -> Caller:
    return Caller()


def is_old(version: str) -> bool:
    return version.startswith("2024")


def steps_name(version: str) -> str:
    return "tasks" if is_old(version) else "workflow"


def trigger(version: str) -> dict[str, Any]:
    return {"event": "media.created"} if is_old(version) else {"kind": "event", "event": "media.created"}


def body_of(version: str, **fields: Any) -> dict[str, Any]:
    return {"trigger": trigger(version), steps_name(version): STEPS, **fields}


def shown(version: str, automation: Automation) -> dict[str, Any]:
    """The whole object of an automation that hangs on no conditions."""
    common = {
        "id": automation.public_id,
        "object": "automation",
        "name": automation.name or None,
        "description": automation.description or None,
        "metadata": automation.metadata,
        "status": automation.status,
        "created": at(automation),
        "updated": automation.updated.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if is_old(version):
        return common | {"trigger": {"event": "media.created", "conditions": []}, "tasks": automation.workflow}
    return common | {
        "trigger": {"kind": "event", "event": "media.created"},
        "workflow": automation.workflow,
        "created_by": automation.created_by or None,
    }


def data(version: str, answer: Any) -> Any:
    return answer.json() if version == G4 else answer.json()["data"]


def path(automation: Automation) -> str:
    return f"/automations/{automation.public_id}"


def param(version: str, answer: Any) -> str:
    return answer.json()["param"] if version == G4 else answer.json()["error"]["param"]


# --- it works ---


@EVERY
def test_an_automation_is_created(caller, version):
    told = {
        "name": "Every upload",
        "description": "Runs for\neach new media.",
        "status": "paused",
        "metadata": {"a": 1},
    }
    answer = caller.ask("post", "/automations", version, body_of(version, **told))
    automation = Automation.objects.get()
    assert answer.status_code == created(version)
    assert (automation.project, automation.created_by) == (caller.project, caller.key.public_id)
    assert (automation.event, automation.conditions, automation.workflow) == ("media.created", [], STEPS)
    assert {name: getattr(automation, name) for name in told} == told
    assert data(version, answer) == shown(version, automation)
    assert list(Event.objects.values_list("type", "subject")) == [("automation.created", automation.public_id)]


@EVERY
def test_trigger_and_steps_are_enough(caller, version):
    answer = caller.data("post", "/automations", version, body_of(version, name=None, description="", metadata=None))
    automation = Automation.objects.get()
    assert answer == shown(version, automation)
    assert (automation.name, automation.description, automation.status) == ("", "", "active")
    assert automation.metadata == {}


def test_what_is_around_an_automation_in_2024_03_21(caller):
    automation = make_automation(project=caller.project)
    answer = caller.ask("get", path(automation), G1).json()
    assert answer["links"] == {"self": path(automation), "parent": "/automations"}
    assert answer["data"] == shown(G1, automation)
    assert list(answer["data"])[:6] == ["id", "object", "name", "description", "trigger", "tasks"]
    changed = caller.ask("patch", path(automation), G1, {"name": "b"}).json()
    assert (changed["meta"]["status"], changed["links"]) == (200, answer["links"])


@EVERY
def test_an_automation_is_viewed_and_listed(caller, version):
    mine = [make_automation(project=caller.project, name=str(n), workflow=STEPS) for n in range(3)]
    make_automation()
    assert caller.data("get", path(mine[1]), version) == shown(version, mine[1])
    assert caller.data("get", "/automations", version) == [shown(version, one) for one in reversed(mine)]
    listed = caller.data("get", "/automations?limit=2&page=2&order=asc", version)
    assert [one["name"] for one in listed] == ["2"]


@EVERY
def test_a_list_is_sorted_and_narrowed(caller, version):
    first, *_ = (make_automation(project=caller.project, name=name) for name in "abc")
    caller.data("patch", path(first), version, {"status": "paused"})

    def names(query: str) -> str:
        return "".join(one["name"] for one in caller.data("get", f"/automations?{query}", version))

    assert names("sort=updated") == "acb"
    assert names("sort=created&order=asc") == "abc"
    assert names("status=paused") == names("status=inactive") == names("status=draft") == "a"
    assert names("status=active") == "cb"
    assert names("page=9") == ""


@EVERY
@pytest.mark.parametrize(
    ("query", "name"), [("page=0", "page"), ("limit=101", "limit"), ("sort=name", "sort"), ("status=done", "status")]
)
def test_a_bad_list_parameter_is_named(caller, version, query, name):
    answer = caller.ask("get", f"/automations?{query}", version)
    assert (answer.status_code, param(version, answer)) == (400, name)


@EVERY
def test_a_list_asks_as_few_questions_for_many_as_for_one(caller, version, django_assert_max_num_queries):
    make_automation(project=caller.project)
    caller.ask("get", "/automations", version)
    for _ in range(9):
        make_automation(project=caller.project)
    with django_assert_max_num_queries(2):  # the key and the automations
        assert len(caller.data("get", "/automations", version)) == 10


# --- changing ---


@EVERY
@pytest.mark.parametrize(
    ("given", "field", "value"),
    [
        ({"name": "Clips"}, "name", "Clips"),
        ({"name": ""}, "name", ""),
        ({"description": "a\nb"}, "description", "a\nb"),
        ({"status": "paused"}, "status", "paused"),
        ({"status": "inactive"}, "status", "paused"),
        ({"status": "draft"}, "status", "paused"),
        ({"metadata": {}}, "metadata", {}),
        ({"STEPS": STEPS}, "workflow", STEPS),
        ({"trigger": {"event": "upload.completed"}}, "event", "media.created"),
    ],
)
def test_a_patch_changes_what_is_given_and_nothing_else(caller, version, given, field, value):
    automation = make_automation(project=caller.project, description="x", metadata={"a": 1}, created_by="key_x")
    before = Automation.objects.values().get()
    body = {steps_name(version) if name == "STEPS" else name: value for name, value in given.items()}

    answer = caller.ask("patch", path(automation), version, body)

    automation.refresh_from_db()
    after = Automation.objects.values().get()
    assert (answer.status_code, data(version, answer)) == (200, shown(version, automation))
    assert after == before | {field: value, "updated": after["updated"]}
    assert after["updated"] > before["updated"]
    assert Event.objects.filter(type="automation.updated", subject=automation.public_id).count() == 1


@EVERY
@pytest.mark.parametrize("body", [{}, {"name": None, "status": None, "trigger": None, "metadata": None}])
def test_a_patch_of_nothing_changes_nothing(caller, version, body):
    automation = make_automation(project=caller.project)
    before = Automation.objects.values().get()
    assert caller.data("patch", path(automation), version, body) == shown(version, automation)
    assert Automation.objects.values().get() == before
    assert not Event.objects.filter(type="automation.updated").exists()


@EVERY
def test_a_put_empties_what_is_not_given_but_for_what_it_cannot_be_without(caller, version):
    automation = make_automation(
        project=caller.project, description="x", metadata={"a": 1}, status="paused", conditions=[VIDEO], workflow=STEPS
    )
    caller.data("put", path(automation), version, {"name": "Clips"})
    automation.refresh_from_db()
    assert (automation.name, automation.description, automation.metadata) == ("Clips", "", {})
    assert (automation.status, automation.conditions, automation.workflow) == ("paused", [VIDEO], STEPS)


@EVERY
def test_a_put_replaces_all_that_is_given(caller, version):
    automation = make_automation(project=caller.project)
    told = {"name": "Clips", "description": "d", "status": "paused", "metadata": {"b": 2}}
    answer = caller.data("put", path(automation), version, body_of(version, **told))
    automation.refresh_from_db()
    assert answer == shown(version, automation)
    assert {name: getattr(automation, name) for name in [*told, "workflow"]} == told | {"workflow": STEPS}


def test_the_call_in_an_early_sdks_own_words(caller):
    automation = make_automation(project=caller.project)
    answer = caller.data(
        "put",
        path(automation),
        G3,
        {
            "name": "Updated Transcoder Example",
            "trigger": {"event": "upload.completed", "conditions": [{"prop": "file.type", "value": "image/*"}]},
            "workflow": [{"kind": "image", "format": "webp", "label": "small"}],
        },
    )
    assert answer["trigger"] == {"kind": "event", "event": "media.created"}
    assert answer["workflow"] == [
        {
            "kind": "conditions",
            "conditions": [{"prop": "file.type", "value": "image/*"}],
            "next": [{"kind": "image", "format": "webp", "label": "small"}],
        }
    ]


@EVERY
def test_an_automation_is_deleted(caller, version):
    automation, other = make_automation(project=caller.project), make_automation(project=caller.project)
    answer = caller.ask("delete", path(automation), version)
    assert (answer.status_code, data(version, answer)) == (202, {"message": f"{automation.public_id} deleted"})
    assert list(Automation.objects.all()) == [other]
    assert Event.objects.filter(type="automation.deleted", subject=automation.public_id).count() == 1
    assert caller.ask("delete", path(automation), version).status_code == 404


# --- conditions, in both generations ---


def test_conditions_of_a_2024_trigger_are_2025s_first_step(caller):
    body = {"trigger": {"event": "media.created", "conditions": [VIDEO]}, "tasks": STEPS}
    old = caller.data("post", "/automations", G2, body)
    assert (old["trigger"], old["tasks"]) == (body["trigger"], STEPS)
    new = caller.data("get", f"/automations/{old['id']}", G4)
    assert (new["trigger"], new["workflow"]) == (trigger(G4), GATED)


def test_2025s_first_step_of_conditions_is_a_2024_trigger(caller):
    new = caller.data("post", "/automations", G4, {"trigger": trigger(G4), "workflow": GATED})
    old = caller.data("get", f"/automations/{new['id']}", G2)
    assert (old["trigger"], old["tasks"]) == ({"event": "media.created", "conditions": [VIDEO]}, STEPS)
    assert (new["trigger"], new["workflow"]) == (trigger(G4), GATED)


@EVERY
@pytest.mark.parametrize("conditions", [[], [VIDEO]])
@pytest.mark.parametrize("workflow", [STEPS, GATED])
def test_what_is_shown_can_be_sent_back_and_changes_nothing(caller, version, conditions, workflow):
    automation = make_automation(project=caller.project, conditions=conditions, workflow=workflow)
    before = caller.data("get", path(automation), version)
    sent = {name: before[name] for name in ("trigger", steps_name(version), "name", "status", "metadata")}
    after = caller.data("patch", path(automation), version, sent)
    assert after == before | {"updated": after["updated"]}


def test_each_generation_takes_conditions_away_where_it_writes_them(caller):
    automation = make_automation(project=caller.project, conditions=[VIDEO], workflow=STEPS)
    assert caller.data("patch", path(automation), G4, {"trigger": trigger(G4)})["workflow"] == GATED
    assert caller.data("patch", path(automation), G2, {"tasks": STEPS[:1]})["trigger"]["conditions"] == [VIDEO]
    assert caller.data("patch", path(automation), G2, {"trigger": trigger(G2)})["trigger"]["conditions"] == []
    caller.data("patch", path(automation), G4, {"workflow": GATED})
    assert caller.data("patch", path(automation), G4, {"workflow": STEPS})["workflow"] == STEPS
    automation.refresh_from_db()
    assert (automation.conditions, automation.workflow) == ([], STEPS)


def test_a_2025_trigger_may_hold_conditions_and_then_no_step_is_read_as_them(caller):
    body = {"trigger": trigger(G4) | {"conditions": [VIDEO]}, "workflow": GATED}
    shown = caller.data("post", "/automations", G4, body)
    assert shown["workflow"] == [{"kind": "conditions", "conditions": [VIDEO], "next": GATED}]
    assert caller.data("get", f"/automations/{shown['id']}", G1)["tasks"] == GATED


# --- refusals ---

REFUSED = [
    ({"name": 1}, "name"),
    ({"name": "x" * 201}, "name"),
    ({"name": "a\nb"}, "name"),
    ({"description": "x" * 2001}, "description"),
    ({"description": "a\u0007"}, "description"),
    ({"description": ["a"]}, "description"),
    ({"status": "stopped"}, "status"),
    ({"status": True}, "status"),
    ({"metadata": [1]}, "metadata"),
    ({"metadata": {"x": "y" * 17_000}}, "metadata"),
    ({"trigger": "media.created"}, "trigger"),
    ({"trigger": {"event": "task.completed"}}, "trigger.event"),
    ({"trigger": {"event": "media.created", "conditions": [{"prop": "x", "value": ""}]}}, "trigger.conditions.0.prop"),
    ({"STEPS": []}, "STEPS"),
    ({"STEPS": {"kind": "image"}}, "STEPS"),
    ({"STEPS": [{"kind": "painting"}]}, "STEPS.0.kind"),
    (
        {"STEPS": [{"kind": "speech"}, {"kind": "speech", "next": [{"kind": "image", "width": 0}]}]},
        "STEPS.1.next.0.width",
    ),
    ({"steps": STEPS}, "steps"),
    ({"id": "auto_0000000000000000"}, "id"),
]


@EVERY
@pytest.mark.parametrize("method", ["post", "patch", "put"])
@pytest.mark.parametrize(("given", "place"), REFUSED)
def test_a_bad_field_is_named_and_nothing_changes(caller, version, method, given, place):
    automation = make_automation(project=caller.project)
    before, events = Automation.objects.values().get(), Event.objects.count()
    name = steps_name(version)
    given = {name if key == "STEPS" else key: value for key, value in given.items()}
    place = place.replace("STEPS", name)

    url = "/automations" if method == "post" else path(automation)
    answer = caller.ask(method, url, version, body_of(version, name="a") | given)

    assert answer.status_code == 400
    assert (param(version, answer), message(answer).startswith(place)) == (place, True)
    assert (Automation.objects.values().get(), Event.objects.count()) == (before, events)


@EVERY
@pytest.mark.parametrize("lost", ["trigger", "STEPS"])
@pytest.mark.parametrize("null", [True, False])
def test_what_must_be_given_is_named(caller, version, lost, null):
    lost = steps_name(version) if lost == "STEPS" else lost
    body = body_of(version)
    del body[lost]
    answer = caller.ask("post", "/automations", version, body | ({lost: None} if null else {}))
    assert (answer.status_code, param(version, answer)) == (400, lost)
    assert message(answer) == f"{lost} {'may not be null' if null else 'is required'}."
    assert Automation.objects.count() == 0


@EVERY
@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": None}, {"description": "a"}])
def test_a_put_needs_a_name(caller, version, body):
    automation = make_automation(project=caller.project)
    answer = caller.ask("put", path(automation), version, body)
    assert (answer.status_code, param(version, answer)) == (400, "name")
    automation.refresh_from_db()
    assert automation.name == "Every upload"


@pytest.mark.parametrize(("version", "name"), [(G1, "workflow"), (G2, "workflow"), (G3, "tasks"), (G4, "tasks")])
def test_steps_have_their_versions_name_and_no_other(caller, version, name):
    answer = caller.ask("post", "/automations", version, body_of(version) | {name: STEPS})
    assert (answer.status_code, param(version, answer)) == (400, name)


@EVERY
@pytest.mark.parametrize("method", ["get", "patch", "put", "delete"])
def test_what_is_not_ones_own_does_not_exist(caller, version, method):
    theirs = make_automation()
    before = Automation.objects.values().get()
    for id in (theirs.public_id, f"auto_{'0' * 16}", f"med_{theirs.pk}", theirs.pk, "auto_", "x"):
        body = None if method in {"get", "delete"} else {"name": "mine"}
        assert caller.ask(method, f"/automations/{id}", version, body).status_code == 404
    assert Automation.objects.values().get() == before
    assert caller.data("get", "/automations", version) == []


@EVERY
@pytest.mark.parametrize("method", ["get", "post", "patch", "put", "delete"])
def test_without_a_working_key_nothing_is_answered(caller, version, method):
    automation = make_automation(project=caller.project)
    before = Automation.objects.values().get()
    api_key_revoke(key=caller.key)
    for secret in (caller.secret, "", f"sk_live_{'0' * 43}"):
        caller.secret = secret
        url = "/automations" if method == "post" else path(automation)
        assert caller.ask(method, url, version, None if method in {"get", "delete"} else {}).status_code == 401
    assert Automation.objects.values().get() == before


@EVERY
def test_each_scope_allows_its_own(version):
    reader, writer = Caller(scopes=["read"]), Caller(scopes=["write"])
    automation = make_automation(project=reader.project)
    assert reader.ask("get", path(automation), version).status_code == 200
    for method in ("patch", "put"):
        assert reader.ask(method, path(automation), version, {"name": "a"}).status_code == 403
    assert reader.ask("delete", path(automation), version).status_code == 403
    assert reader.ask("post", "/automations", version, body_of(version)).status_code == 403
    assert writer.ask("get", "/automations", version).status_code == 403
    assert Automation.objects.get().name == "Every upload"
