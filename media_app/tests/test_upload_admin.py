"""Operators look at uploads in progress and their sessions, and give uploads up."""

import io

import pytest

from ittyhost.admin.tests.operator import list_path, make_operator, page_path, queries, sign_in, text
from media_app import services
from media_app.content_range import PieceRange
from media_app.models import File, Upload, UploadSession
from media_app.services import Place
from orgs_app.tests.caller import Caller

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bucket_of_its_own", "no_workers")]


def begin(filename: str = "a.bin", total: int = 1000, end: int = 400) -> Upload:
    caller = Caller()
    place = Place(caller.project, "demo", filename, caller.key.public_id)
    services.piece_receive(place=place, span=PieceRange(0, end, total), stream=io.BytesIO(bytes(end)))
    return Upload.objects.get(project=caller.project)


def test_an_upload_is_shown_with_its_pieces():
    upload = begin()
    client = sign_in()
    shown = text(client, list_path(Upload))
    for word in (upload.public_id, "demo/a.bin", "400 B of 1", "open"):
        assert word in shown
    page = text(client, page_path(upload))
    for word in ("0-399", "stored", upload.created_by, "Give up"):
        assert word in page
    assert upload.handle not in page


def test_a_list_takes_as_many_queries_for_many():
    begin()
    client = sign_in()
    few = queries(client, list_path(Upload))
    for name in "bcdef":
        begin(name)
    assert queries(client, list_path(Upload)) == few


def test_an_upload_is_given_up_and_cleaned_up_after():
    upload = begin()
    path = page_path(upload, "action", "give_up")
    assert sign_in(make_operator("media_app.view_upload")).post(path).status_code == 403
    assert Upload.objects.get().status == "open"
    assert sign_in(make_operator(name="root")).post(path).status_code == 302
    assert Upload.objects.get().status == "ended"
    services.uploads_sweep()
    assert Upload.objects.count() == 0


def test_what_is_complete_cannot_be_given_up():
    upload = begin(end=1000)
    client = sign_in()
    assert "Give up" not in text(client, page_path(upload))
    client.post(page_path(upload, "action", "give_up"))
    assert (Upload.objects.get().status, File.objects.count()) == ("complete", 1)


def test_a_session_is_shown_without_its_key():
    session, key = services.session_create(api_key=Caller().key, alias="cat", metadata={"a": 1})
    client = sign_in()
    assert session.public_id in text(client, list_path(UploadSession))
    page = text(client, page_path(session))
    assert "cat" in page
    assert key not in page
    assert UploadSession.objects.get().digest not in page
