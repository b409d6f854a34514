"""What scripts of other sites may do with delivery paths, by DELIVERY_CORS."""

from typing import Any

import pytest

from ittyhost.env import BadSetting, Env
from media_app.models import File
from media_app.tests.factories import make_file
from orgs_app.models import Project
from orgs_app.tests.caller import G4, Caller
from orgs_app.tests.factories import bearer_header, make_project

pytestmark = pytest.mark.django_db

SITE, OTHER = "https://app.example.test", "https://evil.example.test"


@pytest.fixture
def caller(settings) -> Caller:
    settings.PROBE_WAIT_SECONDS = 0
    caller = Caller()
    make_file(project=caller.project, filename="a.jpg", content=b"0123456789")
    return caller


def answers(caller: Caller, origin: str | None) -> dict[str, Any]:
    """One answer of each kind: good ones, and refusals."""
    site = {"Origin": origin} if origin else {}
    base, http = f"/delivery/{caller.project.public_id}", caller.http
    hidden = make_project(is_private=True)
    found = {
        "get": http.get(f"{base}/a.jpg", headers=site),
        "head": http.head(f"{base}/a.jpg", headers=site),
        "part": http.get(f"{base}/a.jpg", headers=site | {"Range": "bytes=0-1"}),
        "parts": http.get(f"{base}/a.jpg", headers=site | {"Range": "bytes=0-1,5-6"}),
        "no part": http.get(f"{base}/a.jpg", headers=site | {"Range": "bytes=99-"}),
        "unchanged": http.get(f"{base}/a.jpg", headers=site | {"If-None-Match": "*"}),
        "missing": http.get(f"{base}/b.jpg", headers=site),
        "private": http.get(f"/delivery/{hidden.public_id}/b.jpg", headers=site),
        "put": http.put(f"{base}/c.jpg", b"x", headers=site | bearer_header(caller.secret)),
        "refused": http.put(f"{base}/c.jpg", b"x", headers=site),
        "other": http.patch(f"{base}/c.jpg", headers=site),
        "asked first": http.options(f"{base}/c.jpg", headers=site | {"Access-Control-Request-Method": "PUT"}),
    }
    for answer in found.values():
        assert answer.getvalue() is not None  # to its end: the test's client closes it there
    assert [answer.status_code for answer in found.values()] == [
        *(200, 200, 206, 206, 416, 304, 404, 403, 201, 401, 405, 204)
    ]
    return found


def test_by_default_every_site_may(caller, settings):
    assert settings.DELIVERY_CORS == ("*",)
    for origin in (SITE, None):
        for answer in answers(caller, origin).values():
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert {"ETag", "Content-Range", "X-Request-Id"} <= set(
                answer.headers["Access-Control-Expose-Headers"].split(", ")
            )
            assert "Access-Control-Allow-Credentials" not in answer.headers
            assert "Origin" not in answer.headers.get("Vary", "")


def test_sites_that_are_named_may_and_others_may_not(caller, settings):
    settings.DELIVERY_CORS = (SITE, "http://localhost:3000")
    for answer in answers(caller, SITE).values():
        assert answer.headers["Access-Control-Allow-Origin"] == SITE
        assert "Origin" in answer.headers["Vary"]
    for origin in (OTHER, None, "null", f"{SITE}.evil.test", f"{SITE}:444"):
        for answer in answers(caller, origin).values():
            assert not any(name.startswith("Access-Control-") for name in answer.headers)
            assert "Origin" in answer.headers["Vary"]


def test_no_site_may(caller, settings):
    settings.DELIVERY_CORS = ()
    for answer in answers(caller, SITE).values():
        assert not any(name.startswith("Access-Control-") for name in answer.headers)


def test_what_is_asked_first(caller):
    answer = answers(caller, SITE)["asked first"]
    methods = {"GET", "HEAD", "OPTIONS", "PUT"}
    assert set(answer.headers["Access-Control-Allow-Methods"].split(", ")) >= methods
    assert set(answer.headers["Allow"].split(", ")) >= methods
    assert {"Authorization", "Content-Type", "Content-Range", "Range", "If-Range", "Accept-Version"} <= set(
        answer.headers["Access-Control-Allow-Headers"].split(", ")
    )
    assert (answer.headers["Access-Control-Max-Age"], answer.content) == ("86400", b"")


def test_a_projects_domain_too(caller, settings):
    settings.DELIVERY_CORS, settings.PUBLIC_URL = (SITE,), "https://api.example.test"
    Project.objects.filter(pk=caller.project.pk).update(delivery_domain="media.example.test")
    headers = {"Host": "media.example.test", "Origin": SITE, "Accept-Version": G4}
    for method, path in (("get", "/x"), ("options", "/x"), ("post", "/x")):
        answer = getattr(caller.http, method)(path, headers=headers)
        assert answer.headers["Access-Control-Allow-Origin"] == SITE
    assert File.objects.count() == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", ("*",)),
        ("*", ("*",)),
        ("none", ()),
        ("https://a.test, http://B.test:81", ("https://a.test", "http://b.test:81")),
        ("http://[::1]:3000", ("http://[::1]:3000",)),
    ],
)
def test_the_setting(text, value):
    assert Env({"DELIVERY_CORS": text}).origins("DELIVERY_CORS", ("*",)) == value


@pytest.mark.parametrize(
    "text", ["a.test", "https://a.test/", "https://*.a.test", "*, https://a.test", "none,*", "ftp://a"]
)
def test_what_is_no_origin_stops_the_start(text):
    with pytest.raises(BadSetting, match=r"^DELIVERY_CORS: .* is no origin\."):
        Env({"DELIVERY_CORS": text}).origins("DELIVERY_CORS", ("*",))
