"""One line in the log for each request, with its id, its project and its key, and without what is secret."""

import pytest
from django.test import Client

from orgs_app.tests.factories import bearer_header, make_api_key


@pytest.fixture
def lines(caplog, settings):
    """What the middleware has logged so far."""
    settings.ROOT_URLCONF = "ittyhost.api.tests.thing_urls"
    caplog.set_level("DEBUG")
    return lambda: [record.msg for record in caplog.records if record.name == "ittyhost.api.request_ids"]


@pytest.mark.django_db
def test_a_request_leaves_one_line(lines):
    key, secret = make_api_key()
    response = Client().get("/things?limit=1&signature=s3cret", headers=bearer_header(secret))
    (line,) = lines()
    assert line.pop("duration_ms") > 0
    assert line.pop("timestamp")
    assert line == {
        "event": "request",
        "method": "GET",
        "path": "/things",
        "status": 200,
        "client": "127.0.0.1",
        "request_id": response.headers["X-Request-Id"],
        "project": key.project.public_id,
        "key": key.public_id,
        "level": "info",
        "logger": "ittyhost.api.request_ids",
    }


@pytest.mark.django_db
def test_what_was_bound_to_one_request_is_not_on_the_next(lines):
    _, secret = make_api_key()
    Client().get("/things", headers=bearer_header(secret))
    Client().get("/things")
    known, stranger = lines()
    assert "project" in known
    assert not {"project", "key"} & set(stranger)
    assert known["request_id"] != stranger["request_id"]


def test_what_is_asked_every_few_seconds_is_quiet(lines, db):
    Client().get("/livez")
    assert [line["level"] for line in lines()] == ["debug"]


@pytest.mark.django_db
def test_no_secret_is_logged(caplog, lines):
    caplog.set_level("DEBUG")
    _, secret = make_api_key()
    Client(raise_request_exception=False).get("/faults/bug?token=s3cret", headers=bearer_header(secret))
    assert secret not in caplog.text
    assert "s3cret" not in caplog.text
