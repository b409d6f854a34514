"""What services write and record, and what happens when two of them run at once."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection

from events_app.models import Event
from ittyhost.errors import NotFound
from orgs_app.tests.factories import make_project
from workflows_app.models import Automation
from workflows_app.selectors import automation_get, automation_list
from workflows_app.services import automation_create, automation_delete, automation_update
from workflows_app.tests.factories import make_automation

pytestmark = pytest.mark.django_db(transaction=True)

STEPS = [{"kind": "speech"}]


def happened() -> list[str]:
    return list(Event.objects.order_by("id").values_list("type", flat=True))


def test_an_automation_starts_active_on_new_media():
    project = make_project()
    automation = automation_create(project=project, workflow=STEPS)
    automation.refresh_from_db()
    assert (automation.status, automation.event) == ("active", "media.created")
    assert (automation.workflow, automation.conditions, automation.metadata) == (STEPS, [], {})
    assert list(automation_list(project=project)) == [automation]
    assert happened() == ["automation.created"]


def test_a_change_gives_the_automation_as_it_is_now():
    automation = make_automation()
    Automation.objects.filter(pk=automation.pk).update(description="by another")
    changed = automation_update(automation=automation, name="b")
    assert (changed.name, changed.description) == ("b", "by another")
    assert changed.updated > automation.updated
    assert happened() == ["automation.created", "automation.updated"]


def test_what_was_deleted_meanwhile_is_not_brought_back():
    automation = make_automation()
    automation_delete(automation=automation)
    with pytest.raises(NotFound):
        automation_update(automation=automation, name="b")
    with pytest.raises(NotFound):
        automation_update(automation=automation)
    automation_delete(automation=automation)
    assert Automation.objects.count() == 0
    assert happened() == ["automation.created", "automation.deleted"]


def test_another_projects_automation_does_not_exist():
    automation = make_automation()
    with pytest.raises(NotFound):
        automation_get(project=make_project(), automation_id=automation.pk)
    with pytest.raises(NotFound):
        automation_get(project=automation.project, automation_id=None)


def at_once(*works: Callable[[], object]) -> list[BaseException]:
    """Do some things at the same time; what they raised."""
    raised: list[BaseException] = []
    start = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        start.wait(timeout=60)
        try:
            work()
        except BaseException as exc:
            raised.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    return raised


def test_changes_of_different_fields_at_once_all_stay():
    automation = make_automation()
    changes = {
        "name": "b",
        "description": "c",
        "status": "paused",
        "metadata": {"a": 1},
        "workflow": STEPS,
        "conditions": [{"prop": "kind", "value": "video"}],
    }
    works = [
        lambda one={name: value}: automation_update(automation=automation, **one) for name, value in changes.items()
    ]
    assert at_once(*works) == []
    automation.refresh_from_db()
    assert {name: getattr(automation, name) for name in changes} == changes
    assert happened().count("automation.updated") == len(changes)


def test_of_changes_and_deletions_at_once_the_deletion_stays_and_is_told_once():
    automation = make_automation()
    raised = at_once(
        *(lambda: automation_delete(automation=automation) for _ in range(3)),
        *(lambda: automation_update(automation=automation, name="b") for _ in range(3)),
    )
    assert all(isinstance(exc, NotFound) for exc in raised)
    assert Automation.objects.count() == 0
    assert happened().count("automation.deleted") == 1
    assert happened().count("automation.updated") == 3 - len(raised)
