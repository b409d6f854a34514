import pytest

from events_app.models import Event
from events_app.services import event_record
from ittyhost.admin.tests.operator import list_path, page_path, queries, sign_in, text
from media_app.tests.factories import make_media

pytestmark = pytest.mark.django_db


def make_event():
    media = make_media()
    return event_record(project=media.project, type="media.created", subject=media)


def test_events_lead_to_what_they_happened_to():
    event = make_event()
    client = sign_in()
    link = f"/admin/media_app/media/{event.subject.removeprefix('med_')}/change/"
    assert link in text(client, list_path(Event))
    assert link in text(client, page_path(event))


def test_events_are_found_by_what_they_happened_to():
    event, _ = make_event(), make_event()
    client = sign_in()
    for term in (event.subject, event.public_id, event.project.public_id):
        assert client.get(list_path(Event), {"q": term}).context["cl"].result_list == [event]
    Event.objects.filter(pk=event.pk).update(subject="tsk_0123456789abcdef")
    assert client.get(list_path(Event), {"q": "task_0123456789abcdef"}).context["cl"].result_list == [event]


def test_events_are_only_looked_at():
    event = make_event()
    client = sign_in()
    assert client.get("/admin/events_app/event/add/").status_code == 403
    assert client.post(page_path(event), {"type": "x"}).status_code == 403
    assert client.post(page_path(event, "delete"), {"post": "yes"}).status_code == 403


def test_fifty_rows_take_as_many_queries_as_one():
    client = sign_in()
    make_event()
    one = queries(client, list_path(Event))
    for _ in range(49):
        make_event()
    assert queries(client, list_path(Event)) == one
