"""POST /signatures: URLs that a key signs, in every version."""

import base64
import hashlib
import hmac
import time
from typing import Any

import pytest

from ittyhost.api.versions import all_versions
from media_app.models import File
from media_app.signatures import DEFAULT_SECONDS, MAX_SECONDS
from media_app.tests.factories import make_file
from orgs_app.models import ApiKey, Project
from orgs_app.services import api_key_revoke
from orgs_app.tests.caller import G4, Caller, created, message
from orgs_app.tests.factories import make_project

pytestmark = pytest.mark.django_db

VERSIONS = [version.name for version in all_versions()]
SOON = int(time.time()) + 24 * 3600


def sign(caller: Caller, version: str = G4, **body: Any) -> dict[str, Any]:
    return caller.data("post", "/signatures", version, body)


def by_recipe(secret: str, string: str) -> str:
    """The signature as a client makes it that knows the recipe and nothing else of this service."""
    digest = hmac.new(secret.encode(), string.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode().replace("+", "-").replace("/", "_").rstrip("=")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_url_is_signed_by_the_key_of_the_request(caller, version):
    answer = caller.ask(
        "post", "/signatures", version, {"filename": "a.mp4", "folder": "demo", "expiry": SOON, "method": "put"}
    )
    assert answer.status_code == created(version)
    body = answer.json()
    signed = body if version == G4 else body["data"]
    string = f"demo/a.mp4?expiry={SOON}&method=put"
    domain = f"127.0.0.1:8000/delivery/{caller.project.public_id}"
    assert signed == {
        "domain": domain,
        "folder": "demo",
        "filename": "a.mp4",
        "expiry": SOON,
        "method": "put",
        "signature": by_recipe(caller.secret, string),
        "url": f"http://{domain}/{string}&signature={by_recipe(caller.secret, string)}",
    }
    if version.startswith("2024"):
        assert (body["meta"]["status"], body["links"]["self"].rpartition("/")[2]) == (200, "signatures")
    elif version != G4:
        assert (body["error"], body["links"]["self"].rpartition("/")[2]) == (None, "signatures")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_name_is_enough(caller, version):
    before = int(time.time())
    signed = sign(caller, version, filename="a.mp4", folder=None, expiry=None, method=None, resumable=True, metadata={})
    assert before + DEFAULT_SECONDS <= signed.pop("expiry") <= time.time() + DEFAULT_SECONDS
    assert {name: signed[name] for name in signed if name not in ("signature", "url", "domain")} == {
        "filename": "a.mp4",
        "method": "get",
    }


def test_names_are_signed_as_they_stand_in_the_url(caller):
    signed = sign(caller, filename="café #1?.mp4", folder="/été/a+b/", expiry=SOON)
    assert (signed["folder"], signed["filename"]) == ("été/a+b", "café #1?.mp4")
    path = "%C3%A9t%C3%A9/a%2Bb/caf%C3%A9%20%231%3F.mp4"
    assert signed["url"].partition("/delivery/")[2].partition("/")[2] == (
        f"{path}?expiry={SOON}&method=get&signature={by_recipe(caller.secret, f'{path}?expiry={SOON}&method=get')}"
    )
    decomposed = sign(caller, filename="cafe\u0301 #1?.mp4", folder="e\u0301te\u0301/a+b", expiry=SOON)
    assert decomposed == signed
    assert sign(caller, filename="été/a+b/café #1?.mp4", expiry=SOON) == signed


def test_a_project_with_a_domain_signs_for_it(settings):
    settings.DELIVERY_URL = "https://api.example.test/delivery"
    caller = Caller(project=make_project(delivery_domain="media.example.test"))
    signed = sign(caller, filename="a.mp4", expiry=SOON)
    assert (signed["domain"], signed["url"].partition("?")[0]) == (
        "media.example.test",
        "https://media.example.test/a.mp4",
    )


def test_an_id_can_be_signed_for_reading_only(caller):
    file = make_file(project=caller.project)
    assert sign(caller, filename=file.public_id)["url"].partition("?")[0].endswith(f"/{file.public_id}")
    assert sign(caller, filename="720p/1.ts", folder=file.public_id)["folder"] == f"{file.public_id}/720p"
    for place in ({"filename": file.public_id}, {"filename": "1.ts", "folder": file.public_id}):
        answer = caller.ask("post", "/signatures", G4, {"method": "put", **place})
        assert (answer.status_code, "the ids of files" in message(answer)) == (400, True)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("filename", None, "filename is required."),
        ("filename", "", "filename is required."),
        ("filename", 5, "filename must be a string."),
        ("filename", "a/", "filename must not end in a slash."),
        ("filename", "..", "filename must not hold the parts '.' and '..'."),
        ("filename", "a\u0001b", "filename must not hold control characters."),
        ("filename", "a" * 256, "filename must have at most 255 bytes between two slashes."),
        ("folder", "a/../b", "folder must not hold the parts '.' and '..'."),
        ("folder", "a//b", "folder must not hold an empty part."),
        ("folder", ["a"], "folder must be a string."),
        ("expiry", True, "expiry must be a whole number."),
        ("expiry", 1.5, "expiry must be a whole number."),
        ("expiry", 4e9, "expiry must be a whole number."),
        ("expiry", "4000000000", "expiry must be a whole number."),
        ("expiry", 0, "expiry must be unix seconds in the future, at most ten years from now."),
        ("expiry", -4_000_000_000, "expiry must be unix seconds in the future, at most ten years from now."),
        ("expiry", 1_500_000_000, "expiry must be unix seconds in the future, at most ten years from now."),
        ("expiry", 4_000_000_000_000, "expiry must be unix seconds in the future, at most ten years from now."),
        ("expiry", 10**18, "expiry must be unix seconds in the future, at most ten years from now."),
        ("method", "post", "method must be one of get, put."),
        ("method", 5, "method must be one of get, put."),
        ("method", ["get"], "method must be one of get, put."),
        ("until", 5, "until is not known here. Leave it out, or check how it is spelled."),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_what_cannot_be_is_refused_by_name(caller, version, field, value, says):
    answer = caller.ask("post", "/signatures", version, {"filename": "a.mp4", field: value})
    assert (answer.status_code, message(answer)) == (400, says)


def test_the_latest_expiry_is_ten_years_away(caller):
    latest = int(time.time()) + MAX_SECONDS - 5
    assert sign(caller, filename="a.mp4", expiry=latest)["expiry"] == latest


@pytest.mark.parametrize(
    ("scopes", "method", "status"),
    [
        (["read"], "get", 201),
        (["read"], "GET", 201),
        (["read"], None, 201),
        (["read"], "put", 403),
        (["read"], "Put", 403),
        (["write"], "put", 201),
        (["write"], "PUT", 201),
        (["write"], "get", 403),
        (["write"], None, 403),
    ],
)
def test_a_key_signs_for_what_it_may_do_itself(scopes, method, status):
    caller = Caller(scopes=scopes)
    answer = caller.ask("post", "/signatures", G4, {"filename": "a.mp4", "method": method})
    assert answer.status_code == status
    if status == 403:
        needed = "write" if (method or "").lower() == "put" else "read"
        assert answer.json() == {
            "message": f"This API key lacks the scope '{needed}'. Use a key that has it.",
            "kind": "scope_missing",
        }
    else:
        assert answer.json()["method"] == (method or "get").lower()


@pytest.mark.parametrize("version", VERSIONS)
def test_strangers_sign_nothing(caller, version):
    api_key_revoke(key=ApiKey.objects.get(pk=caller.key.pk))
    assert caller.ask("post", "/signatures", version, {"filename": "a.mp4"}).status_code == 401


def test_signing_changes_nothing(caller, django_assert_max_num_queries):
    sign(caller, filename="a.mp4")
    with django_assert_max_num_queries(1):
        sign(caller, filename="a.mp4", method="put")
    assert (File.objects.count(), Project.objects.get(pk=caller.project.pk).storage_used) == (0, 0)
