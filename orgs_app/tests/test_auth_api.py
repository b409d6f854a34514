"""API keys through the URL: who gets in, and what everyone else is told."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from orgs_app.models import ApiKey
from orgs_app.services import api_key_revoke
from orgs_app.tests.factories import bearer_header, make_api_key, make_organisation

pytestmark = pytest.mark.django_db
G4 = {"Accept-Version": "2025-08-20"}
REFUSED = {
    "message": "A valid API key is required. Send it in the header Authorization: Bearer <API key>.",
    "kind": "token_invalid",
}


@pytest.fixture(autouse=True)
def _urls(settings):
    settings.ROOT_URLCONF = "ittyhost.api.tests.thing_urls"


def ask(header, path="/things"):
    return Client().get(path, headers=G4 | ({} if header is None else {"Authorization": header}))


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER  {} "])
def test_a_key_opens_its_project(form):
    _, secret = make_api_key()
    assert ask(form.format(secret)).status_code == 200


def revoke(key):
    api_key_revoke(key=key)


def expire(key):
    ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def forget(key):
    key.delete()


@pytest.mark.parametrize("end", [revoke, expire, forget])
def test_a_key_that_ended_is_refused_from_the_next_request_on(end):
    key, secret = make_api_key()
    assert ask(f"Bearer {secret}").status_code == 200
    end(key)
    response = ask(f"Bearer {secret}")
    assert (response.status_code, response.json(), response.headers["WWW-Authenticate"]) == (
        401,
        REFUSED,
        'Bearer realm="api"',
    )


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Basic {}", "Token {}", "{}", "Bearer {}x", "Bearer sk_live_", "Bearer sk_live_" + "a" * 43],
)
def test_every_other_header_is_refused_in_the_same_words(header):
    _, secret = make_api_key()
    response = ask(header.format(secret) if header else header)
    assert (response.status_code, response.json(), response.headers["WWW-Authenticate"]) == (
        401,
        REFUSED,
        'Bearer realm="api"',
    )
    assert {name for name in response.headers if name.startswith("WWW")} == {"WWW-Authenticate"}


@pytest.mark.parametrize("live_mode", [True, False])
def test_live_mode_is_the_keys(live_mode):
    _, secret = make_api_key(live_mode=live_mode)
    body = Client().get("/things", headers=bearer_header(secret)).json()
    assert body["meta"]["live_mode"] is live_mode


def test_live_and_test_keys_of_a_project_see_the_same_rows():
    key, live = make_api_key()
    _, test = make_api_key(project=key.project, live_mode=False)
    thing = make_organisation()
    answers = [ask(f"Bearer {secret}", f"/things/{thing.public_id}").json() for secret in (live, test)]
    assert answers[0] == answers[1] != {}


def test_a_request_notes_when_the_key_was_used():
    key, secret = make_api_key()
    before = timezone.now()
    ask(f"Bearer {secret}")
    first = ApiKey.objects.get(pk=key.pk).last_used_at
    ask(f"Bearer {secret}")
    assert before <= first == ApiKey.objects.get(pk=key.pk).last_used_at


def test_a_refused_key_is_not_noted():
    key, secret = make_api_key()
    api_key_revoke(key=key)
    ask(f"Bearer {secret}")
    assert ApiKey.objects.get(pk=key.pk).last_used_at is None


def test_the_session_of_an_admin_opens_nothing(admin_client):
    assert admin_client.get("/things", headers=G4).status_code == 401
