"""Projects' own domains: their files at the root, everything else of the service nowhere."""

import pytest
from django.core.exceptions import ValidationError
from django.db import OperationalError

from media_app.api import domains
from media_app.models import File
from media_app.tests.factories import make_file
from orgs_app.models import Project
from orgs_app.tests.caller import G4, VERSIONS, Caller, data_of, is_2024
from orgs_app.tests.factories import bearer_header, make_project

pytestmark = pytest.mark.django_db

HOST = "media.example.test:8080"


@pytest.fixture
def caller(settings) -> Caller:
    settings.PROBE_WAIT_SECONDS = 0
    settings.PUBLIC_URL = settings.DELIVERY_URL = "https://api.example.test"
    settings.ALLOWED_HOSTS = ["api.example.test"]
    return Caller(project=make_project(delivery_domain=HOST, api_version=G4))


def get(caller: Caller, path: str, host: str = HOST, method: str = "get", **more):
    return getattr(caller.http, method)(path, headers={"Host": host}, **more)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_file_is_put_and_delivered_where_its_url_says(caller, version):
    headers = bearer_header(caller.secret) | {"Accept-Version": version, "Host": HOST}
    answer = caller.http.put("/a/1.avif", b"data", headers=headers)
    assert answer.status_code == 201
    shown = data_of(answer)
    assert shown["src" if is_2024(version) else "url"] == f"https://{HOST}/a/1.avif"
    answer = get(caller, "/a/1.avif")
    assert b"".join(answer.streaming_content) == b"data"
    assert answer.headers["X-Request-Id"].startswith("req_")
    assert b"".join(get(caller, f"/{File.objects.get().public_id}").streaming_content) == b"data"
    assert b"".join(get(caller, "/a/1.avif", host=HOST.upper()).streaming_content) == b"data"


def test_nothing_else_is_served_there(caller):
    for path in ("/", "/files", "/media", "/admin/", "/livez", "/healthz", "/static/admin/css/base.css", "//evil"):
        answer = get(caller, path)
        assert (answer.status_code, answer.json()["message"]) == (404, "Nothing is here."), path
        assert answer.headers["Content-Length"] == str(len(answer.content))
    make_file(project=caller.project, filename="livez", content=b"x")
    assert b"".join(get(caller, "/livez").streaming_content) == b"x"
    assert get(caller, "/files", method="post").status_code == 405
    assert get(caller, "/files", method="options").status_code == 204


def test_only_the_projects_own_files_are_there(caller):
    other = make_file(filename="b.jpg", content=b"x")
    for path in ("/b.jpg", f"/{other.public_id}", f"/{other.project.public_id}/b.jpg"):
        assert get(caller, path).status_code == 404
    assert get(caller, "/b.jpg", method="put", data=b"x").status_code == 401


def test_a_port_that_is_the_schemes_own_may_be_told_or_not(caller):
    project = make_project(delivery_domain="cdn.example.test")
    make_file(project=project, filename="a.jpg", content=b"x")
    assert b"".join(get(caller, "/a.jpg", host="cdn.example.test:80").streaming_content) == b"x"


def test_the_services_own_hosts_stay_its_own(caller, django_assert_num_queries):
    Project.objects.filter(pk=caller.project.pk).update(delivery_domain="api.example.test")
    with django_assert_num_queries(0):
        assert get(caller, "/livez", host="api.example.test").status_code == 200


def test_other_hosts_are_looked_up_once_in_a_while(caller, django_assert_num_queries, settings, monkeypatch):
    settings.ALLOWED_HOSTS = ["*"]
    for host, queries in (("x.example.test", 1), ("x.example.test", 0), ("testserver", 0), ("10.0.0.1:8000", 0)):
        with django_assert_num_queries(queries):
            assert get(caller, "/livez", host=host).status_code == 200
    now = domains.time.monotonic()
    monkeypatch.setattr(domains.time, "monotonic", lambda: now + domains.UNKNOWN_SECONDS + 1)
    Project.objects.filter(pk=caller.project.pk).update(delivery_domain="x.example.test")
    assert get(caller, "/livez", host="x.example.test").status_code == 404


def test_hosts_that_are_remembered_are_few():
    unknown = domains.UnknownHosts()
    for number in range(domains.UNKNOWN_HOSTS + 10):
        unknown.add(f"{number}.example.test")
    assert len(unknown._until) == 10
    assert f"{domains.UNKNOWN_HOSTS}.example.test" in unknown


def test_a_database_that_is_away_is_told_and_this_process_lives_on(caller, monkeypatch, settings):
    def away(host: str) -> None:
        raise OperationalError("down")

    settings.ALLOWED_HOSTS = ["*"]
    monkeypatch.setattr(domains, "project_find_by_domain", away)
    assert get(caller, "/a.jpg", host="y.example.test").status_code == 503
    assert get(caller, "/livez", host="y.example.test").status_code == 200


@pytest.mark.parametrize(
    "domain", ["localhost", "10.0.0.1", "a..b.test", "-a.test", "http://a.test", "a.test/x", "A.test"]
)
def test_what_is_no_domain_is_refused(domain):
    with pytest.raises(ValidationError):
        Project(delivery_domain=domain).clean_fields(exclude=["organisation", "name"])
