import pytest
from django.contrib.admin.models import LogEntry

from events_app.models import Event
from ittyhost.admin.tests.operator import list_path, make_operator, page_path, queries, sign_in, text, told
from orgs_app.tests.factories import make_api_key
from workflows_app.models import Automation
from workflows_app.tests.factories import make_automation

pytestmark = pytest.mark.django_db
VIDEO = {"prop": "media.kind", "value": "video"}


def act(client, action, *automations):
    data = {"action": action, "_selected_action": [automation.pk for automation in automations]}
    return told(client.post(list_path(Automation), data, follow=True))


def test_an_automation_tells_what_it_does_and_what_starts_it():
    key, _ = make_api_key()
    automation = make_automation(
        project=key.project,
        description="For the shop.",
        conditions=[VIDEO],
        workflow=[{"kind": "image", "width": 320, "next": [{"kind": "nsfw"}]}, {"kind": "speech"}],
        metadata={"owner": "ops"},
        created_by=key.public_id,
    )
    client = sign_in()
    page = text(client, page_path(automation))
    for there in (
        automation.public_id,
        "Every upload",
        "For the shop.",
        "media.created",
        "media.kind",
        "&quot;width&quot;: 320",
        "&quot;nsfw&quot;",
        "&quot;owner&quot;: &quot;ops&quot;",
        f"/admin/orgs_app/apikey/{key.pk}/change/",
        "Pause",
    ):
        assert there in page
    row = text(client, list_path(Automation))
    for there in (automation.public_id, "Every upload", "image, speech", "itty-good"):
        assert there in row


def test_what_others_wrote_is_escaped():
    evil = "<script>alert(1)</script>"
    automation = make_automation(
        name=evil, description=evil, workflow=[{"kind": "http", "url": evil}], metadata={"x": evil}
    )
    Automation.objects.update(conditions=[{"prop": evil, "value": evil}], created_by="<script>")
    client = sign_in()
    for path in (list_path(Automation), page_path(automation)):
        assert "<script>alert" not in text(client, path)


def test_automations_are_paused_and_resumed_by_operators():
    client = sign_in()
    active, paused = make_automation(), make_automation(status="paused")
    assert act(client, "pause", active, paused) == ["1 automation paused.", f"{paused.public_id}: nothing to do."]
    assert set(Automation.objects.values_list("status", flat=True)) == {"paused"}
    assert act(client, "resume", active, paused) == ["2 automations resumed."]
    assert set(Automation.objects.values_list("status", flat=True)) == {"active"}
    assert Event.objects.filter(type="automation.updated").count() == 3
    assert LogEntry.objects.count() == 3


def test_the_button_on_a_page_is_the_one_that_fits():
    client = sign_in()
    automation = make_automation()
    response = client.post(page_path(automation, "action", "pause"), follow=True)
    assert told(response) == ["1 automation paused."]
    assert [button.label for button in response.context["buttons"]] == ["Resume"]


def test_nobody_else_may_change_or_see_them():
    automation = make_automation()
    viewer = sign_in(make_operator("workflows_app.view_automation"))
    assert viewer.get(page_path(automation)).status_code == 200
    assert viewer.post(page_path(automation, "action", "pause")).status_code == 403
    viewer.post(list_path(Automation), {"action": "pause", "_selected_action": [automation.pk]})
    assert sign_in(make_operator("tasks_app.view_task", name="otto")).get(page_path(automation)).status_code == 403
    all_rights = sign_in(make_operator(name="ada"))
    assert all_rights.get("/admin/workflows_app/automation/add/").status_code == 403
    assert all_rights.post(page_path(automation, "delete"), {"post": "yes"}).status_code == 403
    assert Automation.objects.get().status == "active"


def test_lists_are_narrowed_searched_and_cost_the_same_however_long():
    client = sign_in()
    automation, other = make_automation(), make_automation(status="paused")

    def listed(query):
        return list(client.get(list_path(Automation, query)).context["cl"].result_list)

    assert listed("?status__exact=paused") == [other]
    assert listed(f"?q={automation.public_id}") == [automation]
    assert listed(f"?q={automation.project.public_id}") == [automation]
    assert listed("?q=nothing") == []
    few = queries(client, list_path(Automation))
    for _ in range(8):
        make_automation()
    assert queries(client, list_path(Automation)) == few
