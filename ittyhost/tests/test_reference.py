"""The documents as they are served, and the page that shows them."""

import json
import threading

import pytest
import yaml
from django.test import Client

from ittyhost.api import reference
from ittyhost.api.versions import all_versions
from orgs_app.tests.factories import make_project

VERSIONS = [version.name for version in all_versions()]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_document_is_served_to_anybody_with_this_services_addresses(version, settings):
    answer = Client().get(f"/openapi/{version}.json")
    written = json.loads(answer.content)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert (written["openapi"], written["info"]["version"]) == ("3.1.0", version)
    assert written["servers"] == [{"url": settings.PUBLIC_URL}]
    [server] = written["paths"]["/{folder}/{filename}"]["servers"]
    assert server["variables"]["delivery"]["default"] == settings.DELIVERY_URL
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    # libyaml's loader: the one in Python takes ten times as long for 10,000 lines.
    assert yaml.load(Client().get(f"/openapi/{version}.yaml").content, Loader=yaml.CSafeLoader) == written


def test_latest_is_the_newest():
    assert Client().get("/openapi/latest.json").content == Client().get("/openapi/2025-08-20.json").content


def test_what_is_there_already_is_not_sent_again():
    client = Client()
    tag = client.get("/openapi/latest.json").headers["ETag"]
    again = client.get("/openapi/latest.json", headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert client.get("/openapi/latest.json", headers={"If-None-Match": '"other"'}).status_code == 200
    assert tag not in {client.get(f"/openapi/{version}.json").headers["ETag"] for version in VERSIONS[:-1]}


@pytest.mark.parametrize("path", ["/openapi/2020-01-01.json", "/openapi/%0a.json", "/openapi/latest%00.yaml"])
def test_an_unknown_version_is_refused_in_the_form_of_the_api(path):
    answer = Client().get(path, headers={"Accept-Version": "2025-08-20"})
    assert (answer.status_code, answer.json()["kind"]) == (404, "document_not_found")
    assert all(version in answer.json()["message"] for version in VERSIONS)


@pytest.mark.parametrize("path", ["/docs", "/openapi/latest.json"])
def test_they_are_only_read(path):
    answer = Client(enforce_csrf_checks=True).post(path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert answer.json()["error"]["code"] == "method_not_allowed"
    assert Client().head(path).status_code == 200


def test_a_document_is_written_once_whoever_asks_at_the_same_time(monkeypatch):
    written = []
    monkeypatch.setattr(reference, "document", lambda version: written.append(version) or {"paths": {}})
    reference._written.cache_clear()
    threads = [threading.Thread(target=reference._page, args=(all_versions()[0], "json")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reference._written.cache_clear()
    assert written == [all_versions()[0]]


@pytest.mark.parametrize("path", ["/docs", "/docs/"])
def test_the_page_takes_scripts_from_files_of_this_service_only(path):
    answer = Client().get(path)
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert (policy["default-src"], policy["script-src"]) == ("'none'", "'self'")
    assert policy["connect-src"] == "'self' http://127.0.0.1:8000"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    page = answer.content.decode()
    assert [version for version in VERSIONS if f"<option selected>{version}</option>" in page] == ["2024-03-21"]
    assert "http" not in page.replace("/openapi/", "")
    assert page.count("<script") == page.count("<script defer src=") == 2


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/docs", "/openapi/latest.json", "/static/ittyhost/docs.js"])
def test_on_a_projects_own_domain_these_paths_are_files(path):
    make_project(delivery_domain="media.example.org")
    answer = Client().get(path, headers={"Host": "media.example.org"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
